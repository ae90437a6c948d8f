"""Laws of audit policies: what is said of many requests holds of each, and who logs more sees no less."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.detection.auditpolicy import AuditPolicy, GroupResources, PolicyRule, Question, answer, lowest
from auditwatch.detection.policycheck import EVERYTHING, Verdict, check, is_change, questions
from auditwatch.detection.sight import AUDIT_LEVELS, LEVELS, KindView

from .building import rule_set

CONFIG = "config.kio.kasten.io"
KINDS = ((CONFIG, "policies"), (CONFIG, "policies/status"), ("", "secrets"), ("", "pods/exec"))
VERBS = ("get", "list", "watch", "create", "patch", "delete")
USERS, NAMESPACES, NAMES = ("eve", "bob"), ("kasten-io", "shop"), ("daily", "weekly")
RULES = rule_set(
    """
- name: any-write
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [create, update, patch, delete]}
- name: secrets-of-one-namespace
  match: {apiGroups: [""], resources: [secrets], verbs: [get, list, watch], namespaces: [kasten-io]}
- name: exec
  match: {apiGroups: [""], resources: [pods/exec]}
- name: eve
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], users: [eve]}
- name: paused
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [patch]}
  where: [{field: object.spec.paused, operator: Equals, values: ["true"]}]
- name: anything
  match: {users: [eve]}
- name: metrics
  match: {nonResourceURLs: [/metrics]}
- name: many
  correlate: {type: eventCount, of: [{rule: any-write}], timespanSeconds: 60, conditions: [{gte: 5}]}
"""
)


@dataclass(frozen=True)
class Request:
    """One concrete request, and the rule of kube-apiserver's own matching for it."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    user: str

    def is_matched_by(self, rule: PolicyRule) -> bool:
        """As kube-apiserver's policy checker decides it; everybody here is authenticated and in ``dev``."""
        groups = {"system:authenticated", "dev"}
        return (
            (not rule.users or self.user in rule.users)
            and (not rule.user_groups or bool(groups & set(rule.user_groups)))
            and (not rule.verbs or self.verb in rule.verbs)
            and not rule.non_resource_urls
            and (not rule.namespaces or self.namespace in rule.namespaces)
            and (not rule.resources or any(self._is_of(each) for each in rule.resources))
        )

    def _is_of(self, each: GroupResources) -> bool:
        if each.group != self.group:
            return False
        resource, _, sub = self.resource.partition("/")
        wanted = {self.resource, "*", f"{resource}/*", *([f"*/{sub}"] if sub else [])}
        return not each.resources or (
            bool(wanted & set(each.resources)) and (not each.resource_names or self.name in each.resource_names)
        )


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(values), max_size=2).map(lambda found: tuple(sorted(found)))


RESOURCES = some("policies", "policies/*", "*/status", "secrets", "pods/exec", "pods", "*")
GROUPS = st.builds(
    lambda group, resources, names: GroupResources(
        group=group, resources=resources, resource_names=names if resources else ()
    ),
    st.sampled_from([CONFIG, ""]),
    RESOURCES,
    some(*NAMES),
)
RULE = st.builds(
    PolicyRule,
    level=st.sampled_from(AUDIT_LEVELS),
    users=some(*USERS),
    user_groups=some("system:authenticated", "dev", "ops"),
    verbs=some(*VERBS),
    resources=st.lists(GROUPS, max_size=2).map(tuple),
    namespaces=some(*NAMESPACES),
    omit_stages=st.sampled_from([(), ("RequestReceived",), ("ResponseStarted",), ("ResponseComplete",)]),
)
URLS = st.builds(PolicyRule, level=st.sampled_from(AUDIT_LEVELS), non_resource_urls=some("/metrics", "/m*", "/x"))
POLICIES = st.lists(RULE | URLS, min_size=1, max_size=4).map(
    lambda rules: AuditPolicy(api_version="audit.k8s.io/v1", kind="Policy", rules=tuple(rules))
)
REQUESTS = st.builds(
    lambda kind, verb, namespace, name, user: Request(verb, kind[0], kind[1], namespace, name, user),
    st.sampled_from(KINDS),
    st.sampled_from(VERBS),
    st.sampled_from(NAMESPACES),
    st.sampled_from(NAMES),
    st.sampled_from(USERS),
)


@settings(max_examples=200)
@given(policy=POLICIES, request=REQUESTS, asks_user=st.booleans(), asks_namespace=st.booleans())
def test_each_request_is_decided_as_was_said_of_all_like_it(
    policy: AuditPolicy, request: Request, *, asks_user: bool, asks_namespace: bool
) -> None:
    question = Question(
        verb=request.verb,
        group=request.group,
        resource=request.resource,
        users=(request.user,) if asks_user else (),
        namespaces=(request.namespace,) if asks_namespace else (),
    )
    found = answer(policy, question)
    decides = next((index for index, rule in enumerate(policy.rules) if request.is_matched_by(rule)), None)

    assert decides in {found.decision.rule, *(each.rule for each in found.exceptions)}
    level = "None" if found.decision.rule is None else policy.rules[found.decision.rule].level
    assert found.decision.level == level


def seen(policy: AuditPolicy) -> dict[str, Verdict]:
    watched = {(CONFIG, "policies"): KindView("NotWatched")}
    return {each.rule: each for each in check(policy, [RULES], watched)}


@settings(max_examples=40)
@given(policy=POLICIES)
def test_every_rule_is_judged_and_none_sees_more_than_under_a_policy_that_logs_all(policy: AuditPolicy) -> None:
    found, best = seen(policy), seen(EVERYTHING)

    assert found.keys() == best.keys() == RULES.rules.keys()
    for name, verdict in found.items():
        level, possible = (LEVELS.index(each.visibility.level) for each in (verdict, best[name]))
        assert level <= possible, name
        assert verdict.is_blinded is (level == 0 < possible), name
        assert (verdict.visibility.reason == "") is (verdict.visibility.level == "Full"), name


@settings(max_examples=40)
@given(policy=POLICIES, data=st.data())
def test_a_policy_that_logs_more_of_something_blinds_no_rule(policy: AuditPolicy, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(policy.rules) - 1))
    raised = msgspec.structs.replace(policy.rules[place], level="RequestResponse", omit_stages=())
    rules = (*policy.rules[:place], raised, *policy.rules[place + 1 :])
    before, after = seen(policy), seen(msgspec.structs.replace(policy, rules=rules))

    assert [name for name, each in after.items() if each.is_blinded and not before[name].is_blinded] == []


def test_under_a_policy_that_logs_all_no_rule_is_blinded_and_the_one_rule_decides_all() -> None:
    found = seen(EVERYTHING)

    assert not any(verdict.is_blinded for verdict in found.values())
    assert {verdict.decided_by for name, verdict in found.items() if name != "many"} == {(0,)}


def test_a_rule_asks_about_its_own_verbs_and_a_connection_by_both_ways_to_open_it() -> None:
    asked = {
        name: [question.verb for question in questions(RULES.rules[name], kind)]
        for name, kind in (("any-write", KINDS[0]), ("exec", KINDS[3]), ("secrets-of-one-namespace", KINDS[2]))
    }

    assert asked == {
        "any-write": ["create", "update", "patch", "delete"],
        "exec": ["get", "create"],
        "secrets-of-one-namespace": ["get", "list", "watch"],
    }
    (one, *_) = questions(RULES.rules["secrets-of-one-namespace"], KINDS[2])
    assert (one.namespaces, one.users) == (("kasten-io",), ())
    (other, *_) = questions(RULES.rules["eve"], KINDS[0])
    assert (other.namespaces, other.users) == ((), ("eve",))


def test_only_what_writes_an_object_is_a_change() -> None:
    changes = {verb for verb in VERBS if is_change(Question(verb=verb, resource="policies"))}

    assert changes == {"create", "patch", "delete"}
    assert not is_change(Question(verb="create", resource="pods/exec"))
    assert is_change(Question(verb="create", resource="pods/eviction"))


def test_of_several_levels_the_one_that_logs_least_is_the_lowest() -> None:
    assert lowest(["RequestResponse", "Metadata", "Request"]) == "Metadata"
    assert lowest(["Request", "None"]) == "None"
    assert lowest([]) == "None"
