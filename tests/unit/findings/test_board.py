"""What is wanted, what is there, and what triage saw: the publisher's decisions without an API server."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from auditwatch.api.finding import Label
from auditwatch.detection.signal import Absorption
from auditwatch.events.activity import Actor
from auditwatch.findings import rendering
from auditwatch.findings.board import key_of
from auditwatch.findings.forgetting import Told
from auditwatch.findings.lifecycle import Watermark
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.published import Published, decode_published, encode_published, head
from auditwatch.findings.refusals import Refused
from auditwatch.findings.state import encode
from tests.unit.findings.bench import Bench, opened
from tests.unit.findings.making import START, WATCH, ledger, signal


def test_a_new_incident_is_wanted_and_written_once() -> None:
    bench, key = opened()

    assert bench.status(key)["count"] == 1
    assert bench.publish() == []


def test_an_incident_that_goes_on_is_written_again() -> None:
    bench, key = opened()
    bench.tell(signal(2, after=1), signal(3, after=2))

    assert bench.publish() == [key]
    assert bench.status(key)["count"] == 3


def test_what_is_below_the_minimum_is_not_wanted() -> None:
    bench = Bench()
    bench.book.configure(WATCH, FindingPolicy(min_severity="Critical"))
    bench.tell(signal(1))

    assert bench.publish() == []


def test_only_what_the_journal_does_not_know_is_saved() -> None:
    bench, key = opened()

    assert bench.board.take_unsaved() == {key: Published(revision=1)}
    assert bench.board.take_unsaved() == {}


def test_what_could_not_be_saved_is_offered_again() -> None:
    bench, key = opened()
    bench.board.keep_unsaved(bench.board.take_unsaved())

    assert list(bench.board.take_unsaved()) == [key]


def test_after_a_restart_only_the_unpublished_is_wanted() -> None:
    bench, key = opened()
    bench.tell(signal(2, name="weekly"))
    saved = {each.key: each for each in bench.book.states()}
    again = Bench(bench.server, bench.book)
    again.board.restore(bench.board.take_unsaved() | {})  # type: ignore[arg-type]  # nothing was dropped
    again.board.add_older({k: encode(state) for k, state in saved.items()}, now=START, moment=START)

    assert [written for written in again.publish() if written != key] == [k for k in saved if k != key]


def test_what_was_told_meanwhile_is_newer_than_what_was_read() -> None:
    bench = Bench()
    bench.book.apply([signal(1)])
    older = bench.book.take_dirty()
    bench.tell(signal(2, after=1))
    bench.board.add_older(older, now=START, moment=START)
    (key,) = bench.publish()

    assert bench.status(key)["count"] == 2


def test_an_object_somebody_deleted_is_made_again() -> None:
    bench, key = opened()
    del bench.server.objects[key]
    bench.board.vanished(key)
    bench.tell(signal(2, after=1))
    bench.publish()

    assert bench.status(key)["count"] == 2


def test_an_incident_the_ledger_drops_leaves_nothing_behind() -> None:
    bench, key = opened()
    bench.board.take_unsaved()
    bench.book.forget(Told(bench.board.revisions()), before=START + 1e6)
    bench.board.take_rows(bench.book.take_dirty(), now=START, moment=START)

    assert bench.board.state(key) is None
    assert bench.board.take_unsaved() == {key: None}
    assert bench.board.revisions() == {}


def test_what_is_refused_is_told_apart_from_what_waits_until_it_is_written() -> None:
    bench = Bench()
    bench.tell(signal(1), signal(2, name="weekly"))
    first, second = (bench.board.schedule.take(START) or "" for _ in range(2))
    bench.board.refused(first, "no such namespace", moment=START)
    bench.write(second)

    assert (bench.board.backlog(), bench.board.waiting_since()) == (0, None)
    assert bench.board.refusals.counts() == {WATCH: 1}
    assert bench.board.refusals.of(WATCH, moment=START + 9) == Refused(1, 9.0, "no such namespace")
    assert bench.publish() == [first]
    assert bench.board.refusals.of(WATCH, moment=START + 9) == Refused()


# Triage


def test_triage_is_followed_when_it_is_seen_in_a_list() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    assert bench.look() == [None]

    assert bench.publish() == [key]
    assert (bench.status(key)["state"], bench.status(key)["observedGeneration"]) == ("Closed", 2)
    assert bench.look() == [None]
    assert bench.publish() == []


def test_more_of_the_same_leaves_it_closed() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.look()
    bench.publish()
    bench.tell(signal(2, after=1))
    bench.publish()

    assert (bench.status(key)["state"], bench.status(key)["count"]) == ("Closed", 2)


def test_another_actor_reopens_it() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.look()
    bench.publish()
    bench.tell(signal(2, after=1, actor=Actor(manager="helm")))
    bench.publish()

    assert bench.status(key)["state"] == "Reopened"


def test_news_written_in_the_same_breath_as_triage_is_not_covered_by_it() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.tell(signal(2, after=1, actor=Actor(manager="helm")))
    bench.publish()
    bench.look()
    bench.publish()

    assert bench.status(key)["state"] == "Reopened"


def test_news_that_people_had_before_their_eyes_is_covered() -> None:
    bench, key = opened()
    bench.tell(signal(2, after=1, actor=Actor(manager="helm")))
    bench.publish()
    bench.server.triage(key, state="Resolved")
    bench.look()
    bench.publish()

    assert bench.status(key)["state"] == "Closed"


def test_triaging_a_reopened_finding_closes_it() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.tell(signal(2, after=1, actor=Actor(manager="helm")))
    bench.publish()
    bench.look()
    bench.publish()
    bench.server.triage(key, comment="seen")
    bench.look()
    bench.publish()

    assert bench.status(key)["state"] == "Closed"


def test_what_triage_saw_outlives_a_restart() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.look()
    bench.publish()
    saved = {name: row for name, row in bench.board.take_unsaved().items() if row is not None}
    assert saved == {key: Published(revision=1, through=1)}

    again = Bench(bench.server, bench.book)
    again.board.restore(saved)
    again.now = bench.now
    again.tell(signal(2, after=1), signal(3, after=2, actor=Actor(manager="helm")))
    again.look()
    again.publish()
    assert again.status(key)["state"] == "Reopened"


def test_triage_of_an_incident_that_is_over_is_still_followed() -> None:
    bench, key = opened()
    bench.book.forget(Told(bench.board.revisions()), before=START + 1e6)
    bench.board.take_rows(bench.book.take_dirty(), now=START, moment=START)
    bench.server.triage(key, state="Acknowledged")
    (lifecycle,) = bench.look()
    bench.server.write(key, rendering.lifecycle_body(lifecycle))

    assert {each["type"]: each["status"] for each in bench.status(key)["conditions"]} == {
        "Acknowledged": "True",
        "Resolved": "False",
    }
    assert bench.status(key)["count"] == 1
    assert bench.look() == [None]


def test_a_list_seen_while_a_write_is_under_way_does_not_overtake_it() -> None:
    bench, key = opened()
    bench.tell(signal(2, after=1))
    bench.now += 60
    assert bench.board.schedule.take(bench.now) == key
    before = bench.board.known(key)
    bench.server.triage(key, state="Resolved")
    bench.look()

    assert bench.board.known(key) == before


def test_another_object_of_the_same_name_starts_over() -> None:
    bench, key = opened()
    other = {**bench.server.objects[key], "metadata": {**bench.server.objects[key]["metadata"], "uid": "other"}}
    known = bench.board.observe(key, other)

    assert (known.uid, known.seen) == ("other", Watermark("journal-a", 1))


def test_a_key_is_namespace_and_name() -> None:
    assert key_of({"metadata": {"namespace": "a", "name": "b"}}) == "a/b"


def test_rows_of_the_journal_are_read_back() -> None:
    for published in (Published(), Published(revision=5), Published(revision=5, through=3)):
        assert decode_published(encode_published(published)) == published


def test_the_head_of_a_state_is_read_without_the_rest() -> None:
    book = ledger()
    book.apply([signal(4, severity="Critical")])
    (row,) = book.take_dirty().values()
    assert row is not None
    of = head(row)

    assert (of.journal_id, of.revision, of.novel, of.severity, of.shown) == ("journal-a", 4, 4, "Critical", True)


def _of_one_act(sequence: int) -> list[Any]:
    counted = signal(sequence)
    absorbs = (Absorption("retention-cut", 60.0),)
    story = signal(sequence, rule="many-cut", group=(("actor.id", "eve"),), contributors=(sequence,), absorbs=absorbs)
    return [counted, story]


def test_what_a_story_tells_before_it_was_written_is_never_written() -> None:
    bench = Bench()
    bench.tell(*_of_one_act(1))
    (key,) = bench.publish()
    assert "many-cut" in key
    assert bench.board.schedule.is_idle()


def test_what_was_waiting_to_be_written_is_not_any_more() -> None:
    bench = Bench()
    bench.tell(signal(1))
    bench.tell(signal(2))
    bench.tell(replace(_of_one_act(3)[1], contributors=(1, 2)))
    assert ["many-cut" in key for key in bench.publish()] == [True]


def test_what_was_written_is_marked_when_a_story_tells_it() -> None:
    bench, key = opened(signal(1))
    bench.tell(replace(_of_one_act(2)[1], contributors=(1,)))
    assert len(bench.publish()) == 2
    assert bench.status(key)["disposition"] == "Superseded"


# What others write over it


def test_a_status_that_somebody_rewrote_is_written_anew_as_a_whole() -> None:
    bench, key = opened()
    before = bench.status(key)
    bench.server.write(key, {"severity": "Low", "count": 99, "summary": {}, "theirs": "x"})
    bench.look()
    assert bench.publish() == []  # the list may have been older than our write

    bench.look()
    assert bench.board.is_rewritten(key)
    assert bench.publish() == [key]
    assert bench.status(key) == before
    assert not bench.board.is_rewritten(key)
    assert (bench.look(), bench.publish()) == ([None], [])


def test_so_is_one_whose_severity_was_relabelled() -> None:
    bench, key = opened()
    found = bench.server.objects[key]
    labels = {**found["metadata"]["labels"], Label.SEVERITY.value: "Low"}
    bench.server.objects[key] = {**found, "metadata": {**found["metadata"], "labels": labels}}
    bench.look()
    bench.look()

    assert bench.board.is_rewritten(key)


def test_a_list_that_is_older_than_our_write_accuses_nobody() -> None:
    bench, key = opened()
    older = dict(bench.server.objects[key])
    bench.tell(signal(2, after=1))
    assert bench.publish() == [key]

    bench.board.look(older, now=bench.now, moment=bench.now)
    bench.look()
    bench.board.look(older, now=bench.now, moment=bench.now)
    assert not bench.board.is_rewritten(key)
    assert bench.publish() == []


def test_what_people_write_into_triage_is_theirs() -> None:
    bench, key = opened()
    bench.server.triage(key, state="Resolved")
    bench.look()
    bench.publish()
    bench.look()
    bench.look()

    assert not bench.board.is_rewritten(key)
    assert bench.status(key)["state"] == "Closed"


def test_whoever_writes_that_all_was_seen_closes_nothing() -> None:
    bench, key = opened()
    bench.server.write(key, {"state": "Closed", "watermark": {"journalID": "journal-a", "sequence": 10**9}})
    bench.look()
    bench.server.triage(key, state="Resolved")
    for _ in range(3):
        bench.look()
        bench.publish()
    assert bench.status(key)["state"] == "Closed"

    bench.tell(signal(2, after=1, actor=Actor(manager="helm")))
    bench.publish()

    assert bench.status(key)["state"] == "Reopened"


def test_what_is_there_at_the_start_is_taken_as_it_is() -> None:
    bench, key = opened()
    bench.server.write(key, {"severity": "Low"})
    later = Bench(bench.server, bench.book)
    later.board.restore({key: Published(revision=1)})
    (state,) = bench.book.states()
    later.board.take_rows({key: encode(state)}, now=later.now, moment=later.now)
    later.look()
    later.look()

    assert not later.board.is_rewritten(key)
