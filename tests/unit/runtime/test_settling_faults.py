"""Whatever our own code fails on, and wherever: one item's part becomes a gap, and everything else is settled once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.detection.joiner import joiner, receiving
from auditwatch.detection.joiner.clearing import Deletions
from auditwatch.detection.joiner.joiner import Joiner
from auditwatch.detection.joiner.known import KnownKeys
from auditwatch.detection.joiner.pending import PendingRequest
from auditwatch.detection.joiner.telling import Teller
from auditwatch.detection.joiner.told import Memory
from auditwatch.events.activity import Activity, Gap, LogRow, Revision
from auditwatch.events.audit import AuditRecord
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.quarantine import culprit
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import JOINER, Settler
from tests.unit.detection.joiner.making import CONTROLLER, START, change, event
from tests.unit.detection.joiner.stories import HOURS, Sighting, as_set, key_of, place_of, sightings
from tests.unit.detection.joiner.stories import Step as Deed
from tests.unit.detection.joiner.test_properties import END, SOON, warmed

STEPS: Sequence[tuple[Any, str]] = (
    (Teller, "_add"),
    (Teller, "recalled"),
    (Teller, "step"),
    (Teller, "request"),
    (Teller, "late_causes"),
    (Teller, "late_change"),
    (Teller, "late_telling"),
    (Teller, "blame"),
    (Teller, "nothing"),
    (Memory, "put"),
    (Memory, "expire"),
    (KnownKeys, "add"),
    (Deletions, "behind"),
    (PendingRequest, "refresh"),
    (Joiner, "_candidates"),
    (Joiner, "take_dirty"),
    (joiner, "explain"),
    (joiner, "fit"),
    (joiner, "releasable"),
    (receiving, "fit"),
    (receiving, "asked_of"),
    (receiving, "settle"),
    (Reading, "activity"),
    (Reading, "hold"),
)
"""Where it may fail: everything a record meets on its way."""
HOSTILE = st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**40])


class FaultError(Exception):
    """Ours, and made up."""


@contextmanager
def failing(where: Sequence[tuple[Any, str]], fails: Callable[[tuple[object, ...]], bool]) -> Iterator[None]:
    """Each of these fails before or after it did its work, when ``fails`` says so of its arguments."""

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if fails(arguments):
                raise FaultError
            return real(*arguments, **named)

        return call

    patches = [mock.patch.object(owner, name, wrapped(getattr(owner, name))) for owner, name in where]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


@contextmanager
def failing_once(at: int) -> Iterator[None]:
    """The step with this number fails, whatever it is."""
    left = [at]

    def fails(_arguments: tuple[object, ...]) -> bool:
        left[0] -= 1
        return left[0] == 0

    with failing(STEPS, fails):
        yield


class Clerk:
    """A journal and a settler that has heard of an audit source."""

    def __init__(self, directory: str | Path) -> None:
        self.now = START
        path = Path(directory) / "journal.db"
        self.journal = Journal.open(path, clock=lambda: self.now, new_id=lambda: "j", new_key=lambda: b"k")
        self.journal.put_snapshots(JOINER, warmed(), sequence=0)
        self.problems = Problems()
        self.settler = Settler(self.journal, cluster="prod", problems=self.problems, reading=Reading())

    def receive(self, record: Any, *, at: float) -> None:
        self.now = START + at
        self.journal.receive(key=key_of(record), source="any", payload=msgspec.json.encode(record))

    def step(self, at: float) -> None:
        self.now = START + at
        while self.settler.step(now=self.now):
            pass

    def log(self) -> list[LogRow]:
        return [msgspec.json.decode(row.payload, type=LogRow) for row in self.journal.log_after(0, limit=10_000)]

    def names(self) -> list[str]:
        return sorted(row.target.name for row in self.log() if isinstance(row, Activity))


@pytest.fixture
def clerk(tmp_path: Path) -> Iterator[Clerk]:
    made = Clerk(tmp_path)
    yield made
    made.journal.close()


def lived(seen: Sequence[Sighting], *, fault: int) -> tuple[list[LogRow], int]:
    """The log of these records with a fault at this step (0: none), and how many rows stay in the inbox."""
    with TemporaryDirectory() as directory:
        clerk = Clerk(directory)
        with failing_once(fault):
            for sighting in seen:
                clerk.receive(sighting.record, at=sighting.at)
                clerk.step(sighting.at)
            clerk.step(SOON)
            clerk.step(END)
        log, left = clerk.log(), clerk.journal.unsettled_count()
        clerk.journal.close()
    return log, left


def hostile(step: Deed, code: int) -> list[Sighting]:
    """What somebody does, with an answer no server gives, put into the inbox as it is."""
    return [
        Sighting(with_code(each.record, code), each.at, each.key) if isinstance(each.record, AuditRecord) else each
        for each in sightings([step])
    ]


def with_code(record: AuditRecord, code: int) -> AuditRecord:
    status = record.event.response_status
    if status is None:
        return record
    status = msgspec.structs.replace(status, code=code)
    return msgspec.structs.replace(record, event=msgspec.structs.replace(record.event, response_status=status))


def of_other_places(log: Sequence[LogRow], places: set[str]) -> list[bytes]:
    rows = [row.activity if isinstance(row, Revision) else row for row in log]
    return as_set(
        row for row in rows if isinstance(row, Activity) and f"{row.target.resource}/{row.target.name}" not in places
    )


@settings(max_examples=40, deadline=None)
@given(HOURS, HOSTILE, st.integers(0, 4), st.integers(0, 400))
def test_a_fault_at_any_step_costs_no_more_than_one_item_and_leaves_nothing_in_the_inbox(
    steps: list[Deed], code: int, bad: int, fault: int
) -> None:
    seen = list({each.key: each for each in sightings(steps)}.values())
    odd = hostile(steps[bad % len(steps)], code)
    seen += [Sighting(each.record, each.at + 20.0, f"odd/{each.key}") for each in odd]
    log, left = lived(seen, fault=fault)
    expected, _ = lived(seen, fault=0)

    assert left == 0
    lost = [row for row in log if isinstance(row, Gap) and row.reason == "RecordUnreadable" and "Fault" in row.message]
    assert len(lost) <= 1
    numbers = [int(row.message.split()[1]) for row in lost]
    touched = {place_of(seen[number - 1].record) for number in numbers if number <= len(seen)}
    assert of_other_places(log, touched) == of_other_places(expected, touched)


def idle(number: int = 0) -> AuditRecord:
    """The namespace controller deletes all there is of a kind of which there is nothing."""
    return event("deletecollection", "", at=number * 0.01, user=CONTROLLER, auditID=f"idle-{number}")


def test_a_request_that_cannot_be_remembered_is_told_as_a_gap_and_stops_nobody(clerk: Clerk) -> None:
    clerk.receive(idle(), at=0.1)
    for number in range(5):
        clerk.receive(event("get", f"p{number}", user="bob"), at=0.2)
    with failing([(Memory, "put")], lambda arguments: "idle-0" in repr(arguments)):
        clerk.step(30.0)

    assert clerk.names() == [f"p{number}" for number in range(5)]
    assert (clerk.journal.unsettled_count(), clerk.problems.counts()) == (0, {"settling": 1})


def test_a_change_whose_request_cannot_be_told_is_told_by_itself(clerk: Clerk) -> None:
    clerk.receive(event(), at=0.1)
    clerk.receive(change(), at=0.2)
    with failing([(Teller, "request")], lambda _arguments: True):
        clerk.step(30.0)

    rows = clerk.log()
    assert [row.evidence for row in rows if isinstance(row, Activity)] == ["State"]
    assert [row.reason for row in rows if isinstance(row, Gap)][:1] == ["RecordUnreadable"]
    assert clerk.journal.unsettled_count() == 0


def test_a_correction_that_fails_halfway_leaves_what_was_told_and_can_be_made_by_another(clerk: Clerk) -> None:
    clerk.receive(change(), at=0.2)
    clerk.step(50.0)
    clerk.receive(event(user="eve"), at=60.0)
    with failing([(Memory, "put")], lambda _arguments: True):
        clerk.step(70.0)
    clerk.receive(event(user="eve", auditID="again"), at=80.0)
    clerk.step(90.0)

    (last,) = [row for row in clerk.log() if isinstance(row, Revision)]
    assert (last.sequence, last.activity.actor.id, last.former.actor.id) == (1, "eve", "")
    assert clerk.journal.unsettled_count() == 0


def test_what_fails_for_the_journals_sake_is_nobodys_fault_and_tried_again(clerk: Clerk) -> None:
    clerk.receive(change(), at=0.2)
    clerk.step(50.0)
    clerk.receive(event(user="eve"), at=60.0)

    def fails(_arguments: tuple[object, ...]) -> bool:
        raise JournalError(clerk.journal.path, "cannot be read", "wait")

    with failing([(Teller, "recalled")], fails), pytest.raises(JournalError):
        clerk.step(70.0)
    clerk.step(71.0)

    assert [type(row) for row in clerk.log()] == [Activity, Revision]


@pytest.mark.parametrize("where", ["_candidates", "take_dirty"])
def test_a_row_with_which_nothing_can_be_settled_is_put_aside_and_all_others_are_settled(
    clerk: Clerk, where: str
) -> None:
    def fails(arguments: tuple[object, ...]) -> bool:
        inside = arguments[0]
        assert isinstance(inside, Joiner)
        asked = [
            *(held.asked for held in inside._waiting.requests()),
            *(told.asked for told in inside._memory._all.values()),
        ]
        return any(each is not None and each.place[4] == "p3" for each in asked)

    for number in range(8):
        clerk.receive(event("get", f"p{number}", user="bob"), at=0.2)
    with failing([(Joiner, where)], fails):
        clerk.step(0.3)

    assert clerk.names() == [f"p{number}" for number in range(8) if number != 3]
    (gap,) = [row for row in clerk.log() if isinstance(row, Gap)]
    assert gap.message == "record 4 of source any could not be read: UnsettleableError"
    assert clerk.journal.unsettled_count() == 0


def test_a_row_at_fault_is_found_behind_more_that_waits_than_one_step_takes(clerk: Clerk) -> None:
    def fails(arguments: tuple[object, ...]) -> bool:
        inside = arguments[0]
        assert isinstance(inside, Joiner)
        return any(held.asked.place[4] == "bad" for held in inside._waiting.requests())

    for number in range(5):
        clerk.receive(change(name=f"p{number}", at=0.1), at=0.2)
    clerk.receive(event("get", "bad", user="bob"), at=0.2)
    clerk.receive(event("get", "good", user="bob"), at=0.2)
    with failing([(Joiner, "_candidates")], fails):
        for _ in range(30):
            clerk.settler.step(now=START + 0.3, limit=2)
        assert clerk.names() == ["good"]
        clerk.step(30.0)

    assert clerk.names() == ["good", *(f"p{number}" for number in range(5))]
    assert clerk.journal.unsettled_count() == 0


def test_what_fails_without_any_row_is_not_hidden(clerk: Clerk) -> None:
    clerk.receive(event("get"), at=0.2)
    with failing([(Joiner, "_candidates")], lambda _arguments: True):
        assert clerk.settler.step(now=START + 1.0) == 1
        with pytest.raises(FaultError):
            clerk.settler.step(now=START + 1.0)


@given(st.integers(1, 300), st.integers(0, 400))
def test_the_row_at_fault_is_found_among_any_number(count: int, bad: int) -> None:
    rows = list(range(count))

    assert culprit(rows, lambda some: bad in some) == (bad if bad < count else None)
    assert culprit(rows, lambda _some: True) is None
