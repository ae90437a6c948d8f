"""Requests of our own pass the settler without a trace, and their return says how long a change need wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import JOINER, Proof, Settler
from tests.unit.detection.joiner.making import START, change, event, heard
from tests.unit.runtime.test_settling import Place

US = "system:serviceaccount:k10-auditwatch:k10-auditwatch"


@dataclass
class Own:
    """Knows our requests by who sent them; ``proofs`` are given out once."""

    proofs: list[Proof] = field(default_factory=list)
    fails: bool = False

    def is_own(self, record: AuditRecord) -> bool:
        if self.fails:
            raise RuntimeError("a defect of ours")
        return record.event.user.username == US

    def take_proofs(self) -> list[Proof]:
        proofs, self.proofs = self.proofs, []
        return proofs


class OwnPlace(Place):
    """A place whose settler knows our own requests."""

    def __init__(self, path: Path) -> None:
        self.own = Own()
        super().__init__(path)

    def open(self) -> None:
        self.journal = Journal.open(self.path, clock=lambda: self.now, new_id=lambda: "j", new_key=lambda: b"k")
        self.problems = Problems()
        self.settler = Settler(
            self.journal, cluster="prod", problems=self.problems, reading=self.reading(), own=self.own
        )

    def fill(self) -> None:
        """Let the disk take no page more."""
        pages = self.journal._db.number("PRAGMA page_count")
        self.journal._db.execute(f"PRAGMA max_page_count = {pages}")

    def free(self) -> None:
        self.journal._db.execute("PRAGMA max_page_count = 1000000")

    def names(self) -> list[str]:
        return [
            row.subject if isinstance(row, Gap) else msgspec.to_builtins(row)["target"]["name"] for row in self.log()
        ]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[OwnPlace]:
    made = OwnPlace(tmp_path / "journal.db")
    yield made
    made.journal.close()


def test_our_own_request_leaves_the_inbox_and_no_row_of_the_log(place: OwnPlace) -> None:
    place.receive(event("delete", user=US, code=403), at=0.2)
    place.step(0.3)

    assert (place.log(), place.journal.unsettled_count(), place.settler.held) == ([], 0, 0)


def test_the_same_request_by_anybody_else_is_told(place: OwnPlace) -> None:
    place.receive(event("delete", user=US, code=403), at=0.2)
    place.receive(event("delete", user="mallory", code=403), at=0.2)
    place.step(0.3)

    assert place.last().actor.id == "mallory"
    assert (len(place.log()), place.journal.unsettled_count()) == (1, 0)


def test_our_own_requests_are_no_sign_of_life_by_themselves(place: OwnPlace) -> None:
    """A source is heard through what it hands over to the joiner; ours say so as proofs, with the server's time."""
    place.receive(event("get", user=US), at=-1.0)
    place.receive(change(), at=0.2)
    place.step(0.2)

    assert place.last().evidence == "State"


def test_a_batch_of_nothing_but_our_own_requests_is_work_done(place: OwnPlace) -> None:
    for number in range(3):
        place.receive(event("get", name=f"p{number}", user=US), at=0.2)

    assert place.settler.step(now=START + 0.3, limit=2) == 2
    assert place.settler.step(now=START + 0.3, limit=2) == 1
    assert place.settler.step(now=START + 0.3, limit=2) == 0


def test_our_own_requests_that_could_not_be_settled_are_settled_with_the_next_try_and_still_not_told(
    place: OwnPlace,
) -> None:
    place.receive(heard(), at=-55.0)
    place.step(-50.0)
    place.receive(event("get", user=US), at=0.1)
    for number in range(60):
        place.receive(event("get", name=f"p{number}", user="bob" + "y" * 3_000), at=0.2)
    place.fill()
    with pytest.raises(JournalError):
        place.step(1.0)
    assert place.journal.unsettled_count() == 61

    place.free()
    place.step(1.1)

    assert place.journal.unsettled_count() == 0
    assert sorted(place.names()[1:]) == sorted(f"p{number}" for number in range(60))


def test_another_reading_in_between_settles_nothing_of_ours_twice(place: OwnPlace) -> None:
    place.receive(event("get", user=US), at=0.1)
    place.receive(event("get", user="bob"), at=0.1)
    place.settler.read_with(Reading())
    place.step(0.2)
    place.settler.read_with(Reading())
    place.step(0.3)

    assert (place.names(), place.journal.unsettled_count()) == (["daily"], 0)


def test_where_nothing_happens_our_own_requests_tell_how_long_to_wait_for_an_event(place: OwnPlace) -> None:
    for at in (-70.0, -55.0):
        place.own.proofs = [Proof("audit-log", "api-1", "Audited", START + at - 5.0)]
        place.step(at)
    place.receive(change(), at=0.2)
    place.step(0.3)
    assert (place.settler.held, place.own.proofs) == (1, [])

    place.receive(event(), at=3.0)
    place.step(20.0)
    assert place.last().attribution == "Correlated"


def test_a_proof_of_life_through_k10s_stream_is_no_reason_to_wait_for_an_api_servers_event(place: OwnPlace) -> None:
    for at in (-70.0, -55.0):
        place.own.proofs = [Proof("k10-stream", "pod-1", "K10Stream", START + at - 5.0)]
        place.step(at)
    place.receive(change(), at=0.2)
    place.step(0.3)

    assert place.settler.held == 0


def test_proofs_are_left_where_they_are_until_it_is_known_which_k10_this_is(place: OwnPlace) -> None:
    place.reading = lambda: None
    place.again()
    place.own.proofs = [Proof("audit-log", "api-1", "Audited", START)]
    place.step(0.0)

    assert len(place.own.proofs) == 1


def test_a_defect_in_knowing_our_own_becomes_a_gap_and_stops_nothing(place: OwnPlace) -> None:
    place.own.fails = True
    place.receive(event("get", user="bob"), at=0.1)
    place.step(0.2)
    place.own.fails = False
    place.receive(event("get", name="weekly", user="bob"), at=0.3)
    place.step(0.4)

    assert place.names() == ["journal/inbox", "weekly"]
    assert place.problems.counts() == {"settling": 1}


def test_a_row_of_a_later_release_becomes_a_gap_that_names_its_source(place: OwnPlace) -> None:
    with place.journal.transaction():
        place.journal.receive(key="x" * 32, source="audit-log", payload=b'{"type":"FromTheFuture"}')
    place.step(0.2)

    (gap,) = place.log()
    assert isinstance(gap, Gap)
    assert (gap.source, gap.subject, gap.reason) == ("audit-log", "journal/inbox", "RecordUnreadable")
    assert "record 1 of source audit-log" in gap.message


def test_what_the_joiner_remembers_is_saved_by_the_transaction_that_settles(place: OwnPlace) -> None:
    place.receive(event("get", user=US), at=0.1)
    place.step(0.2)
    before = dict(place.journal.snapshots(JOINER))
    place.receive(heard(), at=0.3)
    place.step(60.0)

    assert set(dict(place.journal.snapshots(JOINER))) > set(before)
