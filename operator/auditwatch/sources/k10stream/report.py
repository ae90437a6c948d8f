"""What the source says of each pod whose log it follows: the input of visibility, status and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["Starting", "Learning", "Live", "Silent", "SwitchedOff", "Absent", "Forbidden", "Unavailable"]
"""``Live`` is the good state: the envelope is known and the last request of our own came back. ``Learning``: the
envelope is not known yet. ``Silent``: our requests are answered and do not come back. ``SwitchedOff``: K10 writes no
audit events at all. ``Absent``: no K10, or none of its pods runs. ``Forbidden``: a right is missing. ``Unavailable``:
its log or its API cannot be reached."""


GRANT: Final = (
    "have the namespace in k10s of the chart's values, with sources.k10Stream.enabled and rbac.create, "
    "or apply manifests/rbac-k10.yaml in it"
)
"""What gives the rights to a K10's stream, however the operator was installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Since the start of this program."""

    lines: int = 0
    events: int = 0
    """Recorded, each once."""
    canaries: int = 0
    """Events of our own requests, which are not recorded."""
    foreign: int = 0
    """Lines outside the envelope: never believed."""
    suspect: int = 0
    """Those of them, since the envelope is known, that hold something like an audit event."""
    undecodable: int = 0
    """Lines in the envelope whose event cannot be read."""
    duplicates: int = 0
    """Events read again after a reconnection, and not recorded again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReport:
    """The log of one pod at one moment; where there is no pod, ``pod`` is empty."""

    namespace: str
    pod: str = ""
    state: State = "Starting"
    message: str = ""
    """Why it is not Live, and the fix; for Forbidden it names the exact missing right. Live: what looks wrong yet."""
    last_event: float | None = None
    """When K10 last wrote an event, seconds since the epoch."""
    last_proof_of_life: float | None = None
    """Until when silence means that nothing happened; of the stream as a whole. ``None``: never proven."""
    lag: float | None = None
    """Seconds since the last proof of life."""
    counts: Counts = Counts()
