"""Content keys: what makes two records the same activity, so that a record delivered twice is kept once.

A key is made of what happened, never of a name or an id its sender chose.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from auditwatch.events.activity import Gap, StateChange
from auditwatch.events.audit import AuditEvent, UserInfo

_encoder: Final = msgspec.json.Encoder(order="deterministic")


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


def audit_event_key(event: AuditEvent) -> str:
    """Sha256, hex, of audit ID, stage, both timestamps, verb, URI, both users and code: one stage of one request.

    The audit ID alone may be reused by whoever chooses it; together with times that only the server writes it may not.
    """
    return _digest(
        "AuditEvent",
        event.audit_id,
        event.stage,
        event.request_received_timestamp,
        event.stage_timestamp,
        event.verb,
        event.request_uri,
        event.user,
        event.impersonated_user,
        event.response_status.code if event.response_status else 0,
    )


def _digest(*fields: str | float | UserInfo | None) -> str:
    # JSON keeps the borders of fields: ("ab", "c") and ("a", "bc") differ.
    return hashlib.sha256(_encoder.encode(fields)).hexdigest()
