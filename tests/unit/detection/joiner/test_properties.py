"""Whatever the order of arrival, whenever the program dies: the same activities and findings, each counted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditwatch.detection.signal import SEVERITIES
from auditwatch.events.activity import ATTRIBUTIONS, Activity, LogRow
from auditwatch.journal.journal import Journal
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import Settler
from tests.unit.detection.joiner.making import START, Desk
from tests.unit.detection.joiner.stories import (
    HOURS,
    LAG,
    WARM,
    Sighting,
    Step,
    as_set,
    by_group,
    findings,
    has_corrections,
    key_of,
    place_of,
    sightings,
    told_of,
)

JITTERS = st.lists(st.floats(0.0, 1.9), min_size=30, max_size=30)
SOON, END = 60.0, 10_000.0
"""When all holds are over but those of requests that were only begun, and when those are over too."""
REACH = 3.5
"""Seconds a change and its request may be apart: slack, the grain of the server's time, the work itself."""


@cache
def warmed() -> dict[str, bytes]:
    """What a joiner has saved that has heard of an audit source."""
    desk = Desk()
    for record in WARM:
        desk.take(record, at=record.received - START + LAG)
    desk.settle(0.0)
    return {key: row for key, row in desk.saved.items() if key.startswith("heard/")}


def a_desk() -> Desk:
    """A desk that has heard of an audit source."""
    desk = Desk(saved=dict(warmed()))
    desk.kill()
    return desk


def numbered(rows: Iterable[LogRow]) -> list[tuple[int, LogRow]]:
    return list(enumerate(rows, start=1))


def once(sightings: Iterable[tuple[float, Sighting]]) -> list[tuple[float, Sighting]]:
    """Of a key only the first arrives: the inbox knows the others."""
    found: dict[str, tuple[float, Sighting]] = {}
    for at, sighting in sightings:
        found.setdefault(sighting.key, (at, sighting))
    return list(found.values())


def arrivals(steps: Sequence[Step], jitters: Sequence[float]) -> list[tuple[float, Sighting]]:
    """Every record, with the time at which it arrives, in that order."""
    late = ((each.at + jitter, each) for each, jitter in zip(sightings(steps), jitters, strict=False))
    return once(sorted(late, key=lambda arrival: arrival[0]))


def reference(steps: Sequence[Step]) -> list[LogRow]:
    """The log where everything has arrived before anything is settled."""
    desk = a_desk()
    for at, sighting in once((sighting.at, sighting) for sighting in sightings(steps)):
        desk.take(sighting.record, at=at)
    desk.settle(SOON)
    desk.settle(END)
    return desk.log


def is_late(log: Iterable[LogRow], sighting: Sighting) -> bool:
    """Whether a record comes when something is told already that it may be of, or that happened after it."""
    place = place_of(sighting.record)
    times = (
        row.time - START
        for row in log
        if isinstance(row, Activity) and f"{row.target.resource}/{row.target.name}" == place
    )
    return any(time >= sighting.at - REACH for time in times)


@settings(max_examples=100)
@given(HOURS, JITTERS, st.lists(st.booleans(), min_size=30, max_size=30))
def test_in_any_order_within_the_holds_and_killed_at_any_moment_results_and_findings_are_the_same(
    steps: list[Step], jitters: list[float], kills: list[bool]
) -> None:
    desk = a_desk()
    for (at, sighting), is_killed in zip(arrivals(steps, jitters), kills, strict=False):
        desk.settle(at)
        assume(not is_late(desk.log, sighting))
        desk.take(sighting.record, at=at)
        if is_killed:
            desk.kill()
        desk.settle(at)
    desk.settle(SOON)
    desk.settle(END)
    expected = reference(steps)

    assert desk.inbox == {}
    assert not has_corrections(desk.log)
    assert as_set(desk.log) == as_set(expected)
    assert told_of(findings(numbered(desk.log))) == told_of(findings(numbered(expected)))


STEP = Step(
    pause=1.0,
    user="eve",
    name="daily",
    verb="patch",
    code=200,
    has_body=False,
    tellers=frozenset({"file", "webhook", "received", "k10"}),
    shows=True,
    is_signed=True,
    is_point=False,
)


@pytest.mark.parametrize("code", [200, 503])
@pytest.mark.parametrize("is_point", [False, True])
@pytest.mark.parametrize("has_body", [False, True])
def test_each_order_of_all_that_tells_of_one_request_and_each_moment_of_dying_gives_one_activity(
    *, code: int, is_point: bool, has_body: bool
) -> None:
    step = replace(STEP, code=code, is_point=is_point, has_body=has_body)
    expected = as_set(reference([step]))
    assert len(expected) == 1
    for order in permutations(sightings([step])):
        for killed_at in range(len(order) + 1):
            desk = a_desk()
            for index, (_, sighting) in enumerate(once((0.0, each) for each in order)):
                if index == killed_at:
                    desk.kill()
                desk.tell(sighting.record, at=1.2 + index / 10)
            desk.settle(END)

            assert as_set(desk.log) == expected
            assert not has_corrections(desk.log)


class Clerk:
    """The journal and the settler of the runtime, closed and opened again as after a crash."""

    def __init__(self, directory: str) -> None:
        self._path = Path(directory) / "journal.db"
        self._now = START
        self._open()
        with self.journal.transaction():
            self.journal.put_snapshots("joiner", warmed(), sequence=0)

    def _open(self) -> None:
        self.journal = Journal.open(self._path, clock=lambda: self._now, new_id=lambda: "j", new_key=lambda: b"k")
        self._problems = Problems()
        self._settler = Settler(self.journal, cluster="prod", problems=self._problems, reading=Reading())

    def kill(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        assert self._problems.counts() == {}
        self.journal.close()

    def receive(self, sighting: Sighting, *, at: float) -> None:
        self._now = START + at
        payload = msgspec.json.encode(sighting.record)
        self.journal.receive(key=key_of(sighting.record), source="any", payload=payload)

    def settle(self, at: float) -> None:
        while self._settler.step(now=START + at):
            pass

    def log(self) -> list[tuple[int, LogRow]]:
        rows = self.journal.log_after(0, limit=10_000)
        return [(row.sequence, msgspec.json.decode(row.payload, type=LogRow)) for row in rows]


@settings(max_examples=20, deadline=None)
@given(HOURS, JITTERS, st.lists(st.sampled_from(["", "", "received", "settled"]), min_size=30, max_size=30))
def test_the_real_journal_killed_at_any_moment_gives_the_same_findings(
    steps: list[Step], jitters: list[float], kills: list[str]
) -> None:
    with TemporaryDirectory() as directory:
        clerk = Clerk(directory)
        for (at, sighting), killed in zip(arrivals(steps, jitters), kills, strict=False):
            clerk.settle(at)
            if is_late((row for _, row in clerk.log()), sighting):
                clerk.close()
                assume(False)
            clerk.receive(sighting, at=at)
            if killed == "received":
                clerk.kill()
            clerk.settle(at)
            if killed == "settled":
                clerk.kill()
        clerk.settle(SOON)
        clerk.settle(END)
        log = clerk.log()
        assert clerk.journal.unsettled_count() == 0
        clerk.close()

    assert as_set(row for _, row in log) == as_set(reference(steps))
    assert told_of(findings(log)) == told_of(findings(numbered(reference(steps))))


@settings(max_examples=60)
@given(HOURS, JITTERS)
def test_the_same_log_replayed_gives_identical_findings(steps: list[Step], jitters: list[float]) -> None:
    desk = a_desk()
    for at, sighting in arrivals(steps, jitters):
        desk.tell(sighting.record, at=at)
    desk.settle(SOON)
    desk.settle(END)

    assert findings(numbered(desk.log)) == findings(numbered(desk.log))


@settings(max_examples=100)
@given(HOURS, st.data())
def test_a_record_later_than_its_hold_corrects_and_never_raises_a_count(steps: list[Step], data: st.DataObject) -> None:
    seen = once((sighting.at, sighting) for sighting in sightings(steps))
    assume(seen)
    late = data.draw(st.sampled_from([sighting for _, sighting in seen]))
    assume(is_told_without(seen, late))
    desk = a_desk()
    for at, sighting in seen:
        if sighting is not late:
            desk.take(sighting.record, at=at)
    desk.settle(120.0)
    before = findings(numbered(desk.log))
    desk.tell(late.record, at=200.0)
    desk.settle(END)
    after = findings(numbered(desk.log))

    in_time = by_group(findings(numbered(reference(steps))))
    counts = by_group(after)
    assert all(count <= max(in_time.get(group, 0), by_group(before).get(group, 0)) for group, count in counts.items())
    known = {state.name: state for state in after}
    for state in before:
        risen = known[state.name]
        assert SEVERITIES.index(risen.severity) >= SEVERITIES.index(state.severity)
        assert ATTRIBUTIONS.index(risen.attribution) >= ATTRIBUTIONS.index(state.attribution)
    assert desk.inbox == {}


def is_told_without(seen: Sequence[tuple[float, Sighting]], late: Sighting) -> bool:
    """Whether anything else tells of the object of this record."""
    place = place_of(late.record)
    return any(place_of(sighting.record) == place for _, sighting in seen if sighting is not late)
