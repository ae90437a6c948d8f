"""What watched state shows of a rule: differences between two versions of an object, and never who made them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from auditwatch.detection.compiled import CompiledRule
from auditwatch.detection.matching import STATE_VERBS
from auditwatch.detection.sight import SEEN, Availability, KindView, SourcesView, Visibility

Kind = tuple[str, str]
"""Group and resource, with ``/subresource`` where there is one."""

NET_DIFFERENCES: Final = "seen as net differences; who did it is not proven"

_NOT_WATCHED: Final = KindView("NotWatched")
_RECORDS: Final[Mapping[str, str]] = {"Audited": "the audit log", "K10Stream": "K10's own record"}
_STATE_VERBS: Final = frozenset({"create", *STATE_VERBS, *(verb for verbs in STATE_VERBS.values() for verb in verbs)})


def by_state(rule: CompiledRule, sources: SourcesView) -> Visibility:
    """What a match rule sees with watched state alone."""
    unshown = hidden(rule)
    if unshown and rule.on_unknown is None:
        return Visibility("Blind", "NeedsAuditLog", f"watched state does not tell {unshown}: connect the audit log")
    return _of_kinds(rule, sources)


def hidden(rule: CompiledRule) -> str:
    """What of the rule's needs no state change can show, for people."""
    selector, match = rule.selector, rule.source.match
    if selector.verbs is not None and selector.verbs.isdisjoint(_STATE_VERBS):
        return f"requests that change nothing ({', '.join(sorted(selector.verbs))})"
    if match is not None and match.evidence is not None and "State" not in match.evidence:
        return f"requests as {' and '.join(_RECORDS.get(each, each) for each in match.evidence)} would"
    if match is not None and not {"Succeeded", "Any"} & set(match.outcomes):
        return f"requests that were {', '.join(match.outcomes)}"
    return ", ".join(sorted(rule.needs))


def _of_kinds(rule: CompiledRule, sources: SourcesView) -> Visibility:
    kinds = dict(selected(rule, sources))
    if not kinds:
        return Visibility("Blind", "NeedsAuditLog", "no kind it looks at is watched: connect the audit log")
    unseen = {kind: view for kind, view in kinds.items() if view.availability not in SEEN}
    if not unseen:
        return in_part(kinds.values())
    reason, message = why(unseen)
    return Visibility("Blind" if len(unseen) == len(kinds) else "Partial", reason, message)


def in_part(views: Iterable[KindView]) -> Visibility:
    """What is told of kinds that are watched: what can be helped first."""
    hidden_parts = dict.fromkeys(view.unseen for view in views if view.unseen)
    if hidden_parts:
        return Visibility("Partial", "MissingPermission", "; ".join(hidden_parts))
    return Visibility("Partial", "NoAuditLog", NET_DIFFERENCES)


def selected(rule: CompiledRule, sources: SourcesView) -> Iterator[tuple[Kind, KindView]]:
    """The kinds that are known and fit, and those the rule names itself though nobody watches them."""
    selector = rule.selector
    for (group, resource), view in sources.kinds.items():
        if selector.fits_group(group) and selector.fits_resource(resource):
            yield (group, resource), where_it_looks(rule, view)
    for kind in selector.kinds:
        if kind not in sources.kinds:
            yield kind, _NOT_WATCHED


def where_it_looks(rule: CompiledRule, view: KindView) -> KindView:
    """What is seen of a kind in the namespaces that a rule is about: nothing, if it is watched in others alone."""
    return view if meet(rule.namespaces, view.namespaces) else _NOT_WATCHED


def meet(some: Collection[str], others: Collection[str]) -> bool:
    """Whether namespaces have one in common; none stand for all."""
    return not some or not others or not set(some).isdisjoint(others)


_REASONS: Final[Mapping[Availability, tuple[str, str]]] = {
    "Forbidden": ("MissingPermission", "grant the operator {verb} on {kind}"),
    "NotServed": ("NotServed", "the cluster does not serve {kind}"),
    "Unavailable": ("SourceUnavailable", "{kind} cannot be read at the moment{detail}"),
    "NotWatched": ("NeedsAuditLog", "{kind} is not watched: connect the audit log"),
}
"""Reason and message, the one that can be helped first."""


def why(unseen: Mapping[tuple[str, str], KindView]) -> tuple[str, str]:
    """Reason and message for kinds that are not seen."""
    present = {view.availability for view in unseen.values()}
    reason = next(reason for availability, (reason, _) in _REASONS.items() if availability in present)
    return reason, "; ".join(_message(kind, view) for kind, view in sorted(unseen.items()))


def _message(kind: tuple[str, str], view: KindView) -> str:
    group, resource = kind
    detail = f": {view.message}" if view.message else ""
    verb = view.verb or "list"
    written = f"{resource}.{group}" if group else resource
    return _REASONS[view.availability][1].format(verb=verb, kind=written, detail=detail)
