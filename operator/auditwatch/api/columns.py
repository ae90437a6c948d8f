"""What fits into kubectl's table: the shortened actor and target of a finding's `status.summary`.

The widths keep a typical row of `kubectl get k10f` within 120 characters; the full values stand in the status beside.
"""

from __future__ import annotations

from auditwatch.api.findingstatus import ACTOR_WIDTH, TARGET_WIDTH

UNKNOWN_ACTOR = "unknown"
_ACCOUNT = "system:serviceaccount:"


def short_actor(identity: str, *, manager: str = "") -> str:
    """At most 20 characters. A service account loses its prefix; a mere field manager carries a question mark."""
    if identity.startswith(_ACCOUNT):
        return _keep_end(identity.removeprefix(_ACCOUNT).replace(":", "/"), ACTOR_WIDTH)
    if identity:
        return _keep_start(identity, ACTOR_WIDTH)
    return f"{_keep_start(manager, ACTOR_WIDTH - 1)}?" if manager else UNKNOWN_ACTOR


def short_target(resource: str, name: str) -> str:
    """At most 28 characters: ``policies/daily-backup``; the end is kept, because that is where names differ."""
    return _keep_end(f"{resource}/{name}" if name else resource, TARGET_WIDTH)


def _keep_start(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _keep_end(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[1 - width :]}"
