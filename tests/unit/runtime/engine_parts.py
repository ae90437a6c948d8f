"""What the engine's tests are made of: deliveries of state changes, and a detector small enough to count by hand.

The journal, the thread and the ledger of findings are the real ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from auditwatch.detection.detector import Detector
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Gap, LogRow, Revision, StateChange
from auditwatch.events.keys import state_change_key
from auditwatch.findings.ledger import Ledger
from auditwatch.journal.journal import Journal
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.reading import Reading

WATCH, RULE = "kasten-io/k10", "policy-changed"


def change(uid: str) -> StateChange:
    """A change of the policy with this uid, named by what stands before its first slash."""
    return StateChange(
        cluster="c",
        group="config.kio.kasten.io",
        version="v1alpha1",
        resource="policies",
        namespace="kasten-io",
        name=uid.partition("/")[0],
        uid=uid,
        verb="update",
        old={"a": 1},
        new={"a": 2},
        new_version="2",
        observed=100.0,
    )


@dataclass
class Changes:
    """A delivery: one change per uid."""

    uids: tuple[str, ...]
    size: int = 100

    def record(self, journal: Journal) -> None:
        for uid in self.uids:
            seen = change(uid)
            journal.receive(key=state_change_key(seen), source="state", payload=msgspec.json.encode(seen))


def one(uid: str, *, size: int = 100) -> Changes:
    return Changes((uid,), size)


@dataclass
class Raising:
    """A delivery that writes and then fails."""

    error: Exception
    size: int = 100

    def record(self, journal: Journal) -> None:
        journal.set_mark("half written", b"1")
        raise self.error


@dataclass
class Losing:
    """A delivery on which SQLite gives up the whole transaction."""

    size: int = 100

    def record(self, journal: Journal) -> None:
        journal._db._connection.execute("ROLLBACK")
        raise KeyError


@dataclass
class Counting:
    """A detector with one rule, which holds for every row; its only window is how many rows it saw."""

    seen: list[int] = field(default_factory=list)
    in_force: dict[str, Mapping[str, int]] = field(default_factory=dict)
    total: int = 0
    poison: int = -1
    """Sequence on which it fails."""
    changes: list[tuple[str, float | None]] = field(default_factory=list)
    """Watches that were changed, and the event time each change holds from."""
    _is_dirty: bool = False

    def install(self, rule_set: Any, *, in_force_from: Mapping[str, int], at: float | None = None) -> None:
        self.in_force[rule_set.watch] = dict(in_force_from)
        self.changes.append((rule_set.watch, at))

    def remove(self, watch: str, *, at: float | None = None) -> None:
        self.changes.append((watch, at))
        del self.in_force[watch]

    def end_formers(self, *, before: float) -> None:
        """It has none."""

    def observe(self, sequence: int, row: LogRow) -> list[Signal]:
        if sequence == self.poison:
            raise ValueError("a rule fell over")
        self.seen.append(sequence)
        self.total += 1
        self._is_dirty = True
        return [signal(sequence, row)]

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        self.total = int(dict(rows).get("total", b"0"))

    def take_dirty(self) -> dict[str, bytes | None]:
        rows: dict[str, bytes | None] = {"total": b"%d" % self.total} if self._is_dirty else {}
        self._is_dirty = False
        return rows


def signal(sequence: int, row: LogRow) -> Signal:
    """A finding's worth, grouped by the object's name."""
    row = row.activity if isinstance(row, Revision) else row
    name = row.subject if isinstance(row, Gap) else row.target.name
    return Signal(
        watch=WATCH,
        rule=RULE,
        pack="",
        sequence=sequence,
        time=100.0,
        severity="High",
        confidence="High",
        certainty="Observed",
        title="t",
        description="d",
        group=(("target.name", name),),
        activity=None if isinstance(row, Gap) else row,
        gap=row if isinstance(row, Gap) else None,
    )


@dataclass(frozen=True)
class Rule:
    """A compiled rule as far as the engine looks at it."""

    digest: str


@dataclass(frozen=True)
class RuleSet:
    """A rule set as far as the engine looks at it."""

    watch: str
    rules: Mapping[str, Rule]

    @classmethod
    def of(cls, watch: str, *digests: str) -> RuleSet:
        return cls(watch, {f"rule-{digest}": Rule(digest) for digest in digests})


class Bench:
    """An engine in a directory, which can be stopped and started again."""

    def __init__(self, directory: Path, *, limit_bytes: int = 1 << 30, queue_bytes: int = 1 << 20) -> None:
        self.path = directory / "journal.db"
        self.told: list[tuple[int, set[str]]] = []
        self.detector = Counting()
        self._limit_bytes = limit_bytes
        self._queue_bytes = queue_bytes
        self.engine = self._new_engine()

    def start(self) -> EngineThread:
        """A new thread on the same directory, with a detector that knows nothing."""
        self.detector = Counting()
        self.engine = self._new_engine()
        self.engine.start()
        return self.engine

    def open(self) -> Journal:
        """The journal, without an engine."""
        return Journal.open(
            self.path, clock=time.time, new_id=lambda: "j", new_key=lambda: b"k", limit_bytes=self._limit_bytes
        )

    def _new_engine(self) -> EngineThread:
        return EngineThread(
            self.open,
            self.detector,
            lambda journal: Ledger(journal_id=journal.id, cluster="c"),
            cluster="c",
            clock=time.time,
            reading=Reading(),
            on_dirty=lambda sequence, rows: self.told.append((sequence, set(rows))),
            queue_bytes=self._queue_bytes,
        )


def a_turn(engine: EngineThread) -> None:
    """Return when the engine has taken the next call out of its box: whatever came before it is done."""
    engine._post(id).result()


def matched(engine: EngineThread, sequence: int) -> None:
    """Wait until the log is settled and matched up to ``sequence``; a turn is a call away, so this needs no clock."""
    for _ in range(100_000):
        if engine.call(lambda inside: inside.journal.position("detected")).result() >= sequence:
            return
    raise AssertionError(f"never matched up to {sequence}: {engine.figures()}")


def real_engine(path: Path, *, now: float) -> EngineThread:
    """A thread, not started yet, with the operator's own detector and ledger, and a clock that stands still."""
    return EngineThread(
        lambda: Journal.open(path, clock=lambda: now, new_id=lambda: "j0", new_key=lambda: b"k" * 32),
        Detector(),
        lambda journal: Ledger(journal_id=journal.id, cluster="c"),
        cluster="c",
        clock=lambda: now,
        reading=Reading(),
        on_dirty=lambda _sequence, _rows: None,
    )
