"""K10's pods by uid, from what watched state says: which tokens of K10's account are K10's own.

Pods that are gone are kept for a day, because their last requests may be told of later. Bounded, and a function of
the changes it was shown alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from auditwatch.detection.scope import K10View
from auditwatch.events.activity import StateChange

KEPT_SECONDS: Final = 86_400.0
"""How long a deleted pod is remembered."""
MAX_PODS: Final = 10_000
"""Pods remembered; beyond, those that were deleted first are forgotten first."""
_NAMED: Final = "named"
_POD: Final = "pod/"


class WatchedPods:
    """The pods that ran under K10's account. For one thread."""

    def __init__(self, k10: K10View) -> None:
        self._k10 = k10
        self._gone: dict[str, float | None] = {}
        """By uid, when it was deleted; ``None`` for a pod that is there."""
        self._known_until = float("-inf")
        self._are_named = False
        self._dirty: dict[str, bytes | None] = {}
        self.news = 0
        """Grows with whatever may change the answer of :meth:`knows`."""

    @property
    def are_named(self) -> bool:
        """Whether this cluster has been seen to say which pod a token of K10's belongs to."""
        return self._are_named

    @property
    def is_empty(self) -> bool:
        """Whether no pod of K10's is known."""
        return not self._gone

    def name(self) -> None:
        """Note that an event of K10's account named its pod."""
        if not self._are_named:
            self._are_named = True
            self._dirty[_NAMED] = b""

    def proven_until(self, time: float) -> None:
        """Every pod that was there before this time (seconds since the epoch) has been shown."""
        self.news += time > self._known_until
        self._known_until = max(self._known_until, time)

    def observe(self, change: StateChange) -> None:
        """Take up one change; changes of anything else than K10's pods are passed over."""
        if (change.group, change.resource) != ("", "pods"):
            return
        if change.verb == "delete":
            if change.uid in self._gone or self._was_k10s(change):
                self._gone[change.uid] = change.observed
                self._dirty[_POD + change.uid] = msgspec.msgpack.encode(change.observed)
                self._forget(change.observed)
        elif change.new is not None and self._k10.is_k10_pod(change.namespace, change.new):
            self.news += change.uid not in self._gone
            self._gone[change.uid] = None
            self._forget(change.observed)

    def knows(self, uid: str, at: float) -> bool | None:
        """Whether this was a pod of K10's around ``at``; ``None`` while pods of that time may not be known yet."""
        if uid in self._gone:
            deleted = self._gone[uid]
            return deleted is None or at <= deleted + KEPT_SECONDS
        return False if at <= self._known_until else None

    def take_dirty(self) -> dict[str, bytes | None]:
        """What a restart has to know and watched state shows no more, changed since the last call; ``None``: gone."""
        rows, self._dirty = self._dirty, {}
        return rows

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError` on a row that is not ours."""
        for key, row in rows:
            if key == _NAMED:
                self._are_named = True
            else:
                uid, deleted = key.removeprefix(_POD), msgspec.msgpack.decode(row, type=float)
                self.news += uid not in self._gone
                self._gone[uid] = deleted

    def _was_k10s(self, change: StateChange) -> bool:
        """A pod may go before anybody here had heard that it was there."""
        return change.old is not None and self._k10.is_k10_pod(change.namespace, change.old)

    def _forget(self, now: float) -> None:
        gone = [(time, uid) for uid, time in self._gone.items() if time is not None]
        old = [uid for time, uid in gone if time < now - KEPT_SECONDS]
        excess = len(self._gone) - MAX_PODS
        for uid in {*old, *(uid for _, uid in sorted(gone)[: max(excess, 0)])}:
            del self._gone[uid]
            self._dirty[_POD + uid] = None
