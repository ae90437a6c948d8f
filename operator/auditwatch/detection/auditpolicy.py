"""kube-apiserver's audit policy: read from YAML, and asked what it does with a kind of request.

The first rule that matches decides the level; the stages left out are those of the policy and of that rule together.
A question is about many requests at once (whoever, whichever object), so a rule may match some of them only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import yaml

from auditwatch.api.yamltext import TwiceError, line_of, load, said_of
from auditwatch.detection.sight import AUDIT_LEVELS, AuditLevel

Stage = Literal["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]
Fit = Literal["All", "Some", "None"]
"""Of the requests asked about, how many a rule matches."""

EVERYBODY: Final = "system:authenticated"
"""The group everybody who authenticated is in."""


class PolicyError(ValueError):
    """Not an audit policy kube-apiserver would take; the message says why. ``line``: where, from 1, if known."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class GroupResources(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """Resources of one API group; none named: all of them, subresources included."""

    group: str = ""
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()


class PolicyRule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True
):
    """One rule. What it does not name it does not ask about."""

    level: AuditLevel
    users: tuple[str, ...] = ()
    user_groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    resources: tuple[GroupResources, ...] = ()
    namespaces: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")
    omit_stages: tuple[Stage, ...] = ()
    omit_managed_fields: bool | None = None


class AuditPolicy(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """``audit.k8s.io/v1`` Policy."""

    api_version: str
    kind: Literal["Policy"]
    metadata: Any = None
    rules: tuple[PolicyRule, ...] = ()
    omit_stages: tuple[Stage, ...] = ()
    omit_managed_fields: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Requests that are alike. ``namespaces`` and ``users`` empty: any. A URL is asked about by ``path``."""

    verb: str
    group: str = ""
    resource: str = ""
    """The plural, with ``/subresource`` where there is one."""
    namespaces: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy does: the rule that decides (from 0; ``None``: none does, nothing is logged) and its result."""

    rule: int | None
    level: AuditLevel
    omitted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision for most requests, and before it those for some of them (some users, some objects)."""

    decision: Decision
    exceptions: tuple[Decision, ...] = field(default=())


def read_policy(text: str) -> AuditPolicy:
    """A policy from YAML. Raises :class:`PolicyError`."""
    try:
        document = load(text)
    except yaml.YAMLError as error:
        said = said_of(error) if isinstance(error, TwiceError) else f"is no YAML: {said_of(error)}"
        raise PolicyError(said, line=line_of(error)) from error
    except (ValueError, RecursionError) as error:
        raise PolicyError(f"is no YAML: {error}") from error
    try:
        policy = msgspec.convert(document, AuditPolicy)
    except msgspec.ValidationError as error:
        raise PolicyError(f"is no audit policy: {error}") from error
    if policy.api_version != "audit.k8s.io/v1":
        raise PolicyError(f"apiVersion is {policy.api_version!r}: kube-apiserver takes audit.k8s.io/v1 only")
    if not policy.rules:
        raise PolicyError("has no rules: kube-apiserver refuses it")
    for index, rule in enumerate(policy.rules):
        for flaw in _flaws(rule):
            raise PolicyError(f"rules[{index}]: {flaw}")
    return policy


def _flaws(rule: PolicyRule) -> Iterator[str]:
    """What kube-apiserver's own validation refuses."""
    if rule.non_resource_urls and (rule.resources or rule.namespaces):
        yield "a rule is about URLs or about resources: remove nonResourceURLs, or resources and namespaces"
    for url in rule.non_resource_urls:
        if url != "*" and (not url.startswith("/") or "*" in url.rstrip("*")):
            yield f"nonResourceURLs: {url!r} must begin with / and may have one * at its end"
    for each in rule.resources:
        if each.resource_names and not each.resources:
            yield "resourceNames need resources"
        if "/" in each.group:
            yield f"group {each.group!r} must have no version"


def answer(policy: AuditPolicy, question: Question) -> Answer:
    """What the policy does with such requests."""
    exceptions: list[Decision] = []
    for index, rule in enumerate(policy.rules):
        fit = fit_of(rule, question)
        decision = Decision(index, rule.level, frozenset(policy.omit_stages + rule.omit_stages))
        if fit == "All":
            return Answer(decision, tuple(exceptions))
        if fit == "Some":
            exceptions.append(decision)
    return Answer(Decision(None, "None"), tuple(exceptions))


def fit_of(rule: PolicyRule, question: Question) -> Fit:
    """How many of the requests asked about the rule matches."""
    if rule.verbs and question.verb not in rule.verbs:
        return "None"
    where = _about_url(rule, question) if question.path else _about_resource(rule, question)
    return _least(_users(rule, question), _groups(rule), where)


def lowest(levels: list[AuditLevel]) -> AuditLevel:
    """The level at which least is logged; ``None`` of nothing."""
    return min(levels, key=AUDIT_LEVELS.index, default="None")


def _least(*fits: Fit) -> Fit:
    return "None" if "None" in fits else "Some" if "Some" in fits else "All"


def _users(rule: PolicyRule, question: Question) -> Fit:
    if not rule.users:
        return "All"
    if not question.users:
        return "Some"
    named = [user in rule.users for user in question.users]
    return "All" if all(named) else "Some" if any(named) else "None"


def _groups(rule: PolicyRule) -> Fit:
    """Which groups somebody is in is not known, but for the one of everybody."""
    return "All" if not rule.user_groups or EVERYBODY in rule.user_groups else "Some"


def _about_url(rule: PolicyRule, question: Question) -> Fit:
    if rule.resources or rule.namespaces:
        return "None"
    if not rule.non_resource_urls:
        return "All"
    return "All" if any(_fits_url(url, question.path) for url in rule.non_resource_urls) else "None"


def _fits_url(pattern: str, path: str) -> bool:
    return pattern in {"*", path} or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _about_resource(rule: PolicyRule, question: Question) -> Fit:
    if rule.non_resource_urls:
        return "None"
    return _least(_namespaces(rule, question), _resources(rule, question))


def _namespaces(rule: PolicyRule, question: Question) -> Fit:
    if not rule.namespaces:
        return "All"
    if not question.namespaces:
        return "Some"
    named = [namespace in rule.namespaces for namespace in question.namespaces]
    return "All" if all(named) else "Some" if any(named) else "None"


def _resources(rule: PolicyRule, question: Question) -> Fit:
    if not rule.resources:
        return "All"
    fits: list[Fit] = [_of_group(each, question) for each in rule.resources if each.group == question.group]
    return "All" if "All" in fits else "Some" if "Some" in fits else "None"


def _of_group(each: GroupResources, question: Question) -> Fit:
    if not each.resources:
        return "All"
    if not any(_fits_resource(pattern, question.resource) for pattern in each.resources):
        return "None"
    return "Some" if each.resource_names else "All"


def _fits_resource(pattern: str, written: str) -> bool:
    """``pods`` is the resource alone; ``pods/*`` is it with all of its subresources; ``*/status`` those of all."""
    resource, _, subresource = written.partition("/")
    if pattern in {"*", written}:
        return True
    if pattern.startswith("*/"):
        return bool(subresource) and pattern == f"*/{subresource}"
    return pattern.endswith("/*") and pattern.removesuffix("/*") == resource
