"""From records to activities, each request once, in the order of the log: what the joiner does where nothing is live.

A log is one source, complete and in order, so nothing has to be waited for: the decisive stage of a request tells how
it went, further stages and copies of a record are passed over, and what the end of the log leaves open stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditwatch.detection.audited import Circumstances, activity_of, event_time
from auditwatch.detection.joiner.clearing import Deletions
from auditwatch.detection.joiner.merging import blamed
from auditwatch.detection.remembered import Remembered
from auditwatch.events.activity import Activity
from auditwatch.events.audit import AuditRecord
from auditwatch.events.derived import is_decisive, is_long_running
from auditwatch.events.needles import Needle

MAX_KEYS: Final = 200_000
"""Keys remembered of records, and of requests. Copies that lie further apart than that count twice."""
MAX_OPEN: Final = 50_000
"""Requests whose end is waited for; beyond, the oldest is given up and counted."""
ANSWER_SECONDS: Final = 60.0
"""A request that began this long before the end of the log, and was never answered, is one whose answer is missing."""

NAMESPACES_DELETED: Final = Needle(('"verb":"delete"', '"resource":"namespaces"'))
"""Has to be seen whatever the rules look for: it tells whose doing the namespace controller's deletions are."""

_MUTATING: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})

Place = tuple[str, int, int]
"""File, line from 1, and event from 0 in its line."""


class Seen:
    """The last keys (hex) that were seen."""

    def __init__(self, limit: int = MAX_KEYS) -> None:
        self._limit = limit
        self._keys: dict[int, None] = {}

    def add(self, key: str) -> bool:
        """Remember it; whether it is new."""
        number = int(key[:16], 16)
        if number in self._keys:
            return False
        if len(self._keys) >= self._limit:
            del self._keys[next(iter(self._keys))]
        self._keys[number] = None
        return True


class Settling:
    """Requests, one after the other. For one thread."""

    def __init__(self, circumstances: Circumstances) -> None:
        self._circumstances = circumstances
        self._remembered = Remembered()
        self._deletions = Deletions()
        self._records, self._requests = Seen(), Seen()
        self._open: dict[str, tuple[AuditRecord, Place]] = {}
        self._latest = float("-inf")
        self.duplicates = 0
        """Records that had been seen before."""
        self.unanswered = 0
        """Requests that would have changed something and of which no answer is in the log."""
        self.given_up = 0
        """Requests whose answer was no longer waited for, because there were too many."""

    def settle(self, record: AuditRecord, place: Place) -> Activity | None:
        """The activity a record completes; ``None`` for another stage of a request, or a copy.

        ``place``: where the record stands; given back by :meth:`rest`.
        """
        if not self._records.add(record.key):
            self.duplicates += 1
            return None
        self._latest = max(self._latest, event_time(record))
        if not is_decisive(record.event):
            self._wait_for(record, place)
            return None
        return self._settled(record)

    def rest(self) -> Iterator[tuple[AuditRecord, Place]]:
        """At the end of the log: requests that were never answered, in the order they began, and where they stand."""
        for record, place in self._open.values():
            if event_time(record) <= self._latest - ANSWER_SECONDS:
                self.unanswered += 1
                yield record, place
        self._open.clear()

    def unanswered_one(self, record: AuditRecord) -> Activity:
        """The activity of a request whose answer is missing, one of :meth:`rest`."""
        return self._remembered.completed(activity_of(record, self._circumstances))

    def _settled(self, record: AuditRecord) -> Activity | None:
        if self._open:
            self._open.pop(_open_key(record), None)
        activity = activity_of(record, self._circumstances)
        return self._remembered.completed(self._blamed(activity)) if self._requests.add(activity.key) else None

    def _blamed(self, activity: Activity) -> Activity:
        """What the namespace controller clears away is blamed on whoever deleted the namespace."""
        self._deletions.note(activity)
        self._deletions.expire(self._latest)
        deletion = self._deletions.behind(activity)
        return activity if deletion is None else blamed(activity, deletion.actor, deletion.client)

    def _wait_for(self, record: AuditRecord, place: Place) -> None:
        event = record.event
        if event.stage != "RequestReceived" or event.verb not in _MUTATING or is_long_running(event):
            return
        if len(self._open) >= MAX_OPEN:
            del self._open[next(iter(self._open))]
            self.given_up += 1
        self._open[_open_key(record)] = record, place


def _open_key(record: AuditRecord) -> str:
    """Equal for the first and the last stage of a request; the impersonated user is known in the last one alone."""
    event = record.event
    parts = event.audit_id, event.request_received_timestamp, event.verb, event.request_uri, event.user.username
    return repr(parts)
