"""What rules see under an audit policy, and the policy that is made from them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditwatch.detection.auditpolicy import Question, answer, read_policy
from auditwatch.detection.policycheck import Verdict
from auditwatch.detection.sight import LEVELS
from auditwatch.scan.policies import checked, rendered
from auditwatch.scan.rules import Asked, Rules, k10_of, rules_of

from .making import K10

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"
RULES = """
- name: gone
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}
- name: secret-read
  match: {apiGroups: [""], resources: [secrets], verbs: [get]}
- name: exec
  match: {apiGroups: [""], resources: [pods/exec], verbs: [create]}
- name: settings
  match: {apiGroups: [batch], resources: [jobs], verbs: [create]}
  where: [{field: object.spec.suspend, operator: Equals, values: ["true"]}]
- name: passkey-body
  match: {apiGroups: [vault.kio.kasten.io], resources: [passkeys], verbs: [create]}
  where: [{field: object.spec.x, operator: Exists}]
- name: metrics
  match: {nonResourceURLs: [/metrics]}
- name: many-secrets
  correlate: {type: eventCount, of: [{rule: secret-read}], timespanSeconds: 60, conditions: [{gte: 5}]}
"""
ACCOUNT = K10.instance.account


def _rules(tmp_path: Path, text: str = RULES) -> Rules:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return rules_of(Asked(files=[file]), k10=K10, now=0.0)


def _check(tmp_path: Path, policy: str, text: str = RULES) -> dict[str, Verdict]:
    return {each.rule: each for each in checked(HEAD + policy, _rules(tmp_path, text).rule_sets, K10)}


def test_a_policy_that_logs_all_blinds_nothing(tmp_path: Path) -> None:
    found = _check(tmp_path, "- {level: RequestResponse}")
    levels = {name: each.visibility.level for name, each in found.items()}
    assert levels == dict.fromkeys(levels, "Full") | {"passkey-body": "Blind"}
    assert not any(each.is_blinded for each in found.values()), "no policy shows bodies of what K10 serves itself"


def test_a_rule_is_blinded_by_the_first_rule_that_matches_and_its_place_is_told(tmp_path: Path) -> None:
    found = _check(tmp_path, "- {level: None, resources: [{group: '', resources: [secrets]}]}\n- {level: Metadata}")
    secret = found["secret-read"]
    assert (secret.visibility.level, secret.visibility.reason) == ("Blind", "NotLogged")
    assert (secret.decided_by, secret.is_blinded) == ((0,), True)
    assert found["gone"].decided_by == (1,)


def test_a_story_is_as_blind_as_what_it_counts(tmp_path: Path) -> None:
    found = _check(tmp_path, "- {level: None, resources: [{group: '', resources: [secrets]}]}\n- {level: Metadata}")
    assert (found["many-secrets"].visibility.level, found["many-secrets"].is_blinded) == ("Blind", True)


def test_what_watched_state_shows_is_not_blind_without_audit_only_unattributed(tmp_path: Path) -> None:
    gone = _check(tmp_path, "- {level: None}")["gone"]
    assert (gone.visibility.level, gone.visibility.reason) == ("Partial", "NoAuditLog")


def test_bodies_of_what_is_not_watched_need_a_level_that_has_them(tmp_path: Path) -> None:
    assert _check(tmp_path, "- {level: Metadata}")["settings"].visibility.reason == "NeedsBodies"
    assert _check(tmp_path, "- {level: RequestResponse}")["settings"].visibility.level == "Full"


@pytest.mark.parametrize(
    ("first", "rule", "reason"),
    [
        ("- {level: None, users: [system:apiserver]}", "gone", "LessForSome"),
        ("- {level: None, userGroups: [system:masters]}", "secret-read", "LessForSome"),
        ("- {level: None, namespaces: [kasten-io]}", "secret-read", "LessForSome"),
        ("- {level: Metadata, omitStages: [RequestReceived]}", "gone", "NoRequestReceived"),
    ],
)
def test_a_rule_that_misses_some_requests_is_partial(tmp_path: Path, first: str, rule: str, reason: str) -> None:
    seen = _check(tmp_path, f"{first}\n- {{level: RequestResponse}}")[rule].visibility
    assert (seen.level, seen.reason) == ("Partial", reason)


def test_reads_do_not_miss_the_begin_of_a_request(tmp_path: Path) -> None:
    seen = _check(tmp_path, "- {level: Metadata, omitStages: [RequestReceived]}")["secret-read"].visibility
    assert seen.level == "Full"


def test_a_policy_that_leaves_out_the_answer_blinds_all_but_what_stays_open(tmp_path: Path) -> None:
    found = _check(tmp_path, "- {level: RequestResponse, omitStages: [ResponseComplete]}")
    assert found["secret-read"].visibility.level == "Blind"
    assert found["exec"].visibility.level == "Full"


def test_exec_is_seen_with_both_verbs_or_not_wholly(tmp_path: Path) -> None:
    only_create = "- {level: Metadata, verbs: [create], resources: [{group: '', resources: [pods/exec]}]}"
    assert _check(tmp_path, only_create)["exec"].visibility.level == "Blind"


@pytest.mark.parametrize(("urls", "level"), [("[/metrics]", "Full"), ("[/healthz*]", "Blind")])
def test_urls_are_looked_up_among_urls(tmp_path: Path, urls: str, level: str) -> None:
    assert _check(tmp_path, f"- {{level: Metadata, nonResourceURLs: {urls}}}")["metrics"].visibility.level == level


def test_the_policy_made_for_rules_blinds_none_of_them(tmp_path: Path) -> None:
    rules = _rules(tmp_path).rule_sets
    found = {each.rule: each for each in checked(rendered(rules, K10), rules, K10)}
    assert not [name for name, each in found.items() if each.is_blinded]
    assert {name for name, each in found.items() if each.visibility.level == "Full"} >= {"gone", "exec", "metrics"}


def test_the_policy_made_for_the_baseline_pack_blinds_none_of_it() -> None:
    rules = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    assert [each.rule for each in checked(rendered(rules, K10), rules, K10) if each.is_blinded] == []


def _decision(question: Question) -> tuple[str, frozenset[str]]:
    """Level and omitted stages, under the policy for the baseline pack."""
    rules = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    found = answer(read_policy(rendered(rules, K10)), question).decision
    return found.level, found.omitted


POLICIES = "config.kio.kasten.io"


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
def test_the_begin_of_changes_of_k10_is_kept_and_patches_have_no_body(verb: str) -> None:
    for users in ((), (ACCOUNT,)):
        level, omitted = _decision(Question(verb=verb, users=users, group=POLICIES, resource="policies"))
        assert level == ("Metadata" if verb == "patch" else "RequestResponse")
        assert "RequestReceived" not in omitted


def test_secrets_and_tokens_are_logged_without_content_whoever_asks() -> None:
    for resource, verb in (("secrets", "watch"), ("secrets", "get"), ("serviceaccounts/token", "create")):
        assert _decision(Question(verb=verb, resource=resource, users=(ACCOUNT,)))[0] == "Metadata"


def _own(verb: str, group: str, resource: str) -> str:
    """The level of a request of K10's own account."""
    return _decision(Question(verb=verb, group=group, resource=resource, users=(ACCOUNT,)))[0]


def test_of_k10s_own_account_only_watches_no_rule_looks_at_leases_and_status_writes_are_dropped() -> None:
    for group, resource in (("", "pods"), ("", "configmaps"), ("apps", "deployments")):
        assert _own("watch", group, resource) == "None"
    assert _own("update", "coordination.k8s.io", "leases") == "None"
    assert _own("patch", POLICIES, "policies/status") == "None"
    for verb, resource in (("get", "pods"), ("list", "configmaps"), ("create", "pods/exec"), ("delete", "pods")):
        assert _own(verb, "", resource) == "Metadata"


@pytest.mark.parametrize(
    ("group", "resource"),
    [
        (POLICIES, "policies"),
        ("vault.kio.kasten.io", "passkeys"),
        ("actions.kio.kasten.io", "exportactions"),
        ("", "secrets"),
    ],
)
def test_a_watch_shows_what_a_list_does_so_both_are_logged_of_k10s_account(group: str, resource: str) -> None:
    assert _own("watch", group, resource) == _own("list", group, resource) == "Metadata"


@pytest.mark.parametrize(
    ("verb", "group", "resource", "is_kept"),
    [
        ("create", "", "secrets", True),
        ("deletecollection", "", "secrets", True),
        ("create", "", "serviceaccounts/token", True),
        ("update", "apps", "deployments/scale", True),
        ("patch", "apps", "statefulsets/scale", True),
        ("get", "", "secrets", False),
        ("list", "", "secrets", False),
        ("create", "authentication.k8s.io", "tokenreviews", False),
    ],
)
def test_the_begin_of_changes_that_rules_look_at_is_kept_and_that_of_reads_is_not(
    verb: str, group: str, resource: str, *, is_kept: bool
) -> None:
    level, omitted = _decision(Question(verb=verb, group=group, resource=resource))
    assert level != "None"
    assert ("RequestReceived" not in omitted) is is_kept


def test_the_policy_made_for_the_baseline_pack_shows_no_less_than_metadata_of_all() -> None:
    """But of what an account reads outside of K10: no policy can ask for whom, and all reads are too many."""
    rules = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    made, plain = rendered(rules, K10), HEAD + "- {level: Metadata}"
    ours, theirs = ({each.rule: each.visibility for each in checked(text, rules, K10)} for text in (made, plain))
    less = {name for name, each in ours.items() if LEVELS.index(each.level) < LEVELS.index(theirs[name].level)}
    assert less == {"k10-account-impersonated", "k10-token-outside-k10"}
    assert {each.reason for each in ours.values()} == {"", "NotLogged", "NeedsBodies", "OldValuesUnknown"}


def test_the_policy_made_for_the_baseline_pack_names_no_kind_that_does_not_exist() -> None:
    policy = read_policy(rendered(rules_of(Asked(), k10=K10, now=0.0).rule_sets, K10))
    kinds = [(each.group, name) for rule in policy.rules for each in rule.resources for name in each.resources]
    assert ("batch", "jobs") in kinds
    assert [kind for kind in kinds if "*" not in kind[1] and K10.serves(*kind) is False] == []


def test_no_body_is_asked_for_of_a_kind_that_does_not_exist() -> None:
    rules = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    (seen,) = [
        each.visibility for each in checked(rendered(rules, K10), rules, K10) if each.rule == "k10-change-half-seen"
    ]
    assert seen.message == "this file shows no bodies for write of profiles.cr.kanister.io: log them at RequestResponse"


NAMED = ["config.kio.kasten.io", "vault.kio.kasten.io", "cr.kanister.io", "", "apps", "batch", "example.com"]
RESOURCES = ["policies", "passkeys", "profiles", "secrets", "serviceaccounts/token", "pods/exec", "deployments", "jobs"]
EVERY_VERB = ["create", "update", "patch", "delete", "deletecollection", "get", "list", "watch"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.sets(st.sampled_from(NAMED), min_size=1, max_size=3),
    resources=st.sets(st.sampled_from(RESOURCES), min_size=1, max_size=3),
    verbs=st.sets(st.sampled_from(EVERY_VERB), min_size=1, max_size=4),
)
def test_a_rule_about_kinds_it_names_sees_everything_under_the_policy_made_for_it(
    tmp_path: Path, groups: set[str], resources: set[str], verbs: set[str]
) -> None:
    match = {
        "apiGroups": sorted(groups),
        "resources": sorted(resources),
        "verbs": sorted(verbs),
        "evidence": ["Audited"],
    }
    rules = _rules(tmp_path, yaml.safe_dump([{"name": "one", "match": match}])).rule_sets
    (verdict,) = checked(rendered(rules, K10), rules, K10)
    assert verdict.visibility.level == "Full", verdict


def test_a_k10_with_an_api_domain_of_its_own_has_its_groups_and_account_in_the_policy() -> None:
    k10 = k10_of(namespace="veeam", account="backup", api_domain="kio.veeam")
    policy = yaml.safe_load(rendered(rules_of(Asked(), k10=k10, now=0.0).rule_sets, k10))
    groups = {each["group"] for rule in policy["rules"] for each in rule.get("resources", ())}
    assert "config.kio.veeam" in groups
    assert not [group for group in groups if group.endswith("kio.kasten.io")]
    assert "system:serviceaccount:veeam:backup" in {user for rule in policy["rules"] for user in rule.get("users", ())}


@pytest.mark.parametrize(
    ("verb", "group", "resource", "level"),
    [
        ("create", "", "events", "None"),
        ("patch", "events.k8s.io", "events", "None"),
        ("deletecollection", "snapshot.storage.k8s.io", "volumesnapshotcontents", "Metadata"),
        ("list", POLICIES, "policies", "Metadata"),
        ("get", "reporting.kio.kasten.io", "reports", "Metadata"),
        ("list", "", "secrets", "Metadata"),
        ("list", "", "pods", "None"),
        ("get", "apps", "deployments", "None"),
    ],
)
def test_kinds_of_which_rules_look_at_little_are_logged_little(
    verb: str, group: str, resource: str, level: str
) -> None:
    asked = Question(verb=verb, group=group, resource=resource, users=("eve",), namespaces=("shop",))
    assert _decision(asked)[0] == level


@pytest.mark.parametrize(("namespace", "level"), [("kasten-io", "Metadata"), ("shop", "None")])
def test_deleted_events_are_logged_where_a_rule_looks_at_them(namespace: str, level: str) -> None:
    assert _decision(Question(verb="delete", resource="events", namespaces=(namespace,)))[0] == level


def test_what_somebody_reads_in_the_name_of_k10_is_no_reason_to_log_every_read() -> None:
    rules = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    found = {each.rule: each.visibility.level for each in checked(rendered(rules, K10), rules, K10)}
    assert found["k10-account-impersonated"] == found["k10-token-outside-k10"] == "Partial"


def test_a_rule_that_looks_at_anything_has_every_read_logged(tmp_path: Path) -> None:
    (tmp_path / "eve.yaml").write_text("[{name: eve, match: {users: [eve]}}]", encoding="utf-8")
    rules = rules_of(Asked(files=(tmp_path / "eve.yaml",)), k10=K10, now=0.0).rule_sets
    asked = Question(verb="get", group="apps", resource="deployments", users=("eve",))
    assert answer(read_policy(rendered(rules, K10)), asked).decision.level == "Metadata"


SERVICES = """
- name: led-elsewhere
  match: {apiGroups: [""], resources: [services], verbs: [update, patch], evidence: [Audited]}
  where: [{field: object.spec.type, operator: Equals, values: [ExternalName]}]
- name: set-up
  match: {apiGroups: [batch], resources: [jobs], verbs: [update, patch]}
  where: [{field: object.spec.suspend, operator: Equals, values: ["true"]}]
"""


@pytest.mark.parametrize(
    ("where", "elsewhere"),
    [
        ("{field: target.namespace, operator: In, values: [kasten-io, kasten-io-mc]}", "Metadata"),
        ("{field: target.namespace, operator: StartsWith, values: [kasten]}", "RequestResponse"),
        ("{field: target.name, operator: Equals, values: [gateway]}", "RequestResponse"),
    ],
)
def test_what_rules_look_at_in_some_namespaces_alone_is_logged_whole_there_alone(
    tmp_path: Path, where: str, elsewhere: str
) -> None:
    rules = _rules(tmp_path, SERVICES.replace("where: [", f"where: [{where}, ")).rule_sets
    policy = read_policy(rendered(rules, K10))
    levels = [
        answer(policy, Question(verb="update", resource="services", namespaces=(place,))).decision.level
        for place in ("kasten-io", "kasten-io-mc", "shop")
    ]
    assert levels == ["RequestResponse", "RequestResponse", elsewhere]
    (verdict,) = [each for each in checked(rendered(rules, K10), rules, K10) if each.rule == "led-elsewhere"]
    assert verdict.visibility.level == "Full"


def test_the_content_of_a_patch_is_logged_where_nothing_else_tells_what_it_did(tmp_path: Path) -> None:
    rules = _rules(tmp_path, SERVICES).rule_sets
    policy = read_policy(rendered(rules, K10))
    asked = [
        ("", "services", "patch"),
        ("", "services", "update"),
        ("batch", "jobs", "patch"),
        ("batch", "jobs", "update"),
    ]
    levels = [
        answer(policy, Question(verb=verb, group=group, resource=resource)).decision.level
        for group, resource, verb in asked
    ]
    assert levels == ["RequestResponse", "RequestResponse", "Metadata", "RequestResponse"]
    patched = answer(policy, Question(verb="patch", resource="services")).decision
    assert not patched.omitted, "an event that its body takes along leaves its begin"
    assert not next(
        each for each in checked(rendered(rules, K10), rules, K10) if each.rule == "led-elsewhere"
    ).is_blinded


def test_a_rule_that_looks_at_anything_of_anybody_is_shown_k10s_watches_too(tmp_path: Path) -> None:
    rules = _rules(tmp_path, "[{name: read, match: {namespaces: [kasten-io], verbs: [watch, list]}}]").rule_sets
    asked = Question(verb="watch", group="apps", resource="deployments", namespaces=("kasten-io",), users=(ACCOUNT,))
    assert answer(read_policy(rendered(rules, K10)), asked).decision.level == "Metadata"
    (verdict,) = checked(rendered(rules, K10), rules, K10)
    assert verdict.visibility.level == "Full"
