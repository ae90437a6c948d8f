"""Content keys: what makes two records the same activity, so that a record delivered twice is kept once.

A key is made of what happened, never of a name or an id its sender chose.
"""

from __future__ import annotations

import hashlib

import msgspec

from auditwatch.events.activity import Gap, StateChange


def state_change_key(change: StateChange) -> str:
    """Sha256, hex, of cluster, group, resource, uid, old and new version: one step of one object's history."""
    return _digest(
        "StateChange",
        change.cluster,
        change.group,
        change.resource,
        change.uid,
        change.old_version,
        change.new_version,
    )


def gap_key(gap: Gap) -> str:
    """Sha256, hex, of cluster, source, subject, reason and bounds: the same stretch reported twice is one gap."""
    return _digest("Gap", gap.cluster, gap.source, gap.subject, gap.reason, gap.start, gap.end)


def _digest(*fields: str | float) -> str:
    # JSON keeps the borders of fields: ("ab", "c") and ("a", "bc") differ.
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()
