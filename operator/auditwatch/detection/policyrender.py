"""The audit policy that the rules in force need: enough for each of them, and nothing that opens a way around them.

Three decisions carry it. K10's own account is never dropped as a whole: the policy is applied to who authenticated,
so that would hide every person behind K10's dashboard and every stolen token of K10's. Its watches are, and only of
what no rule looks at: who watches is shown all there is, as who lists it. The begin of each change that rules look at
is kept, so that one whose answer is lost leaves a trace. And patches of K10's resources, and of whatever else watched
state tells of, are logged without their bodies: a body is what the client wrote, and one that cannot be encoded takes
its event along. Only of kinds that nobody watches, and of which a rule needs the content, patches are logged whole: a
log without it would show that rule nothing, and the begin is there all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from auditwatch.detection.auditpolicy import GroupResources, PolicyRule
from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.globs import is_literal
from auditwatch.detection.policycheck import MUTATING, Kind, is_change, otherwise_creating, questions
from auditwatch.detection.statesight import meet

_BEGIN: Final = ("RequestReceived",)
_READS: Final = ("get", "list", "watch")
_SECRETS: Final = GroupResources(resources=("secrets", "serviceaccounts/token"))
_REVIEWS: Final = GroupResources(group="authentication.k8s.io", resources=("tokenreviews",))
_DECIDED: Final = frozenset((each.group, resource) for each in (_SECRETS, _REVIEWS) for resource in each.resources)
"""Kinds of which the first rules of the policy decide all requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a policy must know of the K10 that is installed."""

    account: str
    """User name of its own account."""
    custom_groups: tuple[str, ...]
    """API groups of its custom resources: kube-apiserver serves them, with bodies."""
    aggregated_groups: tuple[str, ...]
    """API groups it serves itself: their requests have no bodies here."""
    confidential: tuple[tuple[str, str], ...]
    """Custom resources (group, resource) whose bodies do not belong in a log."""
    watched: Mapping[Kind, tuple[str, ...]]
    """Kinds of which watched state tells what changed, with the namespaces where it does; none: everywhere."""

    @property
    def groups(self) -> frozenset[str]:
        """All groups of K10's."""
        return frozenset((*self.custom_groups, *self.aggregated_groups))


@dataclass(frozen=True, slots=True)
class Section:
    """A rule of the policy and why it is there."""

    why: str
    rule: PolicyRule


@dataclass(frozen=True, slots=True)
class _Need:
    """What the rules in force look at: verbs of one kind."""

    kind: Kind
    verb: str
    is_change: bool
    has_body: bool
    is_exact: bool = False
    """Whether it is these verbs alone: nothing else tells what an object was, or who changed it."""
    namespaces: tuple[str, ...] = ()
    """Where it looks at them; empty: everywhere."""


def render(rule_sets: Iterable[RuleSet], audited: Audited) -> str:
    """The policy as YAML, each rule with a comment that says why."""
    lines = [
        "# Audit policy for kube-apiserver (--audit-policy-file), made from the rules in force. The first rule that",
        "# matches decides. No policy is read again while kube-apiserver runs: restart it after a change.",
        "apiVersion: audit.k8s.io/v1",
        "kind: Policy",
        "omitManagedFields: true",
        "rules:",
    ]
    for section in sections(rule_sets, audited):
        lines += ["", *_comment(section.why), *_dumped(section.rule)]
    return "\n".join(lines) + "\n"


def sections(rule_sets: Iterable[RuleSet], audited: Audited) -> list[Section]:
    """The rules of the policy, in order."""
    rules = [rule for rule_set in rule_sets for rule in rule_set.rules.values() if rule.story is None]
    needs = {need for rule in rules for need in _needs(rule, audited)}
    return [
        *_secrets(),
        *_quiet(audited),
        *_custom(audited),
        *_aggregated(audited, needs, rules),
        *_others(audited, needs),
        *_watches(audited, rules),
        *_rest(audited, rules),
    ]


def _needs(rule: CompiledRule, audited: Audited) -> Iterator[_Need]:
    """What a rule looks at. Kinds it names by a pattern are left to the last rules of the policy."""
    wants, evidence = bool(rule.bodies), rule.source.match.evidence if rule.source.match else None
    is_exact = evidence is not None and "State" not in evidence
    for kind in rule.selector.kinds:
        for question in (*questions(rule, kind), *otherwise_creating(rule, kind)):
            is_watched = kind in audited.watched and meet(question.namespaces, audited.watched[kind])
            yield _Need(
                kind, question.verb, is_change(question), wants and not is_watched, is_exact, question.namespaces
            )


def _secrets() -> Iterator[Section]:
    changed = PolicyRule(level="Metadata", verbs=MUTATING, resources=(_SECRETS,))
    yield Section(
        "Secrets and tokens that are made or changed: who, when and from where, never their content.", changed
    )
    others = PolicyRule(level="Metadata", resources=(_SECRETS, _REVIEWS), omit_stages=_BEGIN)
    yield Section("Secrets that are read and tokens that are shown, likewise.", others)


def _quiet(audited: Audited) -> Iterator[Section]:
    account = (audited.account,)
    yield Section(
        "K10's own leases.",
        PolicyRule(level="None", users=account, resources=(GroupResources(group="coordination.k8s.io"),)),
    )
    statuses = tuple(GroupResources(group=group, resources=("*/status",)) for group in audited.custom_groups)
    yield Section(
        "The status K10 writes into its own objects: no rule looks at it.",
        PolicyRule(level="None", users=account, verbs=("update", "patch"), resources=statuses),
    )


def _watches(audited: Audited, rules: Iterable[CompiledRule]) -> Iterator[Section]:
    """Below what rules look at: with a stolen token of K10's one may watch instead of list."""
    if not any(_asks_for_anything(rule, audited) for rule in rules):
        yield Section(
            "K10's own watches of all else: most of what it does, and nothing that a rule looks at.",
            PolicyRule(level="None", users=(audited.account,), verbs=("watch",)),
        )


def _custom(audited: Audited) -> Iterator[Section]:
    groups = tuple(GroupResources(group=group) for group in audited.custom_groups)
    yield Section(
        "Patches of K10's custom resources, without the body a client wrote: a body that cannot be encoded takes its "
        "event along. The begin of each change is kept, here and below: a change whose answer is lost leaves a trace.",
        PolicyRule(level="Metadata", verbs=("patch",), resources=groups),
    )
    confidential = tuple(GroupResources(group=group, resources=(resource,)) for group, resource in audited.confidential)
    if confidential:
        yield Section("What may hold credentials, without bodies.", _changing("Metadata", confidential))
    yield Section(
        "Other changes of K10's custom resources, with what they became.", _changing("RequestResponse", groups)
    )


def _aggregated(audited: Audited, needs: Iterable[_Need], rules: Iterable[CompiledRule]) -> Iterator[Section]:
    groups = tuple(GroupResources(group=group) for group in audited.aggregated_groups)
    yield Section("Changes K10 serves itself: kube-apiserver has no bodies of them.", _changing("Metadata", groups))
    reads = [need for need in needs if need.kind[0] in audited.groups and not need.is_change]
    if any(_reads_all_of_k10(rule, audited) for rule in rules):
        every = tuple(GroupResources(group=group) for group in (*audited.custom_groups, *audited.aggregated_groups))
        rule = PolicyRule(level="Metadata", verbs=_READS, resources=every, omit_stages=_BEGIN)
        yield Section("Reads of K10's objects, of whatever kind: who looks at it, in whose name, and is refused.", rule)
    elif reads:
        rule = PolicyRule(level="Metadata", verbs=_verbs(reads), resources=_resources(reads), omit_stages=_BEGIN)
        yield Section("Reads of K10's objects that rules look at.", rule)


def _others(audited: Audited, needs: Iterable[_Need]) -> Iterator[Section]:
    """Kinds that are not K10's: each with the verbs that rules look at."""
    left = [need for need in needs if need.kind[0] not in audited.groups and need.kind not in _DECIDED]
    changes = [need for need in left if need.is_change]
    yield from _contents(changes)
    lasting = {need.kind for need in changes if not need.is_exact}
    if lasting:
        resources = _resources(need for need in changes if need.kind in lasting)
        yield Section(
            "Other changes that rules look at. Watched state tells what they changed.",
            PolicyRule(level="Metadata", verbs=MUTATING, resources=resources),
        )
    for (verbs, places), found in sorted(_alike(need for need in changes if need.kind not in lasting).items()):
        yield Section(
            f"Of other kinds that rules name, what they look at: {', '.join(verbs)}.",
            PolicyRule(level="Metadata", verbs=verbs, resources=_resources(found), namespaces=places),
        )
    reads = [need for need in left if not need.is_change]
    if reads:
        yield Section(
            "Reads and connections that rules look at.",
            PolicyRule(level="Metadata", resources=_resources(reads), omit_stages=_BEGIN),
        )


def _contents(changes: Sequence[_Need]) -> Iterator[Section]:
    """Kinds of which rules need the content; that of a patch as well where nothing but its answer tells what it did."""
    lasting: dict[Kind, list[_Need]] = {}
    for need in changes:
        if not need.is_exact:
            lasting.setdefault(need.kind, []).append(need)
    bodies = [need for need in changes if need.has_body]
    alone = [need for need in bodies if not _is_told_besides(need, lasting)]
    others = [need for need in bodies if need.verb != "patch" and _is_told_besides(need, lasting)]
    for (verbs, places), found in [*sorted(_alike(alone).items()), *sorted(_alike(others).items())]:
        yield Section(
            f"Changes of which rules need the content: {', '.join(verbs)}.",
            PolicyRule(level="RequestResponse", verbs=verbs, resources=_resources(found), namespaces=places),
        )


def _is_told_besides(need: _Need, lasting: Mapping[Kind, Sequence[_Need]]) -> bool:
    """Whether something else than the request tells a rule of the same objects what changed."""
    return any(meet(need.namespaces, each.namespaces) for each in lasting.get(need.kind, ()))


def _rest(audited: Audited, rules: Iterable[CompiledRule]) -> Iterator[Section]:
    yield Section(
        "Whatever else K10's account does, also when somebody else holds its token.",
        PolicyRule(level="Metadata", users=(audited.account,), omit_stages=_BEGIN),
    )
    urls = tuple(dict.fromkeys(url for rule in rules for url in _urls(rule)))
    if urls:
        yield Section("URLs that rules look at.", PolicyRule(level="Metadata", non_resource_urls=urls))
    yield Section("What every cluster writes all day.", _noise())
    anything = any(_asks_for_anything(rule, audited) for rule in rules)
    verbs = () if anything else MUTATING
    why = (
        "Everything else, without bodies: a rule looks at whatever its actor does."
        if anything
        else "Every other change, without bodies. What is only read, and no rule looks at, is not logged."
    )
    yield Section(why, PolicyRule(level="Metadata", verbs=verbs, omit_stages=_BEGIN))


def _changing(level: Any, resources: tuple[GroupResources, ...]) -> PolicyRule:
    verbs = MUTATING if level == "Metadata" else tuple(verb for verb in MUTATING if verb != "patch")
    return PolicyRule(level=level, verbs=verbs, resources=resources)


def _noise() -> PolicyRule:
    return PolicyRule(
        level="None",
        resources=(
            GroupResources(group="coordination.k8s.io", resources=("leases",)),
            GroupResources(resources=("events", "endpoints", "nodes/status", "pods/status")),
            GroupResources(group="events.k8s.io", resources=("events",)),
            GroupResources(group="discovery.k8s.io", resources=("endpointslices",)),
        ),
    )


def _urls(rule: CompiledRule) -> Iterator[str]:
    """As an audit policy may write them: one * at the end. What it cannot say becomes more."""
    match = rule.source.match
    for url in (match.non_resource_urls if match else None) or ():
        head, star, _ = url.replace("?", "*").partition("*")
        yield f"{head}{star}" if head.startswith("/") else "*"


def _asks_for_anything(rule: CompiledRule, audited: Audited) -> bool:
    """Whether it looks at kinds it does not name, at more than their changes.

    What K10's account does is logged anyway. What somebody reads in its name is not, outside of K10: a policy cannot
    select by whom somebody impersonates, and every read there is would be too high a price.
    """
    if rule.selector.only_urls or _is_about_the_account(rule, audited) or _names_k10(rule, audited):
        return False
    groups, resources, verbs = rule.selector.groups, rule.selector.resources, rule.selector.verbs
    is_named = groups and resources and all(map(is_literal, (*groups, *resources)))
    return not is_named and (verbs is None or not verbs <= set(MUTATING))


def _reads_all_of_k10(rule: CompiledRule, audited: Audited) -> bool:
    verbs, resources = rule.selector.verbs, rule.selector.resources or ("*",)
    is_open = not all(map(is_literal, (*(rule.selector.groups or ()), *resources)))
    return is_open and _names_k10(rule, audited) and (verbs is None or not verbs.isdisjoint(_READS))


def _names_k10(rule: CompiledRule, audited: Audited) -> bool:
    """Whether all groups it names, by pattern or as they are, are K10's."""
    groups = rule.selector.groups or ()
    tails = tuple(group.partition(".")[1:] for group in audited.groups)
    is_own = [group in audited.groups or (group[:1] == "*" and group[1:] in map("".join, tails)) for group in groups]
    return bool(is_own) and all(is_own)


def _is_about_the_account(rule: CompiledRule, audited: Audited) -> bool:
    """Whether the name of K10's account stands in everything it matches."""
    name = f'"{audited.account}"'
    needles = rule.needles or ()
    return bool(needles) and all(any(name in literal for literal in needle.literals) for needle in needles)


def _alike(needs: Iterable[_Need]) -> dict[tuple[tuple[str, ...], tuple[str, ...]], list[_Need]]:
    """Kinds by the verbs that are asked of them, and by where."""
    by_kind: dict[Kind, list[_Need]] = {}
    for need in needs:
        by_kind.setdefault(need.kind, []).append(need)
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], list[_Need]] = {}
    for asked in by_kind.values():
        found.setdefault((_verbs(asked), _places(asked)), []).extend(asked)
    return found


def _places(needs: Sequence[_Need]) -> tuple[str, ...]:
    """All namespaces they are about; none where one of them is about any."""
    is_narrow = all(need.namespaces for need in needs)
    return tuple(sorted({each for need in needs for each in need.namespaces})) if is_narrow else ()


def _verbs(needs: Iterable[_Need]) -> tuple[str, ...]:
    asked = {need.verb for need in needs}
    return tuple(verb for verb in (*MUTATING, *_READS) if verb in asked)


def _resources(needs: Iterable[_Need]) -> tuple[GroupResources, ...]:
    found: dict[str, set[str]] = {}
    for need in needs:
        found.setdefault(need.kind[0], set()).add(need.kind[1])
    return tuple(GroupResources(group=group, resources=tuple(sorted(found[group]))) for group in sorted(found))


def _comment(text: str, width: int = 110) -> Iterator[str]:
    line = "#"
    for word in text.split():
        if len(line) + 1 + len(word) > width:
            yield line
            line = "#"
        line += f" {word}"
    yield line


def _dumped(rule: PolicyRule) -> list[str]:
    plain: Mapping[str, Any] = msgspec.to_builtins(rule)
    if "resources" in plain:  # the core group is written out: without it nobody would see that it is meant
        resources = [{"group": "", **each} for each in plain["resources"]]
        plain = {**plain, "resources": resources}
    text: str = yaml.safe_dump([plain], sort_keys=False, default_flow_style=None, width=1000)
    return text.rstrip("\n").splitlines()
