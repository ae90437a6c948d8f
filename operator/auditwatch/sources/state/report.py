"""What the source says of each kind: the input of visibility, status and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from auditwatch.sources.state.course import State


@dataclass(frozen=True, slots=True, kw_only=True)
class KindReport:
    """One stream at one moment. ``Watching`` and ``Polling`` are the good states."""

    kind: str
    """``group/resource``; the core group is left out (``pods``)."""
    group: str
    resource: str
    namespace: str = ""
    state: State = "Listing"
    message: str = ""
    """Why it is not Watching or Polling; for Forbidden it names the exact missing verb."""
    last_proof_of_life: float | None = None
    """Seconds since the epoch; ``None``: never."""
    objects: int = 0
    unreadable: int = 0
    """Objects since the start of which not even the name could be read."""
    lag: float | None = None
    """Seconds since the last proof of life."""
