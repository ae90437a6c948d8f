"""docs/reference/rules.md: the shipped rules as a page, written from the packs so that it cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditwatch.api.match import DEFAULT_OUTCOMES, Match
from auditwatch.api.rules import Rule
from auditwatch.detection.packs import LoadedPack
from auditwatch.detection.signal import SEVERITIES

_HEAD = """\
# Rules

Written from the packs by `make reference`; do not edit. Severity is what a rule starts from;
“up to” is what its circumstances raise it to. Every rule carries its own tests, which `auditwatch test` runs.
"""


def render(packs: Sequence[LoadedPack]) -> str:
    """The page: per pack a table of its rules, then each rule's own words."""
    return "\n".join([_HEAD, *(line for pack in packs for line in _pack(pack))])


def _pack(pack: LoadedPack) -> Iterator[str]:
    rules = [rule for _, rule in pack.rules]
    yield f"## {pack.reference}\n"
    yield "| rule | severity | confidence | ATT&CK |"
    yield "|---|---|---|---|"
    for rule in rules:
        yield f"| [{rule.name}](#{rule.name}) | {_severity(rule)} | {rule.confidence} | {', '.join(rule.attack)} |"
    for rule in rules:
        yield from _rule(rule)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.name}\n"
    yield f"{rule.description}\n"
    yield f"- Looks at: {_subject(rule)}"
    if rule.correlate is not None and rule.correlate.absorbs:
        yield f"- Takes over the findings of: {', '.join(f'`{each.rule}`' for each in rule.correlate.absorbs)}"
    yield f"- First steps: {rule.remediation}"
    yield f"- Runbook: [{rule.runbook}](../runbooks/{rule.runbook}.md)"
    if rule.emit == "Signal":
        yield "- Makes no finding by itself: it is counted by other rules."


def _severity(rule: Rule) -> str:
    highest = max((rule.severity, *(case.severity for case in rule.severity_when)), key=SEVERITIES.index)
    return rule.severity if highest == rule.severity else f"{rule.severity}, up to {highest}"


def _subject(rule: Rule) -> str:
    if rule.match is not None:
        return _looked_at(rule.match)
    assert rule.correlate is not None, "a rule is one kind or the other"
    counted = ", ".join(each.rule or " ".join(each.tags or ()) for each in rule.correlate.of)
    groups = " and ".join(f"`{path}`" for path in rule.correlate.group_by or ())
    threshold = rule.correlate.conditions[0].gte
    different = f" that differ in {_quoted(rule.correlate.value)}" if rule.correlate.value else ""
    within = f"within {rule.correlate.timespan_seconds} s, per {groups or 'watch'}"
    return f"{threshold} or more of {counted}{different} {within}"


def _looked_at(match: Match) -> str:
    verbs = ", ".join("any verb" if verb == "*" else verb for verb in match.verbs or ("*",))
    return f"{verbs} of {_objects(match)}{''.join(_circumstances(match))}"


def _objects(match: Match) -> str:
    if match.non_resource_urls:
        return f"URLs {_quoted(match.non_resource_urls)}"
    resources = ", ".join(match.resources or ("any resource",))
    groups = ", ".join(f"`{group}`" if group else "the core group" for group in match.api_groups or ())
    named = f" named {_quoted(match.names)}" if match.names else ""
    return f"{resources}{named} in {groups or 'any group'}"


def _circumstances(match: Match) -> Iterator[str]:
    """Where, by whom, and what became of it, where the rule says so."""
    if match.namespaces:
        yield f", namespaces {_quoted(match.namespaces)}"
    who = (
        *(match.users or ()),
        *(match.user_groups or ()),
        *(match.service_accounts or ()),
        *(match.actors or ()),
        *(match.actor_groups or ()),
    )
    if who:
        yield f", by {_quoted(who)}"
    if match.user_agents or match.source_ips:
        yield f", from {_quoted((*(match.user_agents or ()), *(match.source_ips or ())))}"
    if match.outcomes != DEFAULT_OUTCOMES:
        yield f", outcome {', '.join(match.outcomes)}"
    if match.evidence:
        yield f", evidence {', '.join(match.evidence)}"


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" if word else "none" for word in words)
