"""One line of a container's log, taken apart: when the runtime wrote it, and what the program said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditwatch.events.times import parse_time

_LONGEST_TIME: Final = 40
_COMPLAINTS: Final = (b"unable to retrieve container logs", b"failed to ", b"rpc error:", b"Error ")
"""How the kubelet's own words begin, in a line without a time (kubelet's ``kuberuntime/logs``)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its time (seconds since the epoch), or without one: then no program wrote it, or its head is gone."""

    time: float | None
    text: bytes

    @property
    def is_complaint(self) -> bool:
        """Whether the kubelet says here that it cannot read the log (on)."""
        return self.time is None and self.text.startswith(_COMPLAINTS)


def parse_line(raw: bytes) -> Line:
    """A line as the API server sends it where timestamps were asked for."""
    head, blank, text = raw.partition(b" ")
    if not blank or len(head) > _LONGEST_TIME:
        return Line(None, raw)
    time = parse_time(head.decode(errors="replace"))
    return Line(None, raw) if time is None else Line(time, text)
