"""When a kind's API answered nobody, by what became of our own requests to it.

It is told once the API answers again: by then the list or the watch shows what was done before it went down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec

from auditwatch.cluster.errors import ClusterError, UnavailableError, UnreachableError
from auditwatch.events.activity import API_DOWN, Gap
from auditwatch.events.keys import gap_key
from auditwatch.journal.journal import Journal
from auditwatch.sources.state.recording import SOURCE
from auditwatch.sources.state.streams import Stream

_DOWN: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})
"""What is answered in the place of a server that is not there. 500 and 504 come from one that may be at work."""
_SIZE: Final = 500


@dataclass(frozen=True, slots=True)
class Outage:
    """From the first unanswered request to the last, seconds since the epoch."""

    start: float
    end: float


@dataclass(slots=True)
class Outages:
    """One stream's. What lies between two requests nobody answered is taken for unanswered as well."""

    _now: Outage | None = None
    _over: list[Outage] = field(default_factory=list)

    def failed(self, error: ClusterError, at: float) -> None:
        """A request of ours failed at ``at``."""
        if is_unanswered(error):
            self._now = Outage(at if self._now is None else self._now.start, at)
        else:
            self.answered()

    def answered(self) -> None:
        """Somebody answered; a single failure is no outage, for nothing lies within it."""
        if self._now is not None and self._now.end > self._now.start:
            self._over.append(self._now)
        self._now = None

    def take(self) -> list[Outage]:
        """Those that are over and were not taken."""
        over, self._over = self._over, []
        return over


def is_unanswered(error: ClusterError) -> bool:
    """Whether no server that could do the work was there."""
    return isinstance(error, UnreachableError) or (isinstance(error, UnavailableError) and error.status in _DOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """An outage, for the journal."""

    stream: Stream
    outage: Outage
    size: int = _SIZE

    def record(self, journal: Journal) -> None:
        """Tell of it; the same one twice is one."""
        kind, outage = self.stream.kind.key, self.outage
        where = f" in namespace {self.stream.namespace}" if self.stream.namespace else ""
        gap = Gap(
            cluster=self.stream.cluster,
            source=SOURCE,
            subject=kind,
            reason=API_DOWN,
            message=f"the API of {kind}{where} answered nobody for {outage.end - outage.start:.0f} s",
            start=outage.start,
            end=outage.end,
        )
        journal.receive(key=gap_key(gap), source=SOURCE, payload=msgspec.json.encode(gap))
