"""What the source says of each of its senders: the input of visibility, status and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["Waiting", "Receiving", "Refusing"]
"""Nobody has posted since the start; the last request was taken; the last one was not (``message`` says why)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReport:
    """One sender at one moment. Times are seconds since the epoch, ``None``: never; counts are since the start."""

    source: str
    instance: str
    state: State = "Waiting"
    message: str = ""
    """What is wrong, and what to do."""
    trouble: str = ""
    """Of that, what is wrong with the source as a whole, whoever posts to it."""
    last_event: float | None = None
    """Stage time of the latest event received."""
    last_received: float | None = None
    """When a request was last taken."""
    requests: int = 0
    events: int = 0
    selected: int = 0
    """Events that some rule may care about, and were kept."""
    undecodable: Mapping[str, int] = field(default_factory=dict)
    """Items that could not be taken in, by reason: NotAnAuditEvent, InternalError."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Requests that were not taken, by reason: Unauthenticated, Forbidden, NoRoom, BodyTooLarge, JournalFull …"""
    needles_digest: str = ""
    """The needles by which the sender chose what to send; empty: it sends everything."""
    needles_since: float | None = None
    """Since when it has been using them."""
    is_replaced: bool = False
    """It stands for any node, and nodes have come: they are instances of their own, and it waits for nobody."""
