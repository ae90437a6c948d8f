"""What is written in one transaction, and that writing it twice changes nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.sources.k10stream.deliveries import Batch, Departure, Recall
from auditwatch.sources.k10stream.marks import Position, Standing
from tests.unit.sources.k10stream.making import POD, START, event, knowledge, reader, stamped, taught, wrapped
from tests.unit.sources.making import open_journal

AT = Position(pod=POD, uid="u-1", time=START, revision=1)
GAP = Gap(cluster="c", source="k10stream", subject=POD, reason="LogLost", message="m", start=1.0, end=2.0)


def write(journal: Journal, delivery: Delivery) -> None:
    with journal.transaction():
        delivery.record(journal)


def recalled(journal: Journal, *, namespace: str = "kasten-io", now: float = START) -> Recall:
    recall = Recall(namespace=namespace, now=now)
    write(journal, recall)
    return recall


def records(*names: str) -> list[AuditRecord]:
    lines = [stamped(START, wrapped(event(name))) for name in names]
    return reader(knowledge(envelope=taught())).read(lines, received=START, pods=[]).records


def batch(*names: str, position: Position | None = AT) -> Batch:
    return Batch(
        namespace="kasten-io",
        source="k10stream",
        records=records(*names),
        gaps=[GAP],
        position=position,
        standing=Standing(began=START, envelope=taught(), proof=START),
        bytes_read=1000,
    )


def received(journal: Journal) -> list[AuditRecord | Gap]:
    rows = journal.unsettled(limit=1000)
    assert {row.source for row in rows} <= {"k10stream"}
    return [msgspec.json.decode(row.payload, type=AuditRecord | Gap) for row in rows]


def test_a_stream_that_was_never_followed_begins_now_and_stays_so(journal: Journal) -> None:
    assert recalled(journal).standing == Standing(began=START)
    assert recalled(journal, now=START + 60).standing == Standing(began=START)


def test_events_gaps_and_how_far_it_was_read_are_kept_together(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        write(journal, batch("a", "b"))

    with open_journal(tmp_path) as journal:
        assert [type(each) for each in received(journal)] == [AuditRecord, AuditRecord, Gap]
        recall = recalled(journal)
        assert recall.positions == {"u-1": AT}
        assert recall.standing.envelope == taught()
        assert recall.standing.proof == START


def test_what_is_written_twice_is_there_once_and_counted(journal: Journal) -> None:
    write(journal, batch("a", "b"))
    again = batch("a", "b", "c")
    write(journal, again)

    assert len(received(journal)) == 4
    assert again.duplicates == 2


def test_a_batch_without_a_position_leaves_it_where_it_was(journal: Journal) -> None:
    write(journal, batch())
    write(journal, batch(position=None))

    assert recalled(journal).positions == {"u-1": AT}


def test_what_fails_on_its_way_moves_nothing(journal: Journal) -> None:
    class Broken(Batch):
        def record(self, journal: Journal) -> None:
            super().record(journal)
            raise KeyError(POD)

    broken = Broken(namespace="kasten-io", source="k10stream", records=records("a"), position=AT)
    with pytest.raises(KeyError):
        write(journal, broken)

    assert received(journal) == []
    assert recalled(journal).positions == {}


def test_a_pod_that_is_gone_takes_its_position_with_it(journal: Journal) -> None:
    write(journal, batch())
    departure = Departure(namespace="kasten-io", source="k10stream", uid="u-1", gap=GAP)
    write(journal, departure)
    write(journal, departure)

    assert recalled(journal).positions == {}
    assert received(journal) == [GAP]


def test_two_k10s_know_nothing_of_each_other(journal: Journal) -> None:
    write(journal, batch())

    other = recalled(journal, namespace="kasten-io-2", now=START + 5)

    assert (other.positions, other.standing) == ({}, Standing(began=START + 5))


def test_the_size_is_that_of_what_was_read() -> None:
    assert batch().size > 1000
    assert Recall(namespace="n", now=0.0).size > 0
    assert Departure(namespace="n", source="s", uid="u", gap=None).size > 0
