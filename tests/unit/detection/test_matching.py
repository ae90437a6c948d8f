"""``match``: groups, resources, verbs and the lists that are tested per row."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from auditwatch.api.match import Match
from auditwatch.api.pack import NamedList
from auditwatch.detection.index import MEMO_SIZE, Index
from auditwatch.detection.matching import Kind, compile_match, compile_selector
from auditwatch.detection.report import Report
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING
from auditwatch.events.activity import Activity, Actor, Target
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

from .building import K10, altered, audited, change, compiled, paths, rule_set, signals, spec

ROW = change(spec(), spec(paused=True))


def _match(text: str) -> Match:
    return Match.model_validate(yaml.safe_load(text))


def _fits(text: str, verb: str = "update", *, resource: str = "policies", is_state: bool = True, **kind: Any) -> bool:
    kind = {"group": "config.kio.kasten.io", "subresource": "", **kind}
    return compile_selector(_match(text), K10).fits(Kind(resource=resource, verb=verb, is_state=is_state, **kind))


def _holds(text: str, activity: Activity = ROW) -> bool | None:
    return compile_match(_match(text), K10, Report("")).holds(Scope(activity, K10), MISSING)


POLICIES = "apiGroups: [config.kio.kasten.io], resources: [policies]"


@pytest.mark.parametrize(
    ("verbs", "verb"),
    [
        ("patch", "update"),
        ("update", "update"),
        ("deletecollection", "delete"),
        ("create", "create"),
        ('"*"', "update"),
    ],
)
def test_a_state_change_is_every_verb_it_may_have_been(verbs: str, verb: str) -> None:
    assert _fits(f"{{{POLICIES}, verbs: [{verbs}]}}", verb)


@pytest.mark.parametrize(
    ("verbs", "verb"), [("create", "update"), ("get", "update"), ("delete", "create"), ("patch", "create")]
)
def test_a_state_change_is_no_other_verb(verbs: str, verb: str) -> None:
    assert not _fits(f"{{{POLICIES}, verbs: [{verbs}]}}", verb)


def test_a_request_is_the_verb_it_says() -> None:
    assert not _fits(f"{{{POLICIES}, verbs: [patch]}}", "update", is_state=False)
    assert _fits(f"{{{POLICIES}, verbs: [patch]}}", "patch", is_state=False)


def test_no_verbs_are_all_verbs() -> None:
    assert _fits(f"{{{POLICIES}}}", "anything", is_state=False)


def test_groups_and_resources_are_globs_and_subresources_are_apart() -> None:
    assert _fits('{apiGroups: ["*.kio.kasten.io"], resources: ["polic*"]}')
    assert not _fits('{apiGroups: [""], resources: ["*"]}')
    assert not _fits("{apiGroups: [config.kio.kasten.io], resources: [profiles]}")
    assert not _fits(f"{{{POLICIES}}}", subresource="status")
    assert _fits('{apiGroups: ["*"], resources: ["*/status"]}', subresource="status")
    assert _fits('{apiGroups: [""], resources: [pods/exec]}', "create", resource="pods", group="", subresource="exec")
    assert not _fits('{apiGroups: [""], resources: [pods/exec]}', "create", resource="pods", group="")


def test_the_documented_domain_stands_for_this_clusters() -> None:
    namespaced = InstalledK10(K10Instance(api_domain="kio.kasten.prod"))
    selector = compile_selector(_match(f"{{{POLICIES}}}"), namespaced)
    assert selector.fits_group("config.kio.kasten.prod")
    assert not selector.fits_group("config.kio.kasten.io")


def test_urls_that_are_no_resources_fit_no_object() -> None:
    assert not _fits("{nonResourceURLs: [/metrics]}")


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("{namespaces: [kasten-*]}", True),
        ("{namespaces: [default]}", False),
        ('{namespaces: [""]}', False),
        ("{names: ['dai?y']}", True),
        ("{names: [weekly]}", False),
        ("{names: [daily], evidence: [State]}", True),
        ("{names: [daily], evidence: [Audited]}", False),
        ("{names: [daily], outcomes: [Denied]}", False),
        ("{names: [daily], outcomes: [Any]}", True),
        ("{actors: [eve]}", None),
        ("{actors: [eve], names: [weekly]}", False),
        ("{users: [eve]}", None),
        ("{serviceAccounts: [a/b]}", None),
        ("{sourceIPs: [10.0.0.0/8]}", None),
    ],
)
def test_each_list_must_have_an_item_that_fits(text: str, truth: bool | None) -> None:  # noqa: FBT001  # a table of three values
    assert _holds(text) is truth


def _collection(
    *names: str, namespace: str = "kasten-io", is_known: bool = True, verb: str = "deletecollection"
) -> Activity:
    target = replace(ROW.target, name="", namespace=namespace, names=names if is_known else None)
    return altered(ROW, verb=verb, target=target)


@pytest.mark.parametrize(
    ("names", "truth"),
    [(["daily"], True), (["weekly", "daily"], True), (["weekly"], False), ([], False), ([""], False)],
)
def test_one_request_for_many_is_every_name_it_is_seen_to_have_taken(names: list[str], *, truth: bool) -> None:
    assert _holds("{names: ['dai?y']}", _collection(*names)) is truth
    assert _holds("{names: ['dai?y']}", _collection(*names, namespace="")) is truth


@pytest.mark.parametrize(
    ("text", "namespace", "truth"),
    [
        ("{names: [daily]}", "kasten-io", True),
        ("{names: [daily]}", "kasten-io-mc", True),
        ("{names: [daily]}", "", True),
        ("{names: [daily]}", "shop", False),
        ("{names: [daily], namespaces: [shop]}", "shop", True),
        ("{names: [daily], namespaces: [shop]}", "bank", False),
        ("{names: ['*']}", "shop", True),
        ("{namespaces: [shop]}", "shop", True),
    ],
)
def test_one_of_which_nobody_saw_what_it_took_may_have_taken_what_is_there(
    text: str, namespace: str, *, truth: bool
) -> None:
    assert _holds(text, _collection(namespace=namespace, is_known=False)) is truth


def test_namespaces_that_a_watch_counts_as_k10s_are_places_too() -> None:
    row = _collection(namespace="backup", is_known=False)
    rule = "[{name: a, match: {names: [daily]}}]"
    assert signals(rule, row) == []
    assert signals(rule, row, lists=[NamedList(name="k10-namespaces", values=("backup",))])


def test_a_list_takes_nothing() -> None:
    assert _holds("{names: [daily]}", _collection("daily", verb="list")) is False
    assert _holds("{names: [daily]}", _collection(is_known=False, verb="create")) is False


def test_an_actor_is_matched_by_id_or_name_and_by_groups() -> None:
    known = altered(ROW, actor=Actor(id="arn:eve", name="eve", groups=("dev", "ops")))
    assert _holds("{actors: ['arn:*']}", known) is True
    assert _holds("{actors: [eve]}", known) is True
    assert _holds("{actorGroups: [ops]}", known) is True
    assert _holds("{actorGroups: [admins]}", known) is False


def test_a_cluster_scoped_object_is_in_the_empty_namespace() -> None:
    row = altered(ROW, target=Target(group="", version="v1", resource="namespaces", name="x"))
    assert _holds('{namespaces: [""]}', row) is True


def test_names_that_end_in_a_k10_group_follow_the_domain() -> None:
    namespaced = InstalledK10(K10Instance(api_domain="kio.kasten.prod"))
    row = altered(ROW, target=Target(group="", version="", resource="x", name="v1alpha1.apps.kio.kasten.prod"))
    condition = compile_match(_match("{names: [v1alpha1.apps.kio.kasten.io]}"), namespaced, Report(""))
    assert condition.holds(Scope(row, namespaced), MISSING) is True


def test_what_match_needs_is_known() -> None:
    rules = "[{name: a, match: {users: [x], actors: [y], sourceIPs: [10.0.0.0/8]}}]"
    assert rule_set(rules).rules["a"].needs == {"user.name", "actor.id", "client.ip"}


def test_a_network_that_is_none_is_told_with_its_path() -> None:
    _, problems = compiled("[{name: a, match: {sourceIPs: [10.0.0.0/8, ten]}}]")
    assert paths(problems) == ["spec.rules[0].match.sourceIPs[1]"]


def test_the_index_asks_each_rule_once_per_kind() -> None:
    index = Index(rule_set(f"[{{name: a, match: {{{POLICIES}}}}}, {{name: b, match: {{names: [x]}}}}]").rules.values())
    policies = Kind("config.kio.kasten.io", "policies", "", "update", is_state=True)
    pods = Kind("", "pods", "", "update", is_state=True)
    assert [rule.name for rule in index.candidates(policies)] == ["a", "b"]
    assert [rule.name for rule in index.candidates(pods)] == ["b"]
    assert index.candidates(policies) is index.candidates(policies)


def test_invented_kinds_do_not_fill_the_memory() -> None:
    index = Index(rule_set(f"[{{name: a, match: {{{POLICIES}}}}}]").rules.values())
    for number in range(MEMO_SIZE + 10):
        assert index.candidates(Kind("", f"r{number}", "", "get", is_state=False)) == ()
    assert len(index._memo) <= MEMO_SIZE


def test_a_kind_with_a_name_of_a_million_characters_is_judged_and_not_remembered() -> None:
    (rule,) = rule_set("[{name: a, match: {apiGroups: ['*.kio.kasten.io'], verbs: [get]}}]").rules.values()
    index = Index([rule])
    kind = Kind(f"{'x' * 1_000_000}.kio.kasten.io", "policies", "", "get", is_state=False)

    assert index.candidates(kind) == (rule,)
    assert len(index._memo) == 0


BY_ROBOT = audited(
    user={"username": "system:serviceaccount:argocd:robot", "groups": ["system:serviceaccounts", "argo"]},
    userAgent="argocd/v3",
    sourceIPs=["1.2.3.4", "10.1.2.3"],
)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("{users: ['system:serviceaccount:argocd:*']}", True),
        ("{users: [eve]}", False),
        ("{userGroups: [argo]}", True),
        ("{userGroups: [admins]}", False),
        ("{serviceAccounts: [argocd/robot]}", True),
        ("{serviceAccounts: ['argocd/*', x/y]}", True),
        ("{serviceAccounts: [argocd/other]}", False),
        ("{userAgents: ['argocd/*']}", True),
        ("{userAgents: ['kubectl/*']}", False),
        ("{sourceIPs: [10.0.0.0/8]}", True),
        ("{sourceIPs: [1.2.3.4/32]}", False),
        ("{actors: ['system:serviceaccount:argocd:robot']}", True),
        ("{names: [daily], evidence: [Audited]}", True),
        ("{names: [daily], evidence: [State, K10Stream]}", False),
    ],
)
def test_a_request_says_who_authenticated_from_where_and_with_what(text: str, truth: object) -> None:
    assert _holds(text, BY_ROBOT) is truth


def test_what_several_kinds_of_evidence_saw_feeds_rules_of_each() -> None:
    joined = altered(BY_ROBOT, confirmed_by=("State",))
    assert _holds("{names: [daily], evidence: [State]}", joined) is True
    assert _holds("{names: [daily], evidence: [Audited]}", joined) is True
    assert _holds("{names: [daily], evidence: [K10Stream]}", joined) is False


def test_users_are_those_who_authenticated_and_actors_those_who_act() -> None:
    row = audited(impersonatedUser={"username": "jane", "groups": ["team"]})
    assert _holds("{users: [eve], actors: [jane], userGroups: [dev], actorGroups: [team]}", row) is True
    assert _holds("{users: [jane]}", row) is False
    assert _holds("{actors: [eve]}", row) is False


def test_nobody_is_no_user_no_service_account_and_no_actor() -> None:
    row = audited(user={}, stage="ResponseStarted", responseStatus={"code": 401})
    for text in ("{users: [eve]}", "{serviceAccounts: ['*/*']}", "{actors: [eve]}", "{userGroups: ['*']}"):
        assert _holds(text[:-1] + ", outcomes: [Denied]}", row) is False


def test_a_person_is_no_service_account() -> None:
    assert _holds("{serviceAccounts: ['*']}", audited()) is False


def test_urls_that_are_no_resources_are_matched_by_their_path() -> None:
    rules = "[{name: metrics, match: {nonResourceURLs: ['/metrics*']}}, {name: eve, match: {users: [eve]}}]"
    row = audited(verb="get", objectRef=None, requestURI="/metrics/cadvisor?x=1")
    assert [each.rule for each in signals(rules, row)] == ["metrics", "eve"]
    assert [each.rule for each in signals(rules, altered(row, target=audited().target))] == ["eve"]
    assert [each.rule for each in signals(rules, audited(verb="get", objectRef=None, requestURI="/x"))] == ["eve"]


def test_rules_about_groups_do_not_meet_urls() -> None:
    rules = '[{name: any, match: {apiGroups: ["*"]}}, {name: core, match: {apiGroups: [""]}}]'
    assert signals(rules, audited(verb="get", objectRef=None, requestURI="/metrics")) == []


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward"])
@pytest.mark.parametrize("written", ["get", "create"])
@pytest.mark.parametrize("verb", ["get", "create"])
def test_connecting_is_one_deed_with_either_verb(subresource: str, written: str, verb: str) -> None:
    rules = f'[{{name: a, match: {{apiGroups: [""], resources: [pods/{subresource}], verbs: [{written}]}}}}]'
    reference = {"resource": "pods", "subresource": subresource, "namespace": "kasten-io", "name": "catalog-0"}
    assert len(signals(rules, audited(verb=verb, objectRef=reference))) == 1
    assert signals(rules, audited(verb=verb, objectRef={**reference, "subresource": "log"})) == []
    assert signals(rules, audited(verb="delete", objectRef=reference)) == []
