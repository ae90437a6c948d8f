"""What each audit source has been heard to tell: how late it is, how far it has come, and what it proves to log.

A lag is from the server's own time to our commit. What a source never told of is not held against it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Final

import msgspec

from auditwatch.detection.audited import AHEAD_SECONDS
from auditwatch.events.activity import Activity, Evidence
from auditwatch.events.audit import AuditRecord

LAGS: Final = 1_000
LAG_SECONDS: Final = 600.0
"""A lag older than that says nothing any more: what was read up after a pause must not slow down what is live."""
LONGEST_WAIT_SECONDS: Final = 45.0
ALIVE_SECONDS: Final = 600.0
"""A source that was not heard of for longer is not waited for."""
BACKLOG_SECONDS: Final = 60.0
"""Longer than anything live is late. What a source tells first may be as old as that."""
REMEMBERED_SECONDS: Final = 30 * 86_400.0
"""How long it counts that a source has logged a kind."""
INSTANCE_SECONDS: Final = 86_400.0
"""An API server that was not heard of for longer is gone, and nobody waits for its watermark."""
MAX_KINDS: Final = 5_000
MAX_INSTANCES: Final = 1_000

Logged = tuple[str, str, str]
"""Group, resource, verb."""


class Heard(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One source. Times are seconds since the epoch."""

    evidence: Evidence
    first: float = math.inf
    """When it was first heard of, by our clock: what happened before was told late because nobody listened."""
    last: float = -math.inf
    """When it was last heard of, by our clock."""
    lags: list[tuple[float, float]] = []
    """When something was heard of, and how late it was."""
    watermarks: dict[str, tuple[float, float]] = {}
    """By instance: the latest event time, and when it was last heard of."""
    logged: dict[str, float] = {}
    """By ``group/resource/verb``: event time of the last success it told of."""

    def is_alive(self, now: float) -> bool:
        """Whether it is worth waiting for."""
        return now - self.last <= ALIVE_SECONDS

    def wait(self, now: float) -> float:
        """Seconds in which nearly all of what it tells arrives: the 99th percentile of its lags, at most 45.

        Of the last 1,000 within ten minutes.
        """
        lags = sorted(lag for heard, lag in self.lags if heard >= now - LAG_SECONDS)
        if not lags:
            return 0.0
        rank = max(math.ceil(len(lags) * 0.99) - 1, 0)
        return min(max(lags[rank], 0.0), LONGEST_WAIT_SECONDS)

    def has_logged(self, kind: Logged, now: float) -> bool:
        """Whether it told of such a success within thirty days."""
        return now - self.logged.get("/".join(kind), -math.inf) <= REMEMBERED_SECONDS

    def logs_kind(self, group: str, resource: str) -> bool:
        """Whether it ever told of the kind."""
        return any(kind.startswith(f"{group}/{resource}/") for kind in self.logged)

    def has_passed(self, time: float, now: float) -> bool:
        """Whether every instance of it has told of something later than ``time``."""
        present = [mark for mark, seen in self.watermarks.values() if now - seen <= INSTANCE_SECONDS]
        return bool(present) and min(present) > time


class Hearing:
    """Every audit source, by name."""

    def __init__(self) -> None:
        self._sources: dict[str, Heard] = {}
        self._waits: dict[str, tuple[float, float]] = {}
        self._dirty: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no audit source was ever heard of."""
        return not self._sources

    def heard(self, record: AuditRecord, time: float, received: float) -> None:
        """A record came; ``time`` is its event's, ``received`` when it was committed."""
        self.alive(record.source, record.instance, evidence=record.evidence, time=time, now=received)

    def alive(self, name: str, instance: str, *, evidence: Evidence, time: float, now: float) -> None:
        """Proof that everything up to event time ``time`` has come through this instance of a source."""
        source = self._of(name, evidence)
        source.last = max(source.last, now)
        source.first = min(source.first, now)
        if time >= source.first:
            source.lags.append((now, now - time))
            del source.lags[:-LAGS]
        self._waits.pop(name, None)
        mark, heard = source.watermarks.get(instance, (-math.inf, -math.inf))
        # One saved by a former version may lie in the future, and would prove for ever what was never told.
        source.watermarks[instance] = (max(min(mark, now + AHEAD_SECONDS), time), max(heard, now))
        while len(source.watermarks) > MAX_INSTANCES:
            del source.watermarks[min(source.watermarks, key=lambda name: source.watermarks[name][1])]
        self._dirty.add(name)

    def proved(self, record: AuditRecord, activity: Activity) -> None:
        """A source told of a success of this kind."""
        source, target = self._of(record.source, record.evidence), activity.target
        if target.resource and not target.subresource and activity.outcome == "Succeeded":
            kind = f"{target.group}/{target.resource}/{activity.verb}"
            source.logged.pop(kind, None)
            source.logged[kind] = activity.time
            while len(source.logged) > MAX_KINDS:
                del source.logged[next(iter(source.logged))]

    def wait_for_event(self, now: float) -> float:
        """How long to wait for an API server's own event; 0 where nobody would tell of it."""
        return max((self._wait(name, now) for name, _ in self._audited(now)), default=0.0)

    def wait_for_cause(self, kinds: Collection[Logged], now: float) -> float:
        """How long to wait for the request behind a change; ``kinds``: each request it may have been.

        An API server tells of every request its policy lets through, and is waited for. K10's own server tells of few:
        it is waited for where it has told of such a request before, and corrects what was told where it had not.
        """
        relays = (
            self._wait(name, now)
            for name, source in self._sources.items()
            if source.evidence == "K10Stream"
            and source.is_alive(now)
            and any(source.has_logged(kind, now) for kind in kinds)
        )
        return max(self.wait_for_event(now), max(relays, default=0.0))

    def is_relayed(self, group: str, resource: str, now: float) -> bool:
        """Whether a server behind the API server is known to record requests of this kind, and is heard of."""
        return any(
            source.evidence == "K10Stream" and source.is_alive(now) and source.logs_kind(group, resource)
            for source in self._sources.values()
        )

    def loggers(self, kinds: tuple[Logged, ...], *, since: float, now: float) -> Iterator[str]:
        """Audit sources that log all of these kinds, and were listened to at ``since``."""
        for name, source in sorted(self._sources.items()):
            is_heard = source.evidence == "Audited" and source.first <= since
            if is_heard and all(source.has_logged(kind, now) for kind in kinds):
                yield name

    def witness(self, kinds: tuple[Logged, ...], *, since: float, after: float, now: float) -> str | None:
        """One of :meth:`loggers` that has told of everything up to ``after``; else ``None``."""
        told = (
            name for name in self.loggers(kinds, since=since, now=now) if self._sources[name].has_passed(after, now)
        )
        return next(told, None)

    def is_backlog(self, name: str, time: float) -> bool:
        """Whether what happened at ``time`` was in the log well before anybody listened to this source."""
        return name in self._sources and time < self._sources[name].first - BACKLOG_SECONDS

    def take_dirty(self) -> dict[str, bytes | None]:
        """Sources that were heard of since the last call."""
        rows: dict[str, bytes | None] = {name: _ENCODER.encode(self._sources[name]) for name in sorted(self._dirty)}
        self._dirty.clear()
        return rows

    def restore(self, name: str, row: bytes) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError`."""
        self._sources[name] = _DECODER.decode(row)

    def _audited(self, now: float) -> Iterator[tuple[str, Heard]]:
        for name, source in sorted(self._sources.items()):
            if source.evidence == "Audited" and source.is_alive(now):
                yield name, source

    def _wait(self, name: str, now: float) -> float:
        known = self._waits.get(name)
        if known is None or known[0] != now:
            known = self._waits[name] = (now, self._sources[name].wait(now))
        return known[1]

    def _of(self, name: str, evidence: Evidence) -> Heard:
        return self._sources.setdefault(name, Heard(evidence=evidence))


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Heard)
