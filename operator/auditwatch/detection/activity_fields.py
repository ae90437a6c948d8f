"""The closed part of the rule language's fields, each read from an activity.

What an activity does not carry (a state change has no client, no request and often no actor) is UNKNOWN, so that a
rule about it is neither satisfied nor refuted by a source that cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from auditwatch.detection.changes import LIMIT, OVERFLOW
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Actor, Client, Impersonator, Request, Response

ScopeReader = Callable[[Scope], object]

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Values of ``time.weekday``."""


def _said(text: str) -> object:
    """Text that is empty while nobody knows."""
    return text or UNKNOWN


def _filled(value: object) -> object:
    """A part of something that was seen: empty is absent."""
    return MISSING if value in ("", (), None) else value


def _listed(words: tuple[str, ...] | None) -> object:
    return UNKNOWN if words is None else list(words)


def _optional(value: object) -> object:
    """UNSET is unknown, ``None`` absent."""
    return UNKNOWN if value is msgspec.UNSET else MISSING if value is None else value


def _of_actor(read: Callable[[Actor], object]) -> ScopeReader:
    return lambda scope: read(scope.activity.actor)


def _identity(read: Callable[[Actor], str]) -> ScopeReader:
    """A name of the actor. Of a request that nobody authenticated there is none; else empty says unknown."""

    def name(scope: Scope) -> object:
        actor = scope.activity.actor
        return read(actor) or (MISSING if actor.kind == UNAUTHENTICATED else UNKNOWN)

    return name


def _of_impersonator(read: Callable[[Impersonator], object]) -> ScopeReader:
    def part(scope: Scope) -> object:
        found = _optional(scope.activity.actor.impersonator)
        return _filled(read(found)) if isinstance(found, Impersonator) else found

    return part


def _of_client(read: Callable[[Client], object]) -> ScopeReader:
    def part(scope: Scope) -> object:
        client = scope.activity.client
        return UNKNOWN if isinstance(client, msgspec.UnsetType) else _filled(read(client))

    return part


def _of_request(read: Callable[[Request], object]) -> ScopeReader:
    def part(scope: Scope) -> object:
        request = scope.activity.request
        return UNKNOWN if isinstance(request, msgspec.UnsetType) else _filled(read(request))

    return part


def _of_response(read: Callable[[Response], object]) -> ScopeReader:
    def part(scope: Scope) -> object:
        response = scope.activity.response
        return UNKNOWN if isinstance(response, msgspec.UnsetType) else _filled(read(response))

    return part


def _is_dry_run(request: Request) -> object:
    return UNKNOWN if request.dry_run is None else request.dry_run


def _is_k10(actor: Actor) -> object:
    return UNKNOWN if actor.is_k10 is None else actor.is_k10


def _target_names(scope: Scope) -> object:
    """The object's name; of a request for many what it deleted, which may be unknown."""
    target = scope.activity.target
    if target.name:
        return [target.name]
    if scope.activity.verb != "deletecollection":
        return MISSING
    return UNKNOWN if target.names is None else list(target.names)


def _target_count(scope: Scope) -> object:
    count = scope.activity.target.count
    return UNKNOWN if count is None else count


def _change_count(scope: Scope) -> object:
    """How many, up to one more than are kept; unknown where a patch of fewer may hide some."""
    changes = scope.changes
    if not isinstance(changes, tuple) or (changes and changes[-1].path == OVERFLOW and len(changes) <= LIMIT):
        return UNKNOWN
    return min(len(changes), LIMIT + 1)


def _of_time(read: Callable[[datetime], object]) -> ScopeReader:
    return lambda scope: UNKNOWN if "TimeUnknown" in scope.activity.degraded else read(scope.local_time)


def _resource(scope: Scope) -> object:
    """``pods/exec`` is written as in a rule's ``match``: the resource alone, the subresource beside it."""
    return _filled(scope.activity.target.resource)


UNAUTHENTICATED: Final = "Unauthenticated"
"""``actor.kind`` of a request that was refused before anybody was known (401)."""

_AUDITED: Final[Mapping[str, ScopeReader]] = {
    "actor.id": _identity(lambda actor: actor.id),
    "actor.name": _identity(lambda actor: actor.name),
    "actor.groups": _of_actor(lambda actor: _listed(actor.groups)),
    "actor.kind": _of_actor(lambda actor: _said(actor.kind)),
    "actor.via": _of_actor(lambda actor: _said(actor.via)),
    "actor.isK10": _of_actor(_is_k10),
    "actor.credentialID": _of_actor(lambda actor: _optional(actor.credential_id)),
    "actor.podUID": _of_actor(lambda actor: _optional(actor.pod_uid)),
    "actor.pod": _of_actor(lambda actor: _optional(actor.pod)),
    "actor.node": _of_actor(lambda actor: _optional(actor.node)),
    "actor.grantedBy": lambda _scope: UNKNOWN,
    "actor.impersonator.id": _of_impersonator(lambda impersonator: impersonator.id),
    "actor.impersonator.name": _of_impersonator(lambda impersonator: impersonator.name),
    "actor.impersonator.groups": _of_impersonator(lambda impersonator: list(impersonator.groups)),
    "client.ip": _of_client(lambda client: client.ip),
    "client.ips": _of_client(lambda client: list(client.ips)),
    "client.agent": _of_client(lambda client: client.agent),
    "request.uri": _of_request(lambda request: request.uri),
    "request.path": _of_request(lambda request: request.path),
    "request.command": _of_request(lambda request: request.command),
    "request.args": _of_request(lambda request: list(request.args)),
    "request.dryRun": _of_request(_is_dry_run),
    "response.code": _of_response(lambda response: response.code or None),
    "response.phrase": _of_response(lambda response: response.phrase),
    "response.reason": _of_response(lambda response: response.reason),
    "response.message": _of_response(lambda response: response.message),
    "response.issuedCredentialID": _of_response(lambda response: response.issued_credential_id),
}
"""What only requests tell: who did it, from where, how it was asked and answered."""

UNKNOWN_TO_STATE: Final = frozenset(_AUDITED)
"""What watched state cannot tell."""

READERS: Final[Mapping[str, ScopeReader]] = {
    **_AUDITED,
    "actor.manager": _of_actor(lambda actor: _said(actor.manager)),
    "actor.attribution": lambda scope: scope.activity.attribution,
    "target.group": lambda scope: scope.activity.target.group,
    "target.version": lambda scope: scope.activity.target.version,
    "target.resource": _resource,
    "target.subresource": lambda scope: scope.activity.target.subresource or MISSING,
    "target.namespace": lambda scope: scope.activity.target.namespace,
    "target.name": lambda scope: scope.activity.target.name or MISSING,
    "target.names": _target_names,
    "target.uid": lambda scope: _said(scope.activity.target.uid),
    "target.count": _target_count,
    "changes.count": _change_count,
    "request.isBacklog": lambda scope: scope.activity.is_backlog,
    "request.verb": lambda scope: scope.activity.verb,
    "response.outcome": lambda scope: scope.activity.outcome,
    "time.hour": _of_time(lambda moment: moment.hour),
    "time.weekday": _of_time(lambda moment: WEEKDAYS[moment.weekday()]),
}
"""By field name."""
