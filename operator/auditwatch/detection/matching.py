"""A rule's ``match``: split into what the index decides from a row's kind and verb, and what is tested per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from auditwatch.api.match import Match
from auditwatch.detection.activity_fields import UNAUTHENTICATED
from auditwatch.detection.condition import ALWAYS, NEVER_KNOWN, NOTHING, Condition, conjunction
from auditwatch.detection.creations import is_creation
from auditwatch.detection.globs import glob_matcher, is_literal
from auditwatch.detection.kleene import Truth
from auditwatch.detection.operators import OperandError, value_predicate
from auditwatch.detection.report import Report
from auditwatch.detection.scope import K10_NAMESPACES, K10View, Scope
from auditwatch.events.activity import Activity

REPLACING_VERBS: Final = ("create", "update", "patch")
"""What the creation of an object counts as whose namesake was just deleted: a change made in two steps."""

STATE_VERBS: Final = {"update": ("update", "patch"), "delete": ("delete", "deletecollection")}
"""What a state change may have been: the state after a patch and after an update is the same."""

CONNECTING: Final = frozenset({"attach", "exec", "portforward"})
"""Subresources one connects to: which of get and create it is depends on the client's protocol alone."""
_CONNECTING_VERBS: Final = ("get", "create")

COLLECTION: Final = "deletecollection"
"""The verb that deletes many objects and names none of them."""

SERVICE_ACCOUNT: Final = "system:serviceaccount:"
"""What user names of service accounts start with."""


class Kind(NamedTuple):
    """What the index knows a row by: made and looked up for every row, hence a tuple.

    ``is_state``: seen as a difference, not as a request. ``replaces``: a creation instead of what was just deleted.
    """

    group: str
    resource: str
    subresource: str
    verb: str
    is_state: bool
    replaces: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """The request verbs it may have been, or counts as."""
        if self.replaces:
            return REPLACING_VERBS
        if self.is_state:
            return STATE_VERBS.get(self.verb, (self.verb,))
        is_connecting = self.subresource in CONNECTING and self.verb in _CONNECTING_VERBS
        return _CONNECTING_VERBS if is_connecting else (self.verb,)


def kind_of(activity: Activity) -> Kind:
    """The kind of a row. Whatever verb made an object, it is a creation."""
    target = activity.target
    return Kind(
        target.group,
        target.resource,
        target.subresource,
        "create" if is_creation(activity) else activity.verb,
        is_state=activity.evidence == "State",
        replaces=activity.replaced is not msgspec.UNSET,
    )


@dataclass(frozen=True, slots=True)
class Selector:
    """The part of ``match`` that the index answers once per kind."""

    groups: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    verbs: frozenset[str] | None
    only_urls: bool = False
    kinds: tuple[tuple[str, str], ...] = ()
    """Those that are named in full, group and resource."""

    def fits(self, kind: Kind) -> bool:
        """Whether rows of this kind can match."""
        if self.verbs is not None and self.verbs.isdisjoint(kind.verbs):
            return False
        if not kind.resource:  # a URL that is no resource
            return self.groups is None
        if self.only_urls:
            return False
        return self.fits_group(kind.group) and self.fits_resource(kind.resource, kind.subresource)

    def fits_group(self, group: str) -> bool:
        """Whether one of the groups fits; globs are allowed."""
        return self.groups is None or glob_matcher(self.groups)(group)

    def fits_resource(self, resource: str, subresource: str = "") -> bool:
        """``pods`` is the resource alone, ``pods/exec`` and ``*/status`` are subresources."""
        written = f"{resource}/{subresource}" if subresource else resource
        return self.resources is None or any(
            pattern.count("/") == written.count("/") and glob_matcher([pattern])(written) for pattern in self.resources
        )


def compile_selector(match: Match, k10: K10View) -> Selector:
    """The index's part; K10's documented groups become those of this cluster."""
    verbs = match.verbs
    groups = None if match.api_groups is None else tuple(map(k10.group, match.api_groups))
    return Selector(
        groups=groups,
        resources=match.resources,
        verbs=None if verbs is None or "*" in verbs else frozenset(verbs),
        only_urls=match.non_resource_urls is not None,
        kinds=tuple(_kinds(groups or (), match.resources or (), k10)),
    )


def _kinds(groups: Sequence[str], resources: Sequence[str], k10: K10View) -> Iterator[tuple[str, str]]:
    """Each resource with the groups that have it: ``apps`` has no jobs. Where none is known to, with all of them."""
    for resource in resources:
        named = {group: k10.serves(group, resource) for group in groups if is_literal(group + resource)}
        is_known = any(named.values())
        yield from ((group, resource) for group, has in named.items() if has or has is None or not is_known)


def compile_match(match: Match, k10: K10View, report: Report, homes: Iterable[str] = ()) -> Condition:
    """The rest: outcome and evidence, then names and identities. Lists are and-ed, their items or-ed.

    ``homes``: namespaces of K10 besides those that ``k10`` knows.
    """
    parts = [
        _outcomes(match.outcomes),
        _one_of("", match.evidence, lambda scope: (scope.activity.evidence, *scope.activity.confirmed_by)),
        _named(match, k10, frozenset({*k10.lists.get(K10_NAMESPACES, ()), *homes})),
        _one_of("", match.namespaces, lambda scope: scope.activity.target.namespace),
        _one_of("actor.id", match.actors, lambda scope: _actor_names(scope.activity)),
        _one_of("actor.groups", match.actor_groups, lambda scope: scope.activity.actor.groups),
        *_authenticated(match, report),
    ]
    return conjunction([part for part in parts if part is not ALWAYS])


def _outcomes(wanted: Sequence[str]) -> Condition:
    if "Any" in wanted:
        return ALWAYS
    outcomes = frozenset(wanted)
    return Condition(lambda scope, _element: scope.activity.outcome in outcomes)


def _one_of(
    need: str, patterns: Sequence[str] | None, read: Callable[[Scope], str | Sequence[str] | None]
) -> Condition:
    """One of what ``read`` finds fits one of the patterns; ``None`` from it is unknown."""
    if patterns is None:
        return ALWAYS
    fits = glob_matcher(patterns)

    def holds(scope: Scope, _element: object) -> Truth:
        found = read(scope)
        if found is None:
            return None
        return fits(found) if isinstance(found, str) else any(map(fits, found))

    return Condition(holds, frozenset({need}) if need else NOTHING)


def _named(match: Match, k10: K10View, homes: frozenset[str]) -> Condition:
    """The object's name fits. A deletecollection names none: it is what it deleted, as far as that is known.

    Where it is not, the rule holds where one of its objects may have been among them: that is so for cluster-scoped
    kinds, in K10's namespaces, and in any that the rule itself asks for.
    """
    if match.names is None:
        return ALWAYS
    fits = glob_matcher(tuple(map(k10.group, match.names)))
    may_be_anywhere = match.namespaces is not None

    def holds(scope: Scope, _element: object) -> Truth:
        activity = scope.activity
        target = activity.target
        if target.name or activity.verb != COLLECTION or fits(""):
            return fits(target.name)
        if target.names is not None:
            return any(map(fits, target.names))
        return may_be_anywhere or not target.namespace or target.namespace in homes

    return Condition(holds)


def _actor_names(activity: Activity) -> Sequence[str] | None:
    names = [name for name in (activity.actor.id, activity.actor.name) if name]
    return names or ([] if activity.actor.kind == UNAUTHENTICATED else None)


def _authenticated(match: Match, report: Report) -> list[Condition]:
    """Who authenticated, from where and with what."""
    return [
        _one_of("user.name", match.users, lambda scope: scope.activity.actor.user),
        _one_of("user.name", match.service_accounts, lambda scope: _service_account(scope.activity.actor.user)),
        _one_of("user.groups", match.user_groups, lambda scope: scope.activity.actor.user_groups),
        _one_of("client.agent", match.user_agents, _agent),
        _from(match.source_ips, report.at("sourceIPs")),
        _one_of("request.path", match.non_resource_urls, _path),
    ]


def _service_account(user: str | None) -> Sequence[str] | None:
    """``namespace/name`` of a service account's user name; nothing of anybody else's."""
    if user is None:
        return None
    namespace, colon, name = user.removeprefix(SERVICE_ACCOUNT).partition(":")
    return [f"{namespace}/{name}"] if user.startswith(SERVICE_ACCOUNT) and colon else []


def _agent(scope: Scope) -> str | None:
    client = scope.activity.client
    return None if isinstance(client, msgspec.UnsetType) else client.agent


def _path(scope: Scope) -> str | None:
    request = scope.activity.request
    return None if isinstance(request, msgspec.UnsetType) else request.path


def _from(networks: Sequence[str] | None, report: Report) -> Condition:
    """The client's address is in one of the networks."""
    if networks is None:
        return ALWAYS
    try:
        contains = value_predicate("InCIDR", networks)
    except OperandError:
        _report_networks(networks, report)
        return NEVER_KNOWN

    def holds(scope: Scope, _element: object) -> Truth:
        client = scope.activity.client
        return None if isinstance(client, msgspec.UnsetType) else contains(client.ip, scope.activity.time)

    return Condition(holds, frozenset({"client.ip"}))


def _report_networks(networks: Sequence[str], report: Report) -> None:
    for index, network in enumerate(networks):
        try:
            value_predicate("InCIDR", [network])
        except OperandError as error:
            report.at(index).error(str(error))
