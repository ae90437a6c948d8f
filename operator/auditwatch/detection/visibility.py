"""What each rule can see with the sources there are, and what it would need to see the rest.

A rule that cannot fire looks like a quiet cluster. So every rule says how much it sees, why, and what opens its eyes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.globs import is_literal
from auditwatch.detection.matching import STATE_VERBS, Selector

Level = Literal["Full", "Partial", "Blind"]
Availability = Literal["Watched", "Polled", "Forbidden", "NotServed", "Unavailable", "NotWatched"]

_SEEN: Final = frozenset({"Watched", "Polled"})
_STATE_VERBS: Final = frozenset({"create", *STATE_VERBS, *(verb for verbs in STATE_VERBS.values() for verb in verbs)})
_LEVELS: Final[tuple[Level, ...]] = ("Blind", "Partial", "Full")
NET_DIFFERENCES: Final = "seen as net differences; who did it is not proven"


@dataclass(frozen=True, slots=True)
class KindView:
    """How the state source sees one kind. ``verb``: for Forbidden, the right that is missing (list or watch)."""

    availability: Availability
    verb: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class SourcesView:
    """What is there to see with. ``kinds``: by (group, resource); a kind that is not in it is not watched.

    ``evidence``: which kinds of evidence exist; ``State`` alone in this version.
    """

    kinds: Mapping[tuple[str, str], KindView] = field(default_factory=dict)
    evidence: frozenset[str] = frozenset({"State"})


@dataclass(frozen=True, slots=True)
class Visibility:
    """How much one rule sees. ``reason`` is CamelCase, empty for Full."""

    level: Level
    reason: str = ""
    message: str = ""


def visibility(rule: CompiledRule, sources: SourcesView, *, tenant: str | None = None) -> Visibility:
    """What a match rule sees; what a story sees by itself. See :func:`rule_set_visibility` for stories."""
    if rule.unresolved:
        return Visibility("Blind", "NotFound", f"{', '.join(rule.unresolved)}: no such name; write it or correct it")
    if tenant is not None and (outside := _outside(rule, tenant)):
        return Visibility("Blind", "OutsideTenant", outside)
    if rule.story is not None:
        return _disabled(rule)
    hidden = _hidden(rule)
    if hidden and rule.on_unknown is None:
        return Visibility("Blind", "NeedsAuditLog", f"watched state does not tell {hidden}: connect the audit log")
    return _of_kinds(rule.selector, sources)


def rule_set_visibility(rule_set: RuleSet, sources: SourcesView) -> dict[str, Visibility]:
    """Every rule by name: a story sees what its members see, a rule left out for a problem nothing."""
    found = {name: visibility(rule, sources, tenant=rule_set.tenant) for name, rule in rule_set.rules.items()}
    for name, rule in rule_set.rules.items():
        if rule.story is not None and found[name].level == "Full":
            found[name] = _of_story(found, sorted(rule.story.members))
    return found | {name: Visibility("Blind", "InvalidRule", why) for name, why in rule_set.left_out.items()}


def _outside(rule: CompiledRule, tenant: str) -> str:
    """What the rule needs that lies outside of the tenant's namespace."""
    match = rule.source.match
    namespaces = match.namespaces if match is not None else None
    if namespaces is not None and tenant not in namespaces and all(map(is_literal, namespaces)):
        return f"it looks at namespaces {', '.join(namespaces)}, and this watch sees {tenant} alone"
    identities = sorted(need for need in rule.needs if need.startswith(("actor.", "user.")))
    return f"{', '.join(identities)} of others are masked for this watch" if identities else ""


def _disabled(rule: CompiledRule) -> Visibility:
    if rule.disabled:
        return Visibility("Blind", "DependsOnDisabledRule", f"it counts {', '.join(rule.disabled)}, out of force here")
    return Visibility("Full")


def _hidden(rule: CompiledRule) -> str:
    """What of the rule's needs no state change can show, for people."""
    selector, match = rule.selector, rule.source.match
    if selector.verbs is not None and selector.verbs.isdisjoint(_STATE_VERBS):
        return f"requests that change nothing ({', '.join(sorted(selector.verbs))})"
    if match is not None and match.evidence is not None and "State" not in match.evidence:
        return f"what {' and '.join(match.evidence)} evidence does"
    if match is not None and not {"Succeeded", "Any"} & set(match.outcomes):
        return f"requests that were {', '.join(match.outcomes)}"
    return ", ".join(sorted(rule.needs))


def _of_kinds(selector: Selector, sources: SourcesView) -> Visibility:
    kinds = dict(_selected(selector, sources))
    if not kinds:
        return Visibility("Blind", "NeedsAuditLog", "no kind it looks at is watched: connect the audit log")
    unseen = {kind: view for kind, view in kinds.items() if view.availability not in _SEEN}
    if not unseen:
        return Visibility("Partial", "NoAuditLog", NET_DIFFERENCES)
    reason, message = _why(unseen)
    return Visibility("Blind" if len(unseen) == len(kinds) else "Partial", reason, message)


def _selected(selector: Selector, sources: SourcesView) -> Iterator[tuple[tuple[str, str], KindView]]:
    """The kinds that are known and fit, and those the rule names itself though nobody watches them."""
    for (group, resource), view in sources.kinds.items():
        if selector.fits_group(group) and selector.fits_resource(resource):
            yield (group, resource), view
    for group in selector.groups or ():
        for resource in selector.resources or ():
            if is_literal(group + resource) and (group, resource) not in sources.kinds:
                yield (group, resource), KindView("NotWatched")


_REASONS: Final[Mapping[Availability, tuple[str, str]]] = {
    "Forbidden": ("MissingPermission", "grant the operator {verb} on {kind}"),
    "NotServed": ("NotServed", "the cluster does not serve {kind}"),
    "Unavailable": ("SourceUnavailable", "{kind} cannot be read at the moment{detail}"),
    "NotWatched": ("NeedsAuditLog", "{kind} is not watched: connect the audit log"),
}
"""Reason and message, the one that can be helped first."""


def _why(unseen: Mapping[tuple[str, str], KindView]) -> tuple[str, str]:
    present = {view.availability for view in unseen.values()}
    reason = next(reason for availability, (reason, _) in _REASONS.items() if availability in present)
    return reason, "; ".join(_message(kind, view) for kind, view in sorted(unseen.items()))


def _message(kind: tuple[str, str], view: KindView) -> str:
    group, resource = kind
    detail = f": {view.message}" if view.message else ""
    verb = view.verb or "list"
    written = f"{resource}.{group}" if group else resource
    return _REASONS[view.availability][1].format(verb=verb, kind=written, detail=detail)


def _of_story(found: Mapping[str, Visibility], members: Sequence[str]) -> Visibility:
    """As much as the member that sees most; less if another sees less."""
    if not members:
        return Visibility("Blind", "DependsOnDisabledRule", "no rule in force has the tags it counts")
    seen = [found[name] for name in members]
    if all(each.level == "Blind" for each in seen):
        return Visibility("Blind", seen[0].reason, f"it counts {_listed(members)}: {seen[0].message}")
    worst = min(seen, key=lambda each: _LEVELS.index(each.level))
    if worst.level == "Full":
        return worst
    return Visibility("Partial", worst.reason, worst.message)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
