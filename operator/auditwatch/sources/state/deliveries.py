"""What a stream hands to the engine: each writes what was seen and the stream's mark in one transaction.

All are idempotent: killed at any point, the stream begins again from its mark and makes the same comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from auditwatch.journal.journal import Journal
from auditwatch.sources.state.marks import Mark, read_mark, write_mark
from auditwatch.sources.state.observation import Observation
from auditwatch.sources.state.recording import Recorder
from auditwatch.sources.state.streams import Stream

_OVERHEAD_BYTES = 200
_DELETIONS_AT_ONCE = 500
_LATE_SECONDS = 10.0
_FULL_BATCH = 200


@dataclass(slots=True, kw_only=True)
class Recall:
    """Asks where the stream stands; changes nothing."""

    stream: Stream
    mark: Mark = field(default_factory=Mark, init=False)
    objects: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """Next to nothing."""
        return _OVERHEAD_BYTES

    def record(self, journal: Journal) -> None:
        """Read the mark and count what is known."""
        self.mark = read_mark(journal, self.stream)
        self.objects = journal.version_count(self.stream.key)


@dataclass(slots=True, kw_only=True)
class ListingPage:
    """One page of a listing that is not finished; what it holds counts, what it lacks does not (yet)."""

    stream: Stream
    number: int
    observed: float
    observations: list[Observation]

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return _size(self.observations)

    def record(self, journal: Journal) -> None:
        """Compare every object; the mark learns only that this listing began."""
        mark = read_mark(journal, self.stream)
        if mark.listing >= self.number:
            return
        if mark.started < self.number:
            write_mark(journal, self.stream, msgspec.structs.replace(mark, started=self.number))
        recorder = Recorder(
            journal=journal,
            stream=self.stream,
            manner="List",
            observed=self.observed,
            last_observed=mark.observed,
            listing=self.number,
        )
        for seen in self.observations:
            recorder.saw(seen, is_news=mark.listing > 0)


@dataclass(slots=True, kw_only=True)
class ListingEnd:
    """A listing is complete: what it did not hold is gone, and the stream goes on from its resourceVersion."""

    stream: Stream
    number: int
    began: float
    """When the server made the list, at the earliest: what it shows was true then."""
    observed: float
    version: str
    """resourceVersion of the list; empty where no watch can start from it."""
    lost: str = ""
    """Why the history before it is lost; empty where it is not, or where there was none."""
    patience: float
    """Seconds since the last proof of life above which what lies between is a gap: no watch told of it."""
    objects: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """Next to nothing."""
        return _OVERHEAD_BYTES

    def record(self, journal: Journal) -> None:
        """Report what is gone and what nobody saw; move the mark."""
        mark = read_mark(journal, self.stream)
        if mark.listing < self.number:
            self._finish(journal, mark)
        self.objects = journal.version_count(self.stream.key)

    def _finish(self, journal: Journal, mark: Mark) -> None:
        recorder = Recorder(
            journal=journal,
            stream=self.stream,
            manner="List",
            observed=self.observed,
            last_observed=mark.observed,
            listing=self.number,
        )
        while gone := journal.versions_before(self.stream.key, self.number, limit=_DELETIONS_AT_ONCE):
            for row in gone:
                recorder.missed(row)
        if mark.listing > 0:
            self._report_gap(recorder, silence=self.began - mark.observed)
        done = Mark(version=self.version, observed=self.began, listing=self.number, started=self.number)
        write_mark(journal, self.stream, done)

    def _report_gap(self, recorder: Recorder, *, silence: float) -> None:
        where = f" in namespace {self.stream.namespace}" if self.stream.namespace else ""
        if self.lost:
            message = f"{self.stream.kind.key}{where}: {self.lost}; only net differences are known for this stretch"
            recorder.gap(reason="HistoryLost", message=message, end=self.observed)
        elif silence > self.patience:
            message = f"{self.stream.kind.key}{where} cannot be watched, and was not listed for {silence:.0f} s"
            recorder.gap(reason="Downtime", message=message, end=self.observed)


@dataclass(frozen=True, slots=True)
class Watched:
    """One event of a watch."""

    seen: Observation
    is_deletion: bool = False


@dataclass(slots=True, kw_only=True)
class WatchedBatch:
    """Events of a watch in their order; without any it is a proof of life (a bookmark, the regular end)."""

    stream: Stream
    events: list[Watched]
    version: str
    """resourceVersion of the last event or bookmark; empty: as before."""
    observed: float
    added: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return _size([event.seen for event in self.events])

    def record(self, journal: Journal) -> None:
        """Compare every object; move the mark."""
        mark = read_mark(journal, self.stream)
        recorder = Recorder(
            journal=journal,
            stream=self.stream,
            manner="Watch",
            observed=self.observed,
            last_observed=mark.observed,
            listing=mark.listing,
        )
        for event in self.events:
            if event.is_deletion:
                recorder.deleted(event.seen)
            else:
                recorder.saw(event.seen, is_news=True)
        self.added = recorder.added
        version = self.version or mark.version
        observed = mark.observed if self._is_late() else self.observed
        write_mark(journal, self.stream, msgspec.structs.replace(mark, version=version, observed=observed))

    def _is_late(self) -> bool:
        """Whether these events may be a backlog with more of it to come: then they prove nothing about *now*.

        Wrong guesses only keep the last proof of life older than it is, until a bookmark comes.
        """
        times = [event.seen.changed for event in self.events if event.seen.changed is not None]
        return len(self.events) >= _FULL_BATCH or any(time < self.observed - _LATE_SECONDS for time in times)


def _size(observations: list[Observation]) -> int:
    return _OVERHEAD_BYTES + sum(len(seen.payload) + _OVERHEAD_BYTES for seen in observations)
