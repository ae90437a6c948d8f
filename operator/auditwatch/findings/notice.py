"""What an Event says about an incident: bounded words in the fields clients aggregate by, the facts in the note."""

from __future__ import annotations

import re
from typing import Final, Literal

from auditwatch.detection import texts
from auditwatch.detection.values import MISSING
from auditwatch.findings import attribution, rendering
from auditwatch.findings.identity import digest
from auditwatch.findings.state import ChangeSeen, FindingState

REASON: Final = 128
NOTE: Final = 1024
"""Limits of events.k8s.io/v1 (validation of the API server): characters of ``reason``, bytes of ``note``."""

CHANGES: Final = 3
"""Changed fields a note names."""
ACTORS: Final = 2
"""Actors a note names."""

ABSENT: Final = texts.shown(MISSING)

_WORD: Final = re.compile(r"[A-Za-z0-9]+")


def reason(rule: str) -> str:
    """The rule's name in CamelCase: ``policy-deleted`` → ``PolicyDeleted``; never empty."""
    return "".join(word[0].upper() + word[1:] for word in _WORD.findall(rule))[:REASON] or "FindingDetected"


def event_name(finding: str, reason: str) -> str:
    """``<finding>.<8 hex digits of the reason>``: whoever tells it again finds the Event that is there."""
    return f"{finding}.{digest(reason)[:8]}"


def event_type(state: FindingState) -> Literal["Warning", "Normal"]:
    """Warning where somebody should look today."""
    return "Warning" if state.severity in ("High", "Critical") else "Normal"


def note(state: FindingState) -> str:
    """One line for ``kubectl describe``: at most 1,024 bytes of UTF-8."""
    line = f"{state.severity}: {rendering.title(state)} ({attribution.sentence(state, limit=ACTORS)})"
    changes = "; ".join(_phrase(change) for change in state.changes[:CHANGES])
    return _cut_bytes(f"{line} {changes}".strip(), NOTE)


def _phrase(change: ChangeSeen) -> str:
    old, new = (ABSENT if side is None else side for side in (change.old, change.new))
    return f"{change.path}: {old} -> {new}"


def _cut_bytes(text: str, limit: int) -> str:
    escaped = texts.escaped(text)
    if len(escaped.encode()) <= limit:
        return escaped
    return escaped.encode()[: limit - 3].decode(errors="ignore") + "…"
