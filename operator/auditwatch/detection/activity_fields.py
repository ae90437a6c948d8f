"""The closed part of the rule language's fields, each read from an activity.

What an activity does not carry (a state change has no client, no request and often no actor) is UNKNOWN, so that a
rule about it is neither satisfied nor refuted by a source that cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING, UNKNOWN

ScopeReader = Callable[[Scope], object]

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Values of ``time.weekday``."""

_NOT_IN_STATE: Final = (
    "actor.credentialID",
    "actor.podUID",
    "actor.pod",
    "actor.node",
    "actor.grantedBy",
    "actor.impersonator.id",
    "actor.impersonator.name",
    "actor.impersonator.groups",
    "client.ip",
    "client.ips",
    "client.agent",
    "request.uri",
    "request.path",
    "request.command",
    "request.args",
    "request.dryRun",
    "response.code",
    "response.phrase",
    "response.reason",
    "response.message",
    "response.issuedCredentialID",
)
"""Fields of the language that no source in this version provides."""

UNKNOWN_TO_STATE: Final = frozenset(
    {*_NOT_IN_STATE, "actor.id", "actor.name", "actor.groups", "actor.kind", "actor.via", "actor.isK10"}
)
"""What watched state cannot tell: who did it, from where, with which request."""


def _unknown(_scope: Scope) -> object:
    return UNKNOWN


def _said(text: str) -> object:
    """Text of an actor: empty means that nobody knows."""
    return text or UNKNOWN


def _groups(scope: Scope) -> object:
    groups = scope.activity.actor.groups
    return UNKNOWN if groups is None else list(groups)


def _is_k10(scope: Scope) -> object:
    known = scope.activity.actor.is_k10
    return UNKNOWN if known is None else known


def _target_count(scope: Scope) -> object:
    count = scope.activity.target.count
    return UNKNOWN if count is None else count


def _resource(scope: Scope) -> str:
    """``pods/exec`` is written as in a rule's ``match``: the resource alone, the subresource beside it."""
    return scope.activity.target.resource


READERS: Final[Mapping[str, ScopeReader]] = {
    "actor.id": lambda scope: _said(scope.activity.actor.id),
    "actor.name": lambda scope: _said(scope.activity.actor.name),
    "actor.groups": _groups,
    "actor.kind": lambda scope: _said(scope.activity.actor.kind),
    "actor.via": lambda scope: _said(scope.activity.actor.via),
    "actor.isK10": _is_k10,
    "actor.manager": lambda scope: _said(scope.activity.actor.manager),
    "actor.attribution": lambda scope: scope.activity.attribution,
    "target.group": lambda scope: scope.activity.target.group,
    "target.version": lambda scope: scope.activity.target.version,
    "target.resource": _resource,
    "target.subresource": lambda scope: scope.activity.target.subresource or MISSING,
    "target.namespace": lambda scope: scope.activity.target.namespace,
    "target.name": lambda scope: scope.activity.target.name or MISSING,
    "target.uid": lambda scope: _said(scope.activity.target.uid),
    "target.count": _target_count,
    "request.verb": lambda scope: scope.activity.verb,
    "response.outcome": lambda scope: scope.activity.outcome,
    "time.hour": lambda scope: scope.local_time.hour,
    "time.weekday": lambda scope: WEEKDAYS[scope.local_time.weekday()],
    **dict.fromkeys(_NOT_IN_STATE, _unknown),
}
"""By field name."""
