"""What a rule emits. A finding is made from signals; a Signal rule's signals only feed other rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from auditwatch.detection.changes import Change
from auditwatch.events.activity import Activity, Gap

Severity = Literal["Info", "Low", "Medium", "High", "Critical"]
SEVERITIES: tuple[Severity, ...] = ("Info", "Low", "Medium", "High", "Critical")
"""Rising order; severity of a finding only ever rises."""

Confidence = Literal["Low", "Medium", "High"]
Certainty = Literal["Observed", "Attempted", "OutcomeUnknown"]


@dataclass(frozen=True, slots=True)
class Absorption:
    """Findings of ``rule`` tell the same as the finding of a story."""

    rule: str
    seconds: float
    """How far apart, in event time, what they tell of may be."""
    join: tuple[tuple[str, str], ...] = ()
    """(field of the story's group, field of the other's) with the same value; empty: what the story has counted."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One rule held for one row of the log (or, for a counting story, for the row that completed it)."""

    watch: str
    """``namespace/name`` of the AuditWatch."""
    rule: str
    pack: str
    """``name@version``, or empty for a rule written in the AuditWatch."""
    sequence: int
    """Log sequence of the row that made it."""
    time: float
    """Event time of that row, seconds since the epoch."""
    severity: Severity
    confidence: Confidence
    certainty: Certainty
    title: str
    """Rendered, escaped and cut to 256 characters."""
    description: str
    group: tuple[tuple[str, str], ...]
    """(field, value) of the rule's groupBy, in its order: the identity of the incident."""
    count: int = 1
    """How many activities this signal stands for (a deletecollection counts what it deleted)."""
    emits_finding: bool = True
    """False for ``emit: Signal`` rules and for muted ones."""
    attack: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    runbook: str = ""
    remediation: str = ""
    changes: tuple[Change, ...] = ()
    activity: Activity | None = None
    gap: Gap | None = None
    contributors: tuple[int, ...] = ()
    """Log sequences of the rows counted by a story, newest last, at most 64."""
    absorbs: tuple[Absorption, ...] = ()
    """Of a story: whose findings are folded under the one it makes."""
    amends: bool = False
    """The row was counted before; more is known of it now, and it is not counted again."""
    former: Activity | None = None
    """Where it amends: the row as it was told before."""
    supersedes: tuple[tuple[str, str], ...] | None = None
    """Group in which the row was counted before more was known of it."""
    superseded_count: int = 0
    """What it counted for there."""
