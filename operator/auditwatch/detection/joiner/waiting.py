"""Everything that is held, found by key, by object and by audit ID."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from auditwatch.detection.joiner.asking import Asked, Place
from auditwatch.detection.joiner.fitting import places_of
from auditwatch.detection.joiner.pairing import is_same_request
from auditwatch.detection.joiner.pending import PendingRequest, PendingStep
from auditwatch.detection.joiner.steps import Step
from auditwatch.events.activity import Evidence

K = TypeVar("K")
H = TypeVar("H", PendingRequest, PendingStep)


class Waiting:
    """Requests and changes."""

    def __init__(self) -> None:
        self._requests: dict[int, PendingRequest] = {}
        self._steps: dict[int, PendingStep] = {}
        self._keys: dict[str, PendingRequest] = {}
        self._requests_at: _Shelf[Place, PendingRequest] = _Shelf()
        self._steps_at: _Shelf[Place, PendingStep] = _Shelf()
        self._audit_ids: _Shelf[str, PendingRequest] = _Shelf()

    def __len__(self) -> int:
        return len(self._requests) + len(self._steps)

    def requests(self) -> list[PendingRequest]:
        """Every request."""
        return list(self._requests.values())

    def steps(self) -> list[PendingStep]:
        """Every change."""
        return list(self._steps.values())

    def put_step(self, step: PendingStep) -> None:
        """Hold a change."""
        self._steps[step.inbox[0]] = step
        self._steps_at.put(places_of(step.step), step)

    def put_request(self, request: PendingRequest) -> None:
        """Hold a request, or find it by what became of it."""
        self._requests[request.inbox[0]] = request
        self._keys |= dict.fromkeys(request.keys, request)
        self._requests_at.put([request.asked.place], request)
        if request.asked.audit_id:
            self._audit_ids.put([request.asked.audit_id], request)

    def drop(self, held: PendingRequest | PendingStep) -> None:
        """Hold it no longer. A request is dropped before anything about it changes."""
        if isinstance(held, PendingStep):
            self._steps.pop(held.inbox[0], None)
            self._steps_at.take(places_of(held.step), held)
            return
        self._requests.pop(held.inbox[0], None)
        for key in held.keys:
            self._keys.pop(key, None)
        self._requests_at.take([held.asked.place], held)
        self._audit_ids.take([held.asked.audit_id], held)

    def by_key(self, key: str) -> PendingRequest | None:
        """The request that one of whose tellings has this key."""
        return self._keys.get(key)

    def requests_about(self, step: Step) -> Iterator[PendingRequest]:
        """Requests about the object of a change."""
        yield from self._requests_at.at(places_of(step))

    def requests_at(self, place: Place) -> list[PendingRequest]:
        """Requests about a place."""
        return self._requests_at.at([place])

    def steps_of(self, asked: Asked) -> Iterator[PendingStep]:
        """Changes of the objects of a request."""
        yield from self.steps_at(asked.place)

    def steps_at(self, place: Place) -> list[PendingStep]:
        """Changes of the objects at a place."""
        return self._steps_at.at([place])

    def partners(self, asked: Asked, evidence: Evidence) -> Iterator[PendingRequest]:
        """Requests of which the other server told, and which are the same by all that can be compared."""
        for held in self._audit_ids.at([asked.audit_id] if asked.audit_id else []):
            if held.is_paired or (held.front is None) is (evidence != "Audited"):
                continue
            front, behind = (asked, held.asked) if evidence == "Audited" else (held.asked, asked)
            if is_same_request(front, behind):
                yield held


class _Shelf(Generic[K, H]):
    """What waits, by what it is looked for; in the order in which it came."""

    def __init__(self) -> None:
        self._rows: dict[K, dict[int, H]] = {}

    def put(self, places: Iterable[K], held: H) -> None:
        for place in places:
            self._rows.setdefault(place, {})[held.inbox[0]] = held

    def take(self, places: Iterable[K], held: H) -> None:
        for place in places:
            row = self._rows.get(place, {})
            row.pop(held.inbox[0], None)
            if not row:
                self._rows.pop(place, None)

    def at(self, places: Iterable[K]) -> list[H]:
        found: dict[int, H] = {}
        for place in places:
            found.update(self._rows.get(place, {}))
        return list(found.values())
