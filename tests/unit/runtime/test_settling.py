"""The settler between inbox and log: what it holds survives, and audit events are read with what is known by then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from auditwatch.detection.audited import AHEAD_SECONDS
from auditwatch.events.activity import Activity, Gap, LogRow
from auditwatch.events.audit import AuditRecord
from auditwatch.events.keys import state_change_key
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import Settler
from auditwatch.sources.state.marks import Mark, write_mark
from auditwatch.sources.state.streams import streams_of
from tests.unit.detection.joiner.making import START, change, event, heard

ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"
POD = {"authentication.kubernetes.io/pod-uid": ["pod-1"]}
PODS = [stream for stream in streams_of("prod", ()) if stream.kind.key == "pods"]


class Waits(Reading):
    """As under a rule that waits half a minute for K10's pods."""

    def hold(self, activity: Activity) -> float:
        return 30.0 if activity.actor.is_k10 is None else 0.0


class Place:
    """A journal and a settler, which can be closed and opened again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = START
        self.reading: Any = Reading
        self.open()

    def open(self) -> None:
        self.journal = Journal.open(self.path, clock=lambda: self.now, new_id=lambda: "j", new_key=lambda: b"k")
        self.problems = Problems()
        self.settler = Settler(self.journal, cluster="prod", problems=self.problems, reading=self.reading())

    def again(self) -> None:
        self.journal.close()
        self.open()

    def receive(self, record: Any, *, at: float) -> None:
        self.now = START + at
        key = record.key if isinstance(record, AuditRecord) else state_change_key(record)
        self.journal.receive(key=key, source="any", payload=msgspec.json.encode(record))

    def step(self, at: float) -> None:
        self.now = START + at
        while self.settler.step(now=self.now):
            pass

    def log(self) -> list[LogRow]:
        return [msgspec.json.decode(row.payload, type=LogRow) for row in self.journal.log_after(0, limit=1_000)]

    def last(self) -> Activity:
        row = self.log()[-1]
        assert isinstance(row, Activity)
        return row

    def knows_pods(self, *, until: float, names: tuple[str, ...] = ()) -> None:
        """As the state source leaves it after a list."""
        spec = {"serviceAccountName": "k10-k10"}
        for name in names:
            kept = json.dumps({"name": name, "namespace": "kasten-io", "body": {"spec": spec}}).encode()
            row = VersionRow(uid=name, version="1", payload=kept, seen=START, listing=1)
            self.journal.put_version(PODS[0].key, row)
        for stream in PODS:
            write_mark(self.journal, stream, Mark(observed=START + until, listing=1))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "journal.db")
    yield made
    made.journal.close()


def test_without_an_audit_source_a_change_is_settled_by_the_very_next_step(place: Place) -> None:
    place.receive(change(), at=0.2)
    place.step(0.2)

    assert place.last().evidence == "State"
    assert place.journal.unsettled_count() == 0


def test_what_waits_stays_in_the_inbox_and_is_joined_after_a_restart(place: Place) -> None:
    place.receive(heard(at=-70.0), at=-70.0)
    place.receive(heard(), at=-55.0)
    place.receive(change(), at=0.2)
    place.step(0.3)
    assert (place.settler.held, place.journal.unsettled_count()) == (1, 1)

    place.again()
    place.step(0.4)
    place.receive(event(), at=1.0)
    place.step(20.0)

    assert (place.last().attribution, place.journal.unsettled_count()) == ("Correlated", 0)


def test_what_waits_does_not_hide_what_came_after_it(place: Place) -> None:
    place.receive(heard(at=-70.0), at=-70.0)
    place.receive(heard(), at=-55.0)
    for number in range(5):
        place.receive(change(name=f"p{number}"), at=0.2)
    place.receive(event("get", user="bob"), at=0.3)
    while place.settler.step(now=START + 0.4, limit=2):
        pass

    assert (place.last().actor.id, place.settler.held) == ("bob", 5)


def test_a_settlement_that_is_not_saved_is_made_again_and_told_once(place: Place) -> None:
    place.receive(heard(), at=-55.0)
    place.step(-50.0)
    for number in range(60):
        place.receive(change(name=f"p{number}", old={"x": "y" * 3_000}), at=0.2)
    place.journal._db.execute(f"PRAGMA max_page_count = {place.journal._db.number('PRAGMA page_count')}")
    with pytest.raises(JournalError):
        place.step(50.0)
    assert (place.journal.unsettled_count(), len(place.log())) == (60, 1)

    place.journal._db.execute("PRAGMA max_page_count = 1000000")
    place.step(50.1)

    assert len({row.target.name for row in place.log() if isinstance(row, Activity)}) == 61
    assert (place.journal.unsettled_count(), len(place.log())) == (0, 61)


def test_a_clock_that_is_set_back_does_not_keep_anything_waiting(place: Place) -> None:
    place.receive(heard(), at=-55.0)
    place.receive(change(), at=0.2)
    place.step(50.0)
    place.receive(change(name="weekly"), at=-5_000.0)
    place.step(-5_000.0)
    place.step(-4_990.0)

    assert (place.last().target.name, place.settler.held) == ("weekly", 0)


def test_what_is_held_when_the_clock_is_set_back_waits_for_no_more_than_its_hold(place: Place) -> None:
    place.receive(heard(at=-70.0), at=-70.0)
    place.receive(heard(), at=-55.0)
    place.receive(change(), at=0.2)
    place.step(0.3)
    place.step(-5_000.0)
    assert place.settler.held == 1
    place.step(-4_990.0)

    assert (place.last().target.name, place.settler.held) == ("daily", 0)


def test_after_a_moment_ahead_a_change_waits_for_its_request_as_before(place: Place) -> None:
    place.receive(heard(at=-90.0), at=-87.0)
    place.step(-87.0)
    place.receive(heard(at=-80.0), at=3_600.0)
    place.step(3_600.0)
    place.receive(change(at=0.1), at=0.1)
    for at in (0.1, 1.0, 2.0):
        place.step(at)
    place.receive(event(), at=3.1)
    for at in (3.1, 4.0, 60.0):
        place.step(at)

    last = place.last()
    assert (last.verb, last.attribution, last.actor.id) == ("patch", "Correlated", "eve")


def test_an_event_that_cannot_be_translated_becomes_a_gap(place: Place) -> None:
    class Broken(Reading):
        def activity(self, record: AuditRecord) -> Activity:
            raise ValueError(record.key)

    place.settler.read_with(Broken())
    place.receive(event(), at=0.2)
    place.step(0.3)

    (gap,) = place.log()
    assert isinstance(gap, Gap)
    assert (gap.reason, place.problems.counts()) == ("RecordUnreadable", {"settling": 1})


def test_k10s_pods_are_known_from_the_journal_after_a_restart(place: Place) -> None:
    place.knows_pods(until=10.0, names=("pod-1",))
    place.again()
    place.receive(event("get", user=ACCOUNT, extra=POD), at=0.2)
    place.step(0.3)

    assert (place.last().actor.is_k10, place.last().actor.kind) == (True, "K10")


def test_k10s_pods_are_known_from_the_first_list_which_shows_them_as_nobodys_change(place: Place) -> None:
    place.step(0.0)
    place.knows_pods(until=10.0, names=("pod-1",))
    place.step(10.0)
    place.receive(event("get", at=5.0, user=ACCOUNT, extra=POD), at=10.1)
    place.step(10.2)

    assert (place.last().actor.is_k10, place.last().actor.kind) == (True, "K10")


def test_what_waits_for_a_pod_is_told_as_soon_as_a_list_shows_it(place: Place) -> None:
    place.reading = Waits
    place.again()
    place.receive(event("get", at=5.0, user=ACCOUNT, extra=POD), at=5.1)
    place.step(5.2)
    assert place.log() == []

    place.knows_pods(until=6.0, names=("pod-1",))
    place.step(6.1)

    assert place.last().actor.kind == "K10"


def test_a_pod_that_nobody_has_shown_yet_is_unknown_and_then_a_suspect(place: Place) -> None:
    place.step(0.0)
    place.receive(event("get", at=5.0, user=ACCOUNT, extra=POD), at=5.1)
    place.step(5.2)
    assert place.last().actor.is_k10 is None

    place.knows_pods(until=20.0)
    place.step(20.0)
    place.receive(event("get", at=15.0, user=ACCOUNT, extra=POD), at=20.1)
    place.step(20.2)
    assert place.last().actor.kind == "K10Suspect"


def test_another_k10s_account_is_recognised_once_it_is_read_with(place: Place) -> None:
    account = "system:serviceaccount:backup:k10-k10"
    place.settler.read_with(Reading((K10Instance(namespace="backup"),)))
    place.receive(event("get", user=account), at=0.2)
    place.step(0.3)

    assert place.last().actor.is_k10 is True


def test_nothing_is_settled_before_it_is_known_which_k10_this_is(place: Place) -> None:
    place.reading = lambda: None
    place.again()
    place.receive(event("get", user="system:serviceaccount:backup:k10-k10"), at=0.2)
    place.step(100.0)
    assert (place.log(), place.journal.unsettled_count()) == ([], 1)

    place.settler.read_with(Reading((K10Instance(namespace="backup"),)))
    place.step(100.1)
    assert place.last().actor.is_k10 is True


YEARS = 10 * 365 * 86_400.0


def test_one_event_of_a_wrong_time_neither_moves_a_watermark_nor_a_row_into_the_future(place: Place) -> None:
    place.receive(replace(event(at=YEARS), received=START), at=0.0)
    place.step(60.0)

    assert place.last().time == START + AHEAD_SECONDS
    assert place.settler._joiner is not None
    (source,) = place.settler._joiner._hearing._sources.values()
    assert [mark for mark, _ in source.watermarks.values()] == [START + AHEAD_SECONDS]
    assert max(source.logged.values()) == START + AHEAD_SECONDS


def test_a_gap_that_a_sender_tells_of_ends_no_later_than_it_can_know(place: Place) -> None:
    told = Gap(
        cluster="prod", source="nodes", subject="n", reason="LogLost", message="m", start=START, end=START + YEARS
    )
    place.now = START + 1
    place.journal.receive(key="gap", source="nodes", payload=msgspec.json.encode(told))
    place.step(2.0)

    (row,) = place.log()
    assert row == replace(told, end=START + 1 + AHEAD_SECONDS)
