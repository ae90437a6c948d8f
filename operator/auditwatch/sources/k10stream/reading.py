"""Lines of one pod's log, read: which are events, which are our own requests coming back, which are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.canary import Returned, Stretch, gap_of
from auditwatch.events.decode import Decoded, NotAnAuditEventError, decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.k10.identity import AGGREGATED_APIS
from auditwatch.sources.k10stream.knowledge import Knowledge
from auditwatch.sources.k10stream.lines import Line

_MARKS: Final = (b"audit.k8s.io/", b"K10Event")
"""What a line that may hold an audit event contains; the second is the marker K10's documentation names."""
log = structlog.get_logger()
_SILENT: Final = "requests of our own did not come back until now; what happened meanwhile may not have either"


@dataclass(slots=True)
class Seen:
    """What a group of lines says."""

    records: list[AuditRecord] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """By the names of :class:`auditwatch.sources.k10stream.report.Counts`."""
    last_time: float | None = None
    last_event: float | None = None
    bytes_read: int = 0
    complaint: str = ""
    """What the kubelet said instead of the log."""
    is_proof: bool = False
    is_heard: bool = False
    """Whether a line held anything like an audit event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads the log of one pod."""

    cluster: str
    source: str
    pod: str
    redactor: Redactor
    knowledge: Knowledge

    def read(self, lines: Iterable[Line], *, received: float, pods: Sequence[str]) -> Seen:
        """What the lines say; never raises for what a line holds. ``pods``: the names of all pods of this K10."""
        seen = Seen()
        for line in lines:
            seen.counts["lines"] += 1
            seen.bytes_read += len(line.text)
            if line.time is None:
                seen.counts["foreign"] += 1
                if line.is_complaint:
                    seen.complaint = line.text[:300].decode(errors="replace").strip()
                continue
            seen.last_time = line.time
            self._read_line(seen, line.text, line.time, received, pods)
        return seen

    def _read_line(self, seen: Seen, text: bytes, time: float, received: float, pods: Sequence[str]) -> None:
        try:
            self._read_text(seen, text, time, received, pods)
        except Exception as error:  # noqa: BLE001 - a flaw of ours may cost this line, never the stream behind it
            kind = type(error).__name__
            log.critical("a line of K10's log could not be read: report this", pod=self.pod, error=kind)
            self._unreadable(seen, time, f"our own code failed on an event of K10: {kind}")

    def _unreadable(self, seen: Seen, time: float, message: str) -> None:
        seen.counts["undecodable"] += 1
        seen.gaps.append(self._gap(Stretch(time, time), self.pod, "EventUnreadable", message))

    def _read_text(self, seen: Seen, text: bytes, time: float, received: float, pods: Sequence[str]) -> None:
        envelope = self.knowledge.envelope
        event = envelope.event_of(text) if envelope is not None else None
        if event is not None:
            seen.last_event, seen.is_heard = time, True
            self._read_event(seen, event, time, received)
            return
        seen.counts["foreign"] += 1
        if any(mark in text for mark in _MARKS):
            seen.is_heard = True
            seen.counts["suspect"] += envelope is not None
        if self.knowledge.is_expected(text):
            self._note(seen, self.knowledge.learn(text, pods=pods))

    def _read_event(self, seen: Seen, event: bytes, time: float, received: float) -> None:
        try:
            decoded = decode(event)
        except NotAnAuditEventError as error:
            self._unreadable(seen, time, f"an event of K10: {error}")
            return
        if self.knowledge.is_expected(event):
            self._note(seen, self.knowledge.returned(decoded.event))
        if self.knowledge.canary.owns(decoded.event):
            seen.counts["canaries"] += 1
        else:
            seen.records.append(self._record(decoded, received))
            seen.counts["events"] += 1

    def _record(self, decoded: Decoded, received: float) -> AuditRecord:
        return record_of(
            decoded,
            cluster=self.cluster,
            source=self.source,
            instance=self.pod,
            evidence="K10Stream",
            received=received,
            redactor=self.redactor,
        )

    def _note(self, seen: Seen, returned: Returned | None) -> None:
        if returned is None:
            return
        seen.is_proof = True
        if returned.missed is not None:
            seen.gaps.append(self._gap(returned.missed, AGGREGATED_APIS, "Silent", _SILENT))

    def _gap(self, stretch: Stretch, subject: str, reason: str, message: str) -> Gap:
        return gap_of(
            stretch, cluster=self.cluster, source=self.source, subject=subject, reason=reason, message=message
        )
