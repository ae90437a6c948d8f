"""Events of events.k8s.io/v1 as data. What may not change after creation is decided here, once.

The API server refuses a changed note, reason or type, wants microseconds, and a series of at least two.
"""

from __future__ import annotations

from typing import Any, Final

from auditwatch.findings import notice, rendering
from auditwatch.findings.state import FindingState, TargetSeen
from auditwatch.findings.times import rfc3339_micro

CONTROLLER: Final = "k10auditwatch.io/operator"
ACTION: Final = "Detected"
INSTANCE: Final = 128
"""Characters of ``reportingInstance``."""

JSONObject = dict[str, Any]


def name_of(state: FindingState) -> str:
    """The name of the one Event of a finding."""
    return notice.event_name(state.name, notice.reason(state.rule))


def event_body(state: FindingState, *, uid: str, instance: str, now: float) -> JSONObject:
    """A new Event: ``uid`` is the finding's (``kubectl describe`` asks by it), ``instance`` is our pod."""
    body: JSONObject = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name_of(state), "namespace": state.namespace},
        "eventTime": rfc3339_micro(now),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:INSTANCE] or "auditwatch",
        "action": ACTION,
        "reason": notice.reason(state.rule),
        "type": notice.event_type(state),
        "note": notice.note(state),
        "regarding": _regarding(state, uid),
    }
    if state.target is not None and state.target.name:
        body["related"] = _related(state.target)
    if state.count > 1:
        body["series"] = series(state.count, now)
    return body


def series_body(count: int, now: float) -> JSONObject:
    """The patch of an Event that happened again: ``count`` in all, the last of them noticed at ``now``."""
    return {"series": series(count, now)}


def series(count: int, now: float) -> JSONObject:
    """At least two, or it is no series to the API server."""
    return {"count": min(max(2, count), 2**31 - 1), "lastObservedTime": rfc3339_micro(now)}


def _regarding(state: FindingState, uid: str) -> JSONObject:
    return {
        "apiVersion": rendering.API_VERSION,
        "kind": rendering.KIND,
        "namespace": state.namespace,
        "name": state.name,
        "uid": uid,
    }


def _related(target: TargetSeen) -> JSONObject:
    """The K10 object; where its kind was not seen, its resource stands there."""
    version = f"{target.group}/{target.version}" if target.group and target.version else target.version
    parts = {
        "apiVersion": version,
        "kind": target.kind or target.resource.partition("/")[0],
        "namespace": target.namespace,
        "name": target.name,
        "uid": target.uid,
    }
    return {name: part for name, part in parts.items() if part}
