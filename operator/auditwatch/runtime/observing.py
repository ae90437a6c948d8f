"""What audit sources were seen to log, and the door through which the engine shows every audit event to it.

The engine's thread notes, status asks, and the prover saves: all through one lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from auditwatch.detection.audited import heard_time
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.observed import AuditSight, ObservedLevels, ObservedRow
from auditwatch.events.activity import Evidence
from auditwatch.events.audit import AuditRecord
from auditwatch.runtime.canaries import AuditCanaries
from auditwatch.runtime.settling import Proof

OBSERVED: Final = "observed"
"""Name of the snapshot space: by source, what was seen."""
GRAIN_SECONDS: Final = 3600.0
"""A level seen again is written down at most this often."""

Kind = tuple[str, str]
_ROWS: Final = msgspec.msgpack.Decoder(list[ObservedRow])


class Observing:
    """Levels by source, since the first day."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kinds: frozenset[Kind] = frozenset()
        self._levels: dict[str, ObservedLevels] = {}
        self._saved: dict[str, frozenset[tuple[object, ...]]] = {}

    def ask(self, rule_sets: Iterable[RuleSet], watched: Iterable[Kind]) -> None:
        """Note the kinds these rules name from now on, and those whose state is watched."""
        kinds = frozenset(watched).union(*(rule_set.kinds for rule_set in rule_sets))
        with self._lock:
            if kinds != self._kinds:
                self._kinds = kinds
                for levels in self._levels.values():
                    levels.ask(kinds)

    def note(self, record: AuditRecord) -> None:
        """One event of a source."""
        with self._lock:
            self._of(record.source).note(record.event, heard_time(record))

    def sight(self, source: str, evidence: Evidence, *, silence: str, now: float) -> AuditSight:
        """What a source is proven to show at ``now`` (seconds since the epoch)."""
        with self._lock:
            frozen = ObservedLevels(self._kinds)
            frozen.restore(self._of(source).rows())
        return AuditSight(name=source, evidence=evidence, silence=silence, observed=frozen, now=now)

    def take_dirty(self) -> Mapping[str, bytes | None]:
        """By source, what is to be saved because it is new, or an hour newer than what was saved."""
        with self._lock:
            changed: dict[str, bytes | None] = {}
            for source, levels in self._levels.items():
                rows = levels.rows()
                coarse = frozenset((*row[:4], row[4] // GRAIN_SECONDS) for row in rows)
                if coarse and coarse != self._saved.get(source):
                    self._saved[source] = coarse
                    changed[source] = msgspec.msgpack.encode(rows)
            return changed

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up what was saved; what cannot be read is seen again."""
        with self._lock:
            for source, saved in rows:
                try:
                    self._of(source).restore(_ROWS.decode(saved))
                except msgspec.DecodeError:
                    continue

    def _of(self, source: str) -> ObservedLevels:
        return self._levels.setdefault(source, ObservedLevels(self._kinds))


class Witness:
    """Shown every audit record twice: by its source, and by the engine, which sees what several sources told once."""

    def __init__(self, canaries: AuditCanaries, observing: Observing) -> None:
        self._canaries = canaries
        self._observing = observing
        self._lock = threading.Lock()
        self._proofs: list[Proof] = []

    def sees(self, record: AuditRecord) -> None:
        """A source hands a record over: what that proves of the source. From the source's thread."""
        self._observing.note(record)
        if self._canaries.proves(record):
            proof = Proof(record.source, record.instance, record.evidence, heard_time(record))
            with self._lock:
                self._proofs.append(proof)

    def is_own(self, record: AuditRecord) -> bool:
        """Whether a record is one of our own requests, which meet no rule."""
        return self._canaries.is_own(record)

    def take_proofs(self) -> list[Proof]:
        """Proofs of life since the last call."""
        with self._lock:
            proofs, self._proofs = self._proofs, []
        return proofs
