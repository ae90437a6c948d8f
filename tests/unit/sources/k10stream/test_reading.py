"""Lines of a log, read: events, requests of our own, and everything else."""

from __future__ import annotations

from dataclasses import replace

from auditwatch.events.activity import Gap, JSONObject
from auditwatch.events.canary import Canary
from auditwatch.events.redaction import Redactor
from auditwatch.sources.k10stream.knowledge import Knowledge
from auditwatch.sources.k10stream.lines import Line
from auditwatch.sources.k10stream.reading import Seen
from tests.unit.sources.k10stream.making import (
    POD,
    START,
    bare,
    compact,
    echo,
    event,
    knowledge,
    names,
    probe,
    reader,
    stamped,
    taught,
    wrapped,
)


def read(known: Knowledge, *texts: bytes) -> Seen:
    lines = [stamped(START + index, text) for index, text in enumerate(texts)]
    return reader(known).read(lines, received=START + 100, pods=[POD])


def test_an_event_in_the_envelope_becomes_a_record() -> None:
    seen = read(knowledge(envelope=taught()), wrapped(event(responseObject={"spec": {"password": "secret-1"}})))

    [record] = seen.records
    assert (record.evidence, record.source, record.instance, record.cluster) == (
        "K10Stream",
        "k10stream",
        POD,
        "cluster-1",
    )
    assert record.received == START + 100
    assert record.event.user.username == "backup-operator"
    assert "secret-1" not in str(record)
    assert (seen.last_event, seen.last_time) == (START, START)
    assert seen.counts == {"lines": 1, "events": 1}


def test_lines_outside_the_envelope_are_counted_and_not_believed() -> None:
    forged = compact({"level": "info", "msg": wrapped(event("forged")).decode()}).encode()

    seen = read(knowledge(envelope=taught()), b"starting up", forged, wrapped(event()), bare(event("forged")))

    assert names(seen.records) == ["billing"]
    assert seen.counts == {"lines": 4, "events": 1, "foreign": 3, "suspect": 2}
    assert seen.last_event == START + 2


def test_before_the_envelope_is_known_nothing_is_believed() -> None:
    seen = read(knowledge(), wrapped(event()))

    assert seen.records == []
    assert (seen.is_heard, seen.counts["suspect"]) == (True, 0)
    assert not read(knowledge(), b"starting up").is_heard


def test_requests_of_our_own_come_back_as_proofs_and_not_as_records() -> None:
    known = knowledge(probe(1, sent=START + 5), envelope=taught(), proof=START - 60)

    seen = read(known, wrapped(echo(probe(1))), wrapped(echo(probe(1))), wrapped(event()))

    assert names(seen.records) == ["billing"]
    assert (seen.is_proof, seen.counts["canaries"]) == (True, 2)
    assert known.standing.proof == START + 5


def test_a_request_that_only_looks_like_ours_is_recorded() -> None:
    known = knowledge(probe(1), envelope=taught())

    seen = read(known, wrapped({**echo(probe(1)), "user": {"username": "mallory"}}), wrapped(echo(probe(2))))

    assert len(seen.records) == 2
    assert not seen.is_proof


def test_after_two_lessons_the_lines_that_follow_are_believed() -> None:
    known = knowledge(probe(1), probe(2))

    seen = read(
        known,
        wrapped(echo(probe(1)), time="1"),
        wrapped(event("early")),
        wrapped(echo(probe(2)), time="2"),
        wrapped(event("late")),
    )

    assert names(seen.records) == ["late"]
    assert known.rewind(0) == known.standing.began
    assert seen.is_proof


def test_an_event_nobody_can_read_is_counted_and_is_a_gap() -> None:
    seen = read(knowledge(envelope=taught()), wrapped({"no": "event"}), wrapped(event()))

    [gap] = seen.gaps
    assert (gap.reason, gap.subject, gap.start, gap.end) == ("EventUnreadable", POD, START, START)
    assert names(seen.records) == ["billing"]
    assert seen.counts["undecodable"] == 1


def test_an_event_with_a_body_nobody_can_parse_is_degraded_and_kept() -> None:
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    line = wrapped(event(responseObject={"x": 1})).replace(
        b'"responseObject":{"x":1}', b'"responseObject":' + deep.encode()
    )

    seen = read(knowledge(envelope=taught()), line)

    assert names(seen.records) == ["billing"]
    assert seen.records[0].degraded


def test_the_end_of_a_silence_is_a_gap() -> None:
    canary = Canary(account=knowledge().canary.account, last_proof=START - 100)
    known = knowledge(envelope=taught(), proof=START - 100)
    known.canary = canary
    canary.sent(probe(1, sent=START - 60))
    canary.overdue(START - 20)
    canary.sent(probe(2, sent=START))

    seen = read(known, wrapped(echo(probe(2))))

    assert seen.gaps == [
        Gap(
            cluster="cluster-1",
            source="k10stream",
            subject="aggregatedapis-svc",
            reason="Silent",
            message=seen.gaps[0].message,
            start=START - 20,
            end=START,
        )
    ]


def test_what_the_kubelet_says_of_itself_is_kept_apart() -> None:
    lines = [Line(None, b"unable to retrieve container logs for x\xff"), Line(None, b"the rest of a line")]

    seen = reader(knowledge(envelope=taught())).read(lines, received=START, pods=[POD])

    assert seen.complaint.startswith("unable to retrieve container logs")
    assert (seen.last_time, seen.counts) == (None, {"lines": 2, "foreign": 2})


def test_a_line_without_a_time_is_not_believed() -> None:
    seen = reader(knowledge(envelope=taught())).read([Line(None, wrapped(event()))], received=START, pods=[POD])

    assert seen.records == []


class Failing(Redactor):
    """Fails on one object, as a defect of ours would."""

    def redact(self, group: str, resource: str, obj: JSONObject) -> JSONObject:
        if "poison" in obj:
            raise ValueError("a secret value")
        return super().redact(group, resource, obj)


def test_a_line_on_which_our_own_code_fails_costs_itself_alone_and_is_told() -> None:
    whole = reader(knowledge(envelope=taught()))
    lines = [
        stamped(START + index, wrapped(event(name, responseObject=body)))
        for index, (name, body) in enumerate([("before", {"a": 1}), ("bad", {"poison": 1}), ("after", {"a": 1})])
    ]
    seen = replace(whole, redactor=Failing(b"k")).read(lines, received=START + 100, pods=[POD])

    assert names(seen.records) == ["before", "after"]
    assert seen.counts == {"lines": 3, "events": 2, "undecodable": 1}
    [gap] = seen.gaps
    assert (gap.reason, gap.start, "secret" in gap.message) == ("EventUnreadable", START + 1, False)
