"""What each rule can see with the sources there are, and what it would need to see the rest.

A rule that cannot fire looks like a quiet cluster. So every rule says how much it sees, why, and what opens its eyes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from auditwatch.detection.auditsight import by_audit
from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.globs import is_literal
from auditwatch.detection.sight import LEVELS, KindView, SourcesView, Visibility
from auditwatch.detection.statesight import by_state

__all__ = ["KindView", "SourcesView", "Visibility", "rule_set_visibility", "visibility"]


def visibility(
    rule: CompiledRule,
    sources: SourcesView,
    *,
    tenant: str | None = None,
    is_built_in: Callable[[str], bool] = lambda _group: True,
) -> Visibility:
    """What a match rule sees; what a story sees by itself. See :func:`rule_set_visibility` for stories.

    ``is_built_in``: whether kube-apiserver itself serves a group; of others its events have no bodies.
    """
    if rule.unresolved:
        return Visibility("Blind", "NotFound", f"{', '.join(rule.unresolved)}: no such name; write it or correct it")
    if tenant is not None and (outside := _outside(rule, tenant)):
        return Visibility("Blind", "OutsideTenant", outside)
    if rule.story is not None:
        return _disabled(rule)
    return by_audit(rule, sources, is_built_in) if sources.audits else by_state(rule, sources)


def rule_set_visibility(rule_set: RuleSet, sources: SourcesView) -> dict[str, Visibility]:
    """Every rule by name: a story sees what its members see, a rule left out for a problem nothing."""
    is_built_in = rule_set.k10.is_built_in
    found = {
        name: visibility(rule, sources, tenant=rule_set.tenant, is_built_in=is_built_in)
        for name, rule in rule_set.rules.items()
    }
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


def _of_story(found: Mapping[str, Visibility], members: Sequence[str]) -> Visibility:
    """As much as the member that sees most; less if another sees less."""
    if not members:
        return Visibility("Blind", "DependsOnDisabledRule", "no rule in force has the tags it counts")
    seen = [found[name] for name in members]
    if all(each.level == "Blind" for each in seen):
        return Visibility("Blind", seen[0].reason, f"it counts {_listed(members)}: {seen[0].message}")
    worst = min(seen, key=lambda each: LEVELS.index(each.level))
    if worst.level == "Full":
        return worst
    return Visibility("Partial", worst.reason, worst.message)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
