"""Everything that is held, found by key, by object and by audit ID."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from auditwatch.detection.joiner.asking import Asked, Place
from auditwatch.detection.joiner.fitting import places_of
from auditwatch.detection.joiner.pairing import is_same_request
from auditwatch.detection.joiner.pending import PendingRequest, PendingStep
from auditwatch.detection.joiner.steps import Step
from auditwatch.detection.joiner.timeline import Timelines, span_of_request, span_of_step
from auditwatch.events.activity import Evidence


class Waiting:
    """Requests and changes."""

    def __init__(self) -> None:
        self._requests: dict[int, PendingRequest] = {}
        self._steps: dict[int, PendingStep] = {}
        self._keys: dict[str, PendingRequest] = {}
        self._requests_at: Timelines[int, PendingRequest] = Timelines()
        self._steps_at: Timelines[int, PendingStep] = Timelines()
        self._queues: dict[Place, list[PendingStep]] = {}
        """Of each object the changes without a certain cause, by event time; none waits longer than a later one."""
        self._audit_ids: dict[tuple[str, bool], dict[int, PendingRequest]] = {}

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
        self._steps_at.put(step.inbox[0], step, places_of(step.step), span_of_step(step.step))

    def put_in_order(self, step: PendingStep) -> None:
        """Of one object, no change is put down to a request before those that were made earlier."""
        queue = self._queues.setdefault(step.step.place, [])
        index = bisect_left(queue, step.order, key=_order)
        if index:
            step.due = max(step.due, queue[index - 1].due)
        for later in islice(queue, index, None):
            if later.due >= step.due:
                break
            later.due = step.due
        queue.insert(index, step)

    def make_certain(self, step: PendingStep, now: float) -> None:
        """There is a request that has its version: it waits no longer, and others not for it."""
        self._leave_queue(step)
        step.is_certain, step.due = True, min(step.due, now)

    def put_request(self, request: PendingRequest) -> None:
        """Hold a request, or find it by what became of it."""
        name, asked = request.inbox[0], request.asked
        self._requests[name] = request
        self._keys |= dict.fromkeys(request.keys, request)
        self._requests_at.put(name, request, [asked.place], span_of_request(asked))
        if asked.audit_id and not request.is_paired:
            self._audit_ids.setdefault((asked.audit_id, request.front is not None), {})[name] = request

    def drop(self, held: PendingRequest | PendingStep) -> None:
        """Hold it no longer. A request is dropped before anything about it changes."""
        name = held.inbox[0]
        if isinstance(held, PendingStep):
            self._steps.pop(name, None)
            self._steps_at.take(name)
            self._leave_queue(held)
            return
        self._requests.pop(name, None)
        for key in held.keys:
            self._keys.pop(key, None)
        self._requests_at.take(name)
        side = (held.asked.audit_id, held.front is not None)
        found = self._audit_ids.get(side, {})
        found.pop(name, None)
        if not found:
            self._audit_ids.pop(side, None)

    def _leave_queue(self, step: PendingStep) -> None:
        queue = self._queues.get(step.step.place, [])
        index = bisect_left(queue, step.order, key=_order)
        if index < len(queue) and queue[index] is step:
            del queue[index]
        if not queue:
            self._queues.pop(step.step.place, None)

    def by_key(self, key: str) -> PendingRequest | None:
        """The request that one of whose tellings has this key."""
        return self._keys.get(key)

    def requests_near(self, step: Step) -> list[PendingRequest]:
        """Requests about the object of a change of about its time, or with its version."""
        return self._requests_at.near(places_of(step), span_of_step(step))

    def requests_of_version(self, step: Step) -> list[PendingRequest]:
        """Requests about the object of a change that have its version."""
        return self._requests_at.of_version(places_of(step), step.version)

    def requests_at(self, place: Place) -> list[PendingRequest]:
        """Requests about a place."""
        return self._requests_at.at(place)

    def steps_near(self, asked: Asked, place: Place) -> list[PendingStep]:
        """Changes of the objects at a place of about the time of a request, or with its version."""
        return self._steps_at.near([place], span_of_request(asked))

    def steps_of_version(self, asked: Asked) -> list[PendingStep]:
        """Changes of the objects of a request that have its version."""
        return self._steps_at.of_version([asked.place], asked.version)

    def partners(self, asked: Asked, evidence: Evidence) -> Iterator[PendingRequest]:
        """Requests of which the other server told, and which are the same by all that can be compared."""
        is_front = evidence == "Audited"
        others = self._audit_ids.get((asked.audit_id, not is_front), {}) if asked.audit_id else {}
        for held in others.values():
            front, behind = (asked, held.asked) if is_front else (held.asked, asked)
            if is_same_request(front, behind):
                yield held


def _order(step: PendingStep) -> tuple[float, str]:
    return step.order
