"""What is posted reaches the inbox before it is acknowledged, and one item never costs another."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from auditwatch.events.audit import AuditRecord
from auditwatch.journal.errors import JournalFullError, JournalUnavailableError
from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.plan import Limits
from tests.unit.sources.webhook.making import (
    INSTANCE,
    PATH,
    POLICIES,
    SOURCE,
    compact,
    event,
    event_list,
    running,
)


async def test_every_event_of_a_list_is_in_the_inbox_when_the_answer_is_200(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        status, text, _ = await rig.post(event_list(event(1), event(2), event(3)))

        assert (status, text) == (200, "")
        assert rig.intake.names() == ["p1", "p2", "p3"]
        record = rig.intake.records()[0]
        assert (record.cluster, record.source, record.instance) == ("prod", SOURCE, INSTANCE)
        assert record.evidence == "Audited"


async def test_lines_of_an_agent_are_taken_like_items_of_a_list(tmp_path: Path, journal: Journal) -> None:
    whole = {"kind": "Event", "apiVersion": "audit.k8s.io/v1"}
    lines = b"\n".join(compact(whole | event(number)) for number in range(3)) + b"\n\n"

    async with running(tmp_path, journal) as rig:
        status, _, _ = await rig.post(lines, headers={"Content-Type": "application/x-ndjson"})

        assert status == 200
        assert rig.intake.names() == ["p0", "p1", "p2"]


async def test_the_same_batch_twice_is_in_the_inbox_once(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        for _ in range(2):
            assert (await rig.post(event_list(event(1), event(2))))[0] == 200

        assert rig.intake.names() == ["p1", "p2"]
        assert rig.report().requests == 2


async def test_only_what_a_rule_may_care_about_is_kept_and_everything_is_counted(
    tmp_path: Path, journal: Journal
) -> None:
    async with running(tmp_path, journal) as rig:
        rig.needles.append(POLICIES)
        await rig.post(event_list(event(1), *[event(n, resource="leases") for n in range(2, 10)]))
        await rig.post(event_list(*[event(n, resource="leases") for n in range(10, 13)]))

        assert rig.intake.names() == ["p1"]
        report = rig.report()
        assert (report.events, report.selected) == (12, 1)
        assert rig.intake.put_count == 1, "nothing to commit, nothing committed"


async def test_needles_that_change_are_in_force_at_once(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.needles.append(POLICIES)
        await rig.post(event_list(event(1, resource="profiles")))
        rig.needles.pop()
        await rig.post(event_list(event(2, resource="profiles")))

        assert rig.intake.names() == ["p2"]


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(b'{"level":"Metadata","auditID":"x","stage":', id="cut off"),
        pytest.param(b'{"hello":"world"}', id="something else"),
        pytest.param(b"5", id="a number"),
        pytest.param(
            compact(event(9)).replace(
                b'"responseStatus"', b'"requestObject":' + b"[" * 5000 + b"]" * 5000 + b',"responseStatus"'
            ),
            id="deep",
        ),
        pytest.param(compact(event(9)).replace(b"mallory", b"mall\xff\xfe"), id="invalid UTF-8"),
        pytest.param(compact(event(9)).replace(b"{", b'{"requestObject":' + b"9" * 5000 + b",", 1), id="long number"),
        pytest.param(compact(event(9)).replace(b"mallory", rb"\ud800"), id="lone surrogate"),
    ],
)
async def test_a_hostile_item_never_rejects_its_neighbours(tmp_path: Path, journal: Journal, hostile: bytes) -> None:
    async with running(tmp_path, journal) as rig:
        status, _, _ = await rig.post(event_list(event(1), hostile, event(2)))

        assert status == 200
        kept = rig.intake.names()
        assert kept[0] == "p1"
        if not hostile.endswith(b'"stage":'):  # there the rest of the list is inside what was cut off
            assert kept[-1] == "p2"
        report = rig.report()
        assert report.selected + sum(report.undecodable.values()) == report.events


async def test_a_large_event_is_kept_without_its_body_and_its_neighbours_are_whole(
    tmp_path: Path, journal: Journal
) -> None:
    large = event(1, requestObject={"spec": {"text": "x" * 200_000}})
    small = event(2, requestObject={"spec": {"paused": True}})
    limits = Limits(event_bytes=100_000)

    async with running(tmp_path, journal, limits=limits) as rig:
        assert (await rig.post(event_list(large, small)))[0] == 200

        first, second = rig.intake.records()
        assert first.degraded == ("BodyTooLarge",)
        assert second.degraded == ()
        assert second.request_object == {"spec": {"paused": True}}


async def test_a_body_of_36_megabytes_is_taken_whole(tmp_path: Path, journal: Journal) -> None:
    items = [event(number, requestObject={"spec": {"text": "<" * 12_000_000}}) for number in range(3)]

    async with running(tmp_path, journal) as rig:
        assert (await rig.post(event_list(*items)))[0] == 200

        assert rig.intake.names() == ["p0", "p1", "p2"]


async def test_what_is_no_audit_event_is_counted_with_its_reason(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(event_list({"kind": "Pod"}, event(1))))[0] == 200
        assert (await rig.post(b"not even JSON"))[0] == 200

        assert rig.intake.names() == ["p1"]
        assert rig.report().undecodable == {"NotAnAuditEvent": 2}


@pytest.mark.parametrize("body", [b"", b"\n", event_list()])
async def test_an_empty_body_is_taken_and_nothing_is_in_it(tmp_path: Path, journal: Journal, body: bytes) -> None:
    async with running(tmp_path, journal) as rig:
        assert (await rig.post(body))[0] == 200

        report = rig.report()
        assert (report.requests, report.events) == (1, 0)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (JournalFullError(Path("/j"), "the limit of 1 GiB is reached", "raise journal.limitBytes"), "JournalFull"),
        (JournalUnavailableError(Path("/j"), "the disk failed", "check its volume"), "JournalUnavailable"),
        (RuntimeError("the engine has stopped"), "NotRecorded"),
    ],
)
async def test_what_cannot_be_committed_is_to_come_again_in_two_seconds(
    tmp_path: Path, journal: Journal, error: Exception, reason: str
) -> None:
    async with running(tmp_path, journal) as rig:
        rig.intake.fails = error
        status, text, headers = await rig.post(event_list(event(1)))

        assert (status, headers["Retry-After"]) == (503, "2")
        assert text
        assert rig.intake.records() == []
        report = rig.report()
        assert (report.state, report.refused, report.selected) == ("Refusing", {reason: 1}, 0)

        rig.intake.fails = None
        assert (await rig.post(event_list(event(1))))[0] == 200
        assert rig.intake.names() == ["p1"]
        assert (rig.report().state, rig.report().message) == ("Receiving", "")


async def test_a_commit_that_takes_too_long_is_to_come_again(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal, limits=Limits(commit_seconds=0.1)) as rig:
        rig.intake.gate = asyncio.Event()

        status, _, headers = await rig.post(event_list(event(1)))

        assert (status, headers["Retry-After"]) == (503, "2")
        assert rig.report().refused == {"Busy": 1}


async def test_what_finds_too_much_waiting_for_the_journal_is_to_come_again_at_once(
    tmp_path: Path, journal: Journal
) -> None:
    async with running(tmp_path, journal, limits=Limits(commit_seconds=60.0, waiting_bytes=1_000)) as rig:
        rig.intake.gate = asyncio.Event()
        waiting = asyncio.create_task(rig.post(event_list(event(1))))
        await rig.intake.arrived.wait()

        status, _, headers = await rig.post(event_list(event(2)))
        assert (status, headers["Retry-After"]) == (503, "2")
        assert rig.report().refused == {"Busy": 1}

        rig.intake.gate.set()
        assert (await waiting)[0] == 200
        assert (await rig.post(event_list(event(2))))[0] == 200
        assert rig.intake.names() == ["p1", "p2"]


async def test_a_record_larger_than_all_that_may_wait_waits_alone(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal, limits=Limits(waiting_bytes=10)) as rig:
        assert (await rig.post(event_list(event(1))))[0] == 200
        assert rig.intake.names() == ["p1"]


async def test_the_answer_waits_for_the_commit(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.intake.gate = asyncio.Event()
        posting = asyncio.create_task(rig.post(event_list(event(1))))
        await rig.intake.arrived.wait()
        assert not posting.done()

        rig.intake.gate.set()

        assert (await posting)[0] == 200


async def test_what_is_refused_is_shown_to_nobody_until_it_is_on_disk(tmp_path: Path, journal: Journal) -> None:
    seen: list[str] = []
    async with running(tmp_path, journal, seen=lambda record: seen.append(record.event.audit_id)) as rig:
        rig.intake.fails = JournalFullError(Path("/j"), "the limit of 1 GiB is reached", "raise journal.limitBytes")
        for _ in range(5):
            assert (await rig.post(event_list(event(1))))[0] == 503
        assert seen == [], "the sender gives it up now: it proves nothing"

        rig.intake.fails = None
        assert (await rig.post(event_list(event(2), event(3))))[0] == 200

    assert seen == ["audit-2", "audit-3"]


async def test_a_flaw_in_who_looks_on_does_not_have_sent_again_what_is_on_disk(
    tmp_path: Path, journal: Journal
) -> None:
    def flawed(_record: AuditRecord) -> None:
        raise ZeroDivisionError

    async with running(tmp_path, journal, seen=flawed) as rig:
        assert (await rig.post(event_list(event(1))))[0] == 200
        assert rig.intake.names() == ["p1"]


async def test_a_gzip_body_is_unpacked(tmp_path: Path, journal: Journal) -> None:
    packed = gzip.compress(event_list(event(1))[:50]) + gzip.compress(event_list(event(1))[50:])

    async with running(tmp_path, journal) as rig:
        assert (await rig.post(packed, headers={"Content-Encoding": "gzip"}))[0] == 200

        assert rig.intake.names() == ["p1"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(event_list(event(1)))[:-9], "gzip"),
        (b"", "gzip"),
        (gzip.compress(b"") * 150_000, "gzip"),
        (b"plain", "gzip"),
        (b"plain", "br"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    tmp_path: Path, journal: Journal, body: bytes, encoding: str
) -> None:
    async with running(tmp_path, journal) as rig:
        status, text, _ = await rig.post(body, headers={"Content-Encoding": encoding})

        assert status == 400
        assert "gzip" in text
        assert rig.report().refused == {"BadEncoding": 1}


async def test_needles_are_told_to_who_asks(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.needles.append(POLICIES)

        status, text, headers = await rig.post(None, path=f"{PATH}/needles", method="GET")

        assert status == 200
        assert headers["Content-Type"].startswith("application/json")
        assert json.loads(text) == {
            "digest": POLICIES.digest,
            "readsEverything": False,
            "needles": [['"resource":"policies"']],
        }


async def test_who_chose_by_old_needles_is_taken_and_told_the_new_ones(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.needles.append(POLICIES)

        status, text, _ = await rig.post(event_list(event(1)), headers={"Auditwatch-Needles": "old"})
        assert status == 200
        assert json.loads(text)["needles"]["digest"] == POLICIES.digest
        report = rig.report()
        assert (report.needles_digest, rig.intake.names()) == ("old", ["p1"])

        status, text, _ = await rig.post(event_list(event(2)), headers={"Auditwatch-Needles": POLICIES.digest})
        assert (status, text) == (200, "")
        later = rig.report()
        assert later.needles_digest == POLICIES.digest
        assert later.needles_since
        assert report.needles_since
        assert later.needles_since > report.needles_since


async def test_a_report_says_when_the_last_event_happened(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        before = rig.report()
        assert (before.state, before.last_event) == ("Waiting", None)
        assert "configured" in before.message

        await rig.post(event_list(event(1)))

        after = rig.report()
        assert after.last_event == 1_800_000_000.5
        assert after.last_received
        assert (after.needles_digest, after.state) == ("", "Receiving")


async def test_a_stop_lets_what_was_begun_finish(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.intake.gate = asyncio.Event()
        posting = asyncio.create_task(rig.post(event_list(event(1))))
        await rig.intake.arrived.wait()
        stopping = asyncio.create_task(rig.source.stop())
        await asyncio.sleep(0.05)
        rig.intake.gate.set()

        assert (await posting)[0] == 200
        await stopping


async def test_a_journal_that_really_is_full_makes_senders_come_again(tmp_path: Path, journal: Journal) -> None:
    journal.limit_bytes = 1 << 20
    bulky = [event(number, requestObject={"spec": {"text": "x" * 50_000}}) for number in range(40)]

    async with running(tmp_path, journal) as rig:
        status, text, headers = await rig.post(event_list(*bulky))

        assert (status, headers["Retry-After"]) == (503, "2")
        assert "journal.limitBytes" in text
        assert rig.report().refused == {"JournalFull": 1}

        journal.limit_bytes = 1 << 30
        assert (await rig.post(event_list(*bulky)))[0] == 200
        assert rig.intake.names() == [f"p{number}" for number in range(40)], "what was in before is in once"
