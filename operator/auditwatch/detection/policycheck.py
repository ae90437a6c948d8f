"""What each rule sees under an audit policy, and which rule of the policy decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditwatch.detection.auditpolicy import (
    Answer,
    AuditPolicy,
    Decision,
    PolicyRule,
    Question,
    answer,
    lowest,
)
from auditwatch.detection.auditsight import verb_class
from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.creations import MAY_CREATE
from auditwatch.detection.globs import is_literal
from auditwatch.detection.matching import CONNECTING
from auditwatch.detection.sight import (
    AUDIT_LEVELS,
    LEVELS,
    SEEN,
    AuditLevel,
    KindView,
    SourcesView,
    VerbClass,
    Visibility,
)
from auditwatch.detection.statesight import where_it_looks
from auditwatch.detection.visibility import rule_set_visibility
from auditwatch.events.activity import Evidence

Kind = tuple[str, str]

EVERYTHING: Final = AuditPolicy(
    api_version="audit.k8s.io/v1", kind="Policy", rules=(PolicyRule(level="RequestResponse"),)
)
"""The policy under which everything there is to see is seen."""

MUTATING: Final = ("create", "update", "patch", "delete", "deletecollection")
_VERBS: Final = (*MUTATING, "get", "list", "watch")
_ANY_KIND: Final = ("any.invalid", "anything")
"""Stands for kinds no rule of a policy names: what is left to its last rules."""
_ANY_PATH: Final = "/any"
_NEVER_KEPT: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
"""Groups whose objects are answered and not kept: there is nothing to apply or replace."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule sees. ``decided_by``: places (from 0) of the policy's rules that decide; -1: none matches.

    ``is_blinded``: it sees nothing, and under another policy it would.
    """

    rule: str
    pack: str
    visibility: Visibility
    decided_by: tuple[int, ...] = ()
    is_blinded: bool = False


@dataclass(slots=True)
class _PolicyView:
    """An audit source of which the policy is known (``sight.AuditView``), as one rule asks for it."""

    policy: AuditPolicy
    rule: CompiledRule
    name: str = "this file"
    evidence: Evidence = "Audited"
    silence: str = ""
    is_past: bool = False
    kinds: dict[Kind, None] = field(default_factory=dict)
    """Asked about, each once."""
    decisions: list[Decision] = field(default_factory=list)
    exceptions: list[Decision] = field(default_factory=list)
    is_begin_kept: bool = True
    """Whether of each change that the rule looks at the begin is logged."""

    def level(self, group: str, resource: str, verb_class: VerbClass) -> AuditLevel | None:
        """The level that all verbs of the class have at least, of those the rule looks at."""
        self.kinds[group, resource] = None
        asked = [
            self.ask(question)
            for question in questions(self.rule, (group, resource))
            if self._is_of(question, verb_class)
        ]
        return lowest([_level(question, found.decision) for question, found in asked]) if asked else None

    def _is_of(self, question: Question, wanted: VerbClass) -> bool:
        return verb_class(question.verb, question.resource.partition("/")[2]) == wanted

    def ask(self, question: Question) -> tuple[Question, Answer]:
        """What the policy answers, which is remembered."""
        found = answer(self.policy, question)
        self.decisions.append(found.decision)
        self.is_begin_kept &= not (is_change(question) and "RequestReceived" in found.decision.omitted)
        level = AUDIT_LEVELS.index(_level(question, found.decision))
        self.exceptions += [each for each in found.exceptions if AUDIT_LEVELS.index(_level(question, each)) < level]
        return question, found


def check(policy: AuditPolicy, rule_sets: Iterable[RuleSet], kinds: Mapping[Kind, KindView]) -> list[Verdict]:
    """Every rule by name. ``kinds``: what watched state shows besides."""
    return sorted(
        (verdict for rule_set in rule_sets for verdict in _of_set(policy, rule_set, kinds)),
        key=lambda verdict: (verdict.rule, verdict.pack),
    )


def questions(rule: CompiledRule, kind: Kind) -> Iterator[Question]:
    """The requests of a kind that a rule looks at."""
    resource = kind[1]
    verbs = [verb for verb in _VERBS if rule.selector.verbs is None or verb in rule.selector.verbs]
    if resource.partition("/")[2] in CONNECTING and {"get", "create"} & set(verbs):
        verbs = ["get", "create"]
    yield from _questions(rule, kind, verbs)


def otherwise_creating(rule: CompiledRule, kind: Kind) -> Iterator[Question]:
    """The requests that make an object without being called create, for a rule that looks at creations."""
    is_made = "/" not in kind[1] and kind[0] not in _NEVER_KEPT
    if is_made and "create" in (rule.selector.verbs or ()):
        yield from _questions(rule, kind, [verb for verb in MUTATING if verb in MAY_CREATE])


def _questions(rule: CompiledRule, kind: Kind, verbs: Iterable[str]) -> Iterator[Question]:
    match = rule.source.match
    group, resource = kind
    for verb in verbs:
        yield Question(
            verb=verb,
            group=group,
            resource=resource,
            namespaces=rule.namespaces if kind != ("", "namespaces") else (),
            users=_literal(match.users if match else None),
        )


def is_change(question: Question) -> bool:
    """Whether the request would change an object; opening a connection does not, whatever its verb is."""
    return question.verb in MUTATING and question.resource.partition("/")[2] not in CONNECTING


def _literal(patterns: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(patterns) if patterns and all(map(is_literal, patterns)) else ()


def _level(question: Question, decision: Decision) -> AuditLevel:
    """The level, as far as the stage that tells of the request is logged."""
    is_open = question.verb == "watch" or question.resource.partition("/")[2] in CONNECTING
    told = {"ResponseComplete", *(["ResponseStarted"] if is_open else [])}
    return "None" if told <= decision.omitted else decision.level


def _of_set(policy: AuditPolicy, rule_set: RuleSet, kinds: Mapping[Kind, KindView]) -> Iterator[Verdict]:
    found = {name: _of_rule(policy, rule_set, rule, kinds) for name, rule in rule_set.rules.items()}
    ideal = {name: _of_rule(EVERYTHING, rule_set, rule, kinds)[0] for name, rule in rule_set.rules.items()}
    seen = _with_stories(rule_set, {name: visibility for name, (visibility, _) in found.items()})
    possible = _with_stories(rule_set, ideal)
    for name, visibility in seen.items():
        rule = rule_set.rules[name]
        is_blinded = visibility.level == "Blind" and possible[name].level != "Blind"
        yield Verdict(name, rule.pack, visibility, found[name][1], is_blinded)
    for name, why in rule_set.left_out.items():
        yield Verdict(name, "", Visibility("Blind", "InvalidRule", why))


def _of_rule(
    policy: AuditPolicy, rule_set: RuleSet, rule: CompiledRule, kinds: Mapping[Kind, KindView]
) -> tuple[Visibility, tuple[int, ...]]:
    """What a rule sees, and what decides it; a story by itself sees everything."""
    if rule.story is not None:
        return Visibility("Full"), ()
    view = _PolicyView(policy, rule)
    one = RuleSet(
        **{name: getattr(rule_set, name) for name in ("watch", "digest", "k10", "zone")}, rules={rule.name: rule}
    )
    if rule.selector.groups is None:
        seen = _of_any_kind(view)
    else:
        seen = rule_set_visibility(one, SourcesView(kinds, (view,)))[rule.name]
    if seen.level == "Full":
        seen = _of_other_creations(view, kinds) or _qualified(view)
    decided = tuple(sorted({-1 if each.rule is None else each.rule for each in (*view.decisions, *view.exceptions)}))
    return seen, decided


def _of_any_kind(view: _PolicyView) -> Visibility:
    """A rule that names no kind looks at all of them, or at URLs."""
    rule = view.rule
    if rule.selector.only_urls:
        match = rule.source.match
        paths = _literal(match.non_resource_urls if match else None) or (_ANY_PATH,)
        asked = [view.ask(Question(verb="get", path=path)) for path in paths]
    else:
        view.kinds[_ANY_KIND] = None
        asked = [view.ask(question) for question in questions(rule, _ANY_KIND)]
    logged = [_level(question, found.decision) != "None" for question, found in asked]
    if all(logged):
        return Visibility("Full")
    message = "it looks at requests for anything, and the policy does not log all of them"
    return Visibility("Partial" if any(logged) else "Blind", "NotLogged", message)


def _of_other_creations(view: _PolicyView, kinds: Mapping[Kind, KindView]) -> Visibility | None:
    """Of a rule that sees what create makes: why it does not see all that is made by applying or replacing."""
    unlogged, bare = [], []
    for kind in view.kinds:
        is_shown = kind in kinds and where_it_looks(view.rule, kinds[kind]).availability in SEEN
        for question in otherwise_creating(view.rule, kind):
            level = _level(question, view.ask(question)[1].decision)
            unlogged += [_written(question)] if level == "None" else []
            bare += [_written(question)] if level == "Metadata" and view.rule.bodies and not is_shown else []
    made = "what is applied or replaced may be made by it, and"
    if unlogged:
        return Visibility("Partial", "CreationsNotLogged", f"{made} the policy does not log {', '.join(unlogged)}")
    if bare:
        return Visibility("Partial", "NeedsBodies", f"{made} {view.name} shows no bodies for {', '.join(bare)}")
    return None


def _written(question: Question) -> str:
    kind = f"{question.resource}.{question.group}" if question.group else question.resource
    return f"{question.verb} of {'anything' if (question.group, question.resource) == _ANY_KIND else kind}"


def _qualified(view: _PolicyView) -> Visibility:
    """Full, unless some people's requests are logged less, or a lost answer would leave no trace."""
    if view.exceptions:
        places = ", ".join(str(number) for number in sorted({(each.rule or 0) + 1 for each in view.exceptions}))
        return Visibility("Partial", "LessForSome", f"rule {places} of the policy logs less of some users or objects")
    if not view.is_begin_kept:
        message = "a change whose answer is not logged leaves no trace: do not omit RequestReceived"
        return Visibility("Partial", "NoRequestReceived", message)
    return Visibility("Full")


def _with_stories(rule_set: RuleSet, found: Mapping[str, Visibility]) -> dict[str, Visibility]:
    """A story sees as much as the member that sees most, and no more than the one that sees least lets it."""
    seen = dict(found)
    for name, rule in rule_set.rules.items():
        members = [found[member] for member in sorted(rule.story.members) if member in found] if rule.story else []
        if members:
            worst = min(members, key=lambda each: LEVELS.index(each.level))
            all_blind = all(each.level == "Blind" for each in members)
            level = worst.level if all_blind or worst.level == "Full" else "Partial"
            seen[name] = Visibility(level, worst.reason, worst.message)
    return seen
