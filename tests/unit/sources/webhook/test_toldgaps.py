"""What an agent knows to be lost of its log becomes a gap, whatever else its post brings."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.journal import Journal
from auditwatch.sources.file.forwarding import GAPS_HEADER as SENT_BY_AGENTS
from auditwatch.sources.file.gapheaders import gap_headers
from auditwatch.sources.file.gaps import FileGap
from auditwatch.sources.webhook.toldgaps import GAPS_HEADER, LONGEST_HEADER, gap_rows
from tests.unit.sources.webhook.making import INSTANCE, SOURCE, JournalIntake, event, event_list, running

LOST = {"reason": "BackupLost", "message": "audit-1.log was deleted unread", "start": 100.0, "end": 160.5}


def told(*gaps: dict[str, Any]) -> dict[str, str]:
    return {GAPS_HEADER: json.dumps(gaps)}


def gaps_in(intake: JournalIntake) -> list[Gap]:
    rows = [row.payload for row in intake.journal.unsettled(limit=1000) if b'"Gap"' in row.payload]
    return [msgspec.json.decode(row, type=Gap) for row in rows]


def rows_of(header: str) -> list[Gap]:
    rows = gap_rows(header, cluster="prod", source=SOURCE, instance=INSTANCE)
    return [msgspec.json.decode(row.payload, type=Gap) for row in rows]


def test_agents_and_receivers_call_the_header_by_one_name() -> None:
    assert SENT_BY_AGENTS == GAPS_HEADER


async def test_a_gap_is_recorded_with_the_events_of_its_post_and_as_the_senders_own(
    tmp_path: Path, journal: Journal
) -> None:
    async with running(tmp_path, journal) as rig:
        status, _, _ = await rig.post(event_list(event(1)), headers=told(LOST | {"source": "another"}))

        (gap,) = gaps_in(rig.intake)
    assert status == 200
    assert (gap.cluster, gap.source, gap.subject) == ("prod", SOURCE, INSTANCE)
    assert (gap.reason, gap.message, gap.start, gap.end) == (LOST["reason"], LOST["message"], 100.0, 160.5)


async def test_a_gap_comes_without_events_too_and_once_however_often_it_is_told(
    tmp_path: Path, journal: Journal
) -> None:
    async with running(tmp_path, journal) as rig:
        for _ in range(3):
            assert (await rig.post(b"", headers=told(LOST)))[0] == 200

        assert len(gaps_in(rig.intake)) == 1


async def test_a_gap_that_cannot_be_recorded_is_not_acknowledged(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        rig.intake.fails = JournalFullError(Path("/j"), "the limit of 1 GiB is reached", "raise journal.limitBytes")
        refused, _, _ = await rig.post(b"", headers=told(LOST))
        rig.intake.fails = None
        taken, _, _ = await rig.post(b"", headers=told(LOST))

        assert (refused, taken) == (503, 200)
        assert len(gaps_in(rig.intake)) == 1


async def test_a_header_nobody_can_read_costs_no_event(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        status, _, _ = await rig.post(event_list(event(1)), headers={GAPS_HEADER: "[{"})

        assert status == 200
        assert len(journal.unsettled(limit=10)) == 1


@pytest.mark.parametrize(
    "header",
    [
        "",
        "null",
        "{}",
        '"text"',
        "[7]",
        json.dumps([LOST | {"reason": ""}]),
        json.dumps([LOST | {"reason": "no camel case"}]),
        json.dumps([LOST | {"message": "x" * 1025}]),
        json.dumps([LOST | {"start": -1.0}]),
        json.dumps([LOST | {"end": 1e300}]),
        json.dumps([LOST | {"end": "yesterday"}]),
        json.dumps([LOST]) + " " * LONGEST_HEADER,
        "[" * 5000,
    ],
)
def test_what_is_no_list_of_gaps_is_none(header: str) -> None:
    assert rows_of(header) == []


@pytest.mark.parametrize("odd", [LOST | {"start": -1.0}, LOST | {"reason": ""}, {}, 7, None])
def test_a_gap_that_nobody_can_read_costs_no_other(odd: object) -> None:
    assert [gap.end for gap in rows_of(json.dumps([LOST, odd, LOST | {"end": 200.0}]))] == [160.5, 200.0]


@pytest.mark.parametrize("message", ["x" * 600, "\U0001f4a5" * 600, "audit-\udcff.log", ""])
@pytest.mark.parametrize("number", [1, 2, 60, 1_000])
def test_every_gap_that_an_agent_tells_is_taken_however_many_and_wherever_they_lie(message: str, number: int) -> None:
    bounds = [(-1.0, 2.0), (3.0, math.inf), *((float(n), n + 0.5) for n in range(number))]
    headers = gap_headers([FileGap(reason="BackupLost", message=message, start=a, end=b) for a, b in bounds])

    assert [(gap.start, gap.end) for header in headers for gap in rows_of(header)] == [
        (0.0, 2.0),
        (3.0, 1e11),
        *bounds[2:],
    ]
    assert all(header.isascii() for header in headers)


def test_a_gap_told_backwards_has_no_length() -> None:
    (gap,) = rows_of(json.dumps([LOST | {"start": 500.0}]))

    assert (gap.start, gap.end) == (160.5, 160.5)


def test_every_gap_of_a_post_is_one_of_its_own() -> None:
    gaps = rows_of(json.dumps([LOST, LOST | {"end": 200.0}, LOST | {"reason": "LogRemoved"}]))

    assert [(gap.reason, gap.end) for gap in gaps] == [
        ("BackupLost", 160.5),
        ("BackupLost", 200.0),
        ("LogRemoved", 160.5),
    ]
