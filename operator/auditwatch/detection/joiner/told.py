"""What has been told and may still be joined by what comes late: small, bounded, and kept over a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from auditwatch.detection.joiner.asking import Asked, Place
from auditwatch.detection.joiner.fitting import places_of
from auditwatch.detection.joiner.steps import Step
from auditwatch.detection.joiner.timeline import Timelines, span_of_request, span_of_step
from auditwatch.events.activity import Activity, Evidence

MAX_TOLD: Final = 20_000
MAX_TOLD_UNHEARD: Final = 500
"""While no audit source was ever heard of: enough for one that is turned on to name who made the latest changes."""
MAX_AT_PLACE: Final = 5_000
"""Of one object: whoever writes it all the time must not make the joiner forget what is told of all others."""
MAX_BYTES: Final = 16 << 20
MAX_UIDS: Final = 1_000
_DELETING: Final = frozenset({"delete", "deletecollection"})


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One activity that is in the log, or was found to be nothing that belongs there.

    What becomes known later makes another of it, so that what could not be told to its end can be undone.
    """

    id: str
    """Of its first inbox row; the order of arrival."""
    at: float
    """When it was settled, seconds since the epoch."""
    sequence: int = 0
    """Log sequence of its row; 0 where it got none."""
    latest: int = 0
    """Log sequence of the last thing said of it."""
    asked: Asked | None = None
    step: Step | None = None
    evidence: str = ""
    key: str = ""
    """Of the request."""
    is_relayed: bool = False
    """Whether the record of the server behind is in it."""
    uids: tuple[str, ...] = ()
    """Of the objects whose changes it explains."""
    is_taken: bool = False
    """Whether a change was found to be its work, so that another is not."""
    is_sure: bool = False
    """Whether by its version."""
    is_open: bool = False
    """Of a change: nobody explained it yet, and whether that is a gap is not decided."""
    waits_for_blame: bool = False
    """Whether it is a controller's clearing up after a namespace whose deletion was not heard of."""
    shadow: Activity | None = None
    """Without bodies, what would be told, where no row was."""


class Memory:
    """Told activities, found by object, by key, by audit ID. The oldest go first."""

    def __init__(self) -> None:
        self._all: dict[str, Told] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._requests: Timelines[str, Told] = Timelines()
        self._steps: Timelines[str, Told] = Timelines()
        self._deletions: _Shelf[Place] = _Shelf()
        self._at: dict[Place, dict[str, None]] = {}
        """What is about a place, the eldest first."""
        self._crowded: set[Place] = set()
        self._keys: _Shelf[str] = _Shelf()
        self._audit_ids: _Shelf[tuple[str, bool]] = _Shelf()
        self._open: _Shelf[bool] = _Shelf()
        self._blameless: _Shelf[bool] = _Shelf()
        self._unsure: _Shelf[bool] = _Shelf()
        self._dirty: set[str] = set()
        self._former: list[tuple[str, Told | None, int]] = []
        """What was there before each :meth:`put` since the last :meth:`mark`, and the bytes it had."""

    def __len__(self) -> int:
        return len(self._all)

    def put(self, told: Told) -> None:
        """Remember, or write again what changed about it."""
        row = _ENCODER.encode(told)
        self._former.append((told.id, self._all.get(told.id), self._sizes.get(told.id, 0)))
        self._enter(told, len(row))
        self._dirty.add(told.id)

    def change(self, told: Told, **known: Any) -> Told:
        """Remember of something told what is known of it now."""
        changed = replace(told, **known)
        self.put(changed)
        return changed

    def now(self, told: Told) -> Told:
        """What is known by now of something told earlier."""
        return self._all.get(told.id, told)

    def mark(self) -> None:
        """From here on it may be undone."""
        self._former.clear()

    def undo(self) -> None:
        """As it was at the last :meth:`mark`."""
        while self._former:
            name, former, size = self._former.pop()
            if former is None:
                self._drop(name)
            else:
                self._enter(former, size)

    def expire(self, before: float, *, is_unheard: bool = False) -> None:
        """Forget what was settled before this time, and the oldest where there is too much, or too much of a place.

        ``is_unheard``: no audit source was ever heard of.
        """
        while self._crowded:
            names = self._at[self._crowded.pop()]
            for name in list(names)[: len(names) - MAX_AT_PLACE]:
                self._drop(name)
                self._dirty.add(name)
        most = MAX_TOLD_UNHEARD if is_unheard else MAX_TOLD
        while self._all:
            eldest = next(iter(self._all.values()))
            if eldest.at >= before and len(self._all) <= most and self._bytes <= MAX_BYTES:
                return
            self._drop(eldest.id)
            self._dirty.add(eldest.id)

    def by_key(self, key: str) -> Told | None:
        """The request of this key; of a deletion of many any part."""
        return next(iter(self._keys.at(key)), None)

    def by_audit_id(self, audit_id: str, evidence: Evidence) -> list[Told]:
        """Requests with this audit ID, which its client chose, that the other server alone told of."""
        return self._audit_ids.at((audit_id, evidence != "Audited")) if audit_id else []

    def requests(self, step: Step) -> list[Told]:
        """Requests about this step's object of about its time, or with its version."""
        return self._requests.near(places_of(step), span_of_step(step))

    def of_version(self, step: Step) -> list[Told]:
        """Requests about this step's object that have its version."""
        return self._requests.of_version(places_of(step), step.version)

    def deletions(self, step: Step) -> list[Told]:
        """Deletions about this step's object that explain something."""
        return [told for place in places_of(step) for told in self._deletions.at(place)]

    def steps(self, asked: Asked) -> list[Told]:
        """Changes of the objects of this request of about its time, or with its version, that nothing explains."""
        return self._steps.near([asked.place], span_of_request(asked))

    def open_steps(self) -> list[Told]:
        """Changes of which it is not decided whether they are a gap."""
        return self._open.at(True)

    def without_blame(self) -> list[Told]:
        """A controller's clearing up that nobody is blamed for yet."""
        return self._blameless.at(True)

    def unsure(self) -> list[Told]:
        """Requests to change something of which nobody told how they went."""
        return self._unsure.at(True)

    def take_dirty(self) -> dict[str, bytes | None]:
        """What changed since the last call, by id; ``None`` where it is gone."""
        rows = {name: _ENCODER.encode(self._all[name]) if name in self._all else None for name in sorted(self._dirty)}
        self._dirty.clear()
        return rows

    def restore(self, row: bytes) -> None:
        """Take up what :meth:`take_dirty` gave out, in its order. Raises :class:`msgspec.DecodeError`."""
        self._enter(_DECODER.decode(row), len(row))

    def _enter(self, told: Told, size: int) -> None:
        self._all[told.id] = told  # what is known already keeps its age
        self._bytes += size - self._sizes.get(told.id, 0)
        self._sizes[told.id] = size
        self._enter_place(told)
        self._enter_request(told)
        self._keys.set(told, [told.key] if told.key else [])
        self._open.set(told, [True] if told.is_open else [])
        self._blameless.set(told, [True] if told.waits_for_blame else [])

    def _enter_place(self, told: Told) -> None:
        if (place := _place_of(told)) is not None:
            names = self._at.setdefault(place, {})
            names[told.id] = None
            if len(names) > MAX_AT_PLACE:
                self._crowded.add(place)

    def _enter_request(self, told: Told) -> None:
        asked = told.asked
        self._requests.take(told.id)
        self._steps.take(told.id)
        if asked is None:
            if told.step is not None:
                self._steps.put(told.id, told, places_of(told.step), span_of_step(told.step))
        elif asked.writes:
            self._requests.put(told.id, told, [asked.place], span_of_request(asked))
        is_deletion = asked is not None and asked.writes and asked.verb in _DELETING and bool(told.uids)
        is_found = asked is not None and bool(asked.audit_id) and not told.is_relayed
        self._deletions.set(told, [asked.place] if asked is not None and is_deletion else [])
        self._audit_ids.set(
            told, [(asked.audit_id, told.evidence == "Audited")] if asked is not None and is_found else []
        )
        self._unsure.set(told, [True] if asked is not None and asked.writes and asked.outcome == "Unknown" else [])

    def _drop(self, name: str) -> None:
        told = self._all.pop(name)
        self._bytes -= self._sizes.pop(name)
        self._leave_place(told)
        for lines in (self._requests, self._steps):
            lines.take(name)
        self._deletions.set(told, [])
        self._audit_ids.set(told, [])
        self._keys.set(told, [])
        for marks in (self._open, self._blameless, self._unsure):
            marks.set(told, [])

    def _leave_place(self, told: Told) -> None:
        place = _place_of(told)
        names = self._at.get(place) if place is not None else None
        if place is None or names is None:
            return
        names.pop(told.id, None)
        if len(names) <= MAX_AT_PLACE:
            self._crowded.discard(place)
        if not names:
            del self._at[place]


def _place_of(told: Told) -> Place | None:
    return told.step.place if told.step is not None else told.asked.place if told.asked is not None else None


K = TypeVar("K")


class _Shelf(Generic[K]):
    """Told activities by what they are looked for."""

    def __init__(self) -> None:
        self._rows: dict[K, dict[str, Told]] = {}
        self._names: dict[str, tuple[K, ...]] = {}

    def set(self, told: Told, names: Iterable[K]) -> None:
        """Let it be found under these names alone."""
        for name in self._names.pop(told.id, ()):
            row = self._rows[name]
            del row[told.id]
            if not row:
                del self._rows[name]
        if kept := tuple(names):
            self._names[told.id] = kept
            for name in kept:
                self._rows.setdefault(name, {})[told.id] = told

    def at(self, name: K) -> list[Told]:
        return list(self._rows.get(name, {}).values())


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Told)
