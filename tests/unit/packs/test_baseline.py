"""The baseline pack: every rule is complete, passes its own tests, and has a page that says what to do."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.pack import NamedList
from auditwatch.api.rules import Rule
from auditwatch.api.ruletests import RuleTest
from auditwatch.api.where import Where
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import needles_of, without_needle
from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack
from auditwatch.detection.selftest import TestResult, run_rule_tests
from auditwatch.detection.showing import shown_rows
from auditwatch.detection.signal import Signal
from auditwatch.detection.signals import GAP_RULE
from auditwatch.events.derived import CREDENTIAL_ID
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import WATCHED_KINDS
from auditwatch.k10.view import InstalledK10

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
NAMESPACED_API = K10Instance(api_domain="kio.backup.k10")
ELSEWHERE = K10Instance(namespace="backup-k10", service_account="backup-k10-k10", api_domain="kio.backup.k10")
PACKS, PROBLEMS = built_in_packs()
METADATA = {"name": "daily", "namespace": "kasten-io"}
POLICY = {"apiGroup": "config.kio.kasten.io", "resource": "policies", **METADATA}
SCALED = {"apiGroup": "apps", "resource": "deployments", "name": "catalog-svc", "subresource": "scale"}
MINTED = {"resource": "serviceaccounts", "name": "backup-k10-k10", "subresource": "token"}


def _pack() -> LoadedPack:
    pack = find_pack(PACKS, "k10-baseline", "1")
    assert pack is not None
    return pack


PACK = _pack()
RULES = [rule for _, rule in PACK.rules]
OF_MATCH = [rule for rule in RULES if rule.match is not None]


def _name(rule: Rule) -> str:
    return rule.name


def _compiled(instance: K10Instance, *lists: NamedList) -> RuleSet:
    use = PackUse("spec.packs[0]", PackReference(name=PACK.name, version=PACK.version), PACK)
    rule_set, problems = compile_watch(
        RuleSource(watch="k10-auditwatch/k10", packs=[use], lists=lists), k10=InstalledK10(instance), now=0
    )
    assert problems == ()
    return rule_set


def _failed(results: list[TestResult]) -> list[str]:
    return [f"{result.rule}: {result.test}: {'; '.join(result.failures)}" for result in results if result.failures]


def test_the_pack_is_read_without_a_problem() -> None:
    assert PROBLEMS == ()
    assert PACK.left_out == {}


def test_it_is_one_pack_though_it_stands_in_several_files() -> None:
    assert [pack.reference for pack in PACKS].count(PACK.reference) == 1
    assert len(RULES) == len({rule.name for rule in RULES}) >= 100


def test_every_rule_compiles_and_stays_in_force() -> None:
    assert set(_compiled(K10Instance()).rules) == {rule.name for rule in RULES}


def test_every_test_written_in_a_rule_passes() -> None:
    results = list(run_rule_tests(_compiled(K10Instance())))
    assert len(results) == sum(len(rule.tests) for rule in RULES)
    assert _failed(results) == []


def test_they_pass_for_a_k10_with_an_api_domain_of_its_own() -> None:
    # Tests name groups as rules do; roles and admission rules hold groups as text, in either domain.
    assert _failed(list(run_rule_tests(_compiled(NAMESPACED_API)))) == []


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_rule_says_what_happened_how_bad_it_is_and_what_to_do(rule: Rule) -> None:
    assert rule.title
    assert len(rule.description) > 60
    assert len(rule.remediation) > 60
    assert rule.attack
    assert rule.tags


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_rule_has_tests_for_and_against_it(rule: Rule) -> None:
    expectations = {test.expect for test in rule.tests}
    assert {"Match", "NoMatch"} <= expectations


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_runbook_says_what_to_check_how_to_undo_it_and_when_it_is_harmless(rule: Rule) -> None:
    text = (RUNBOOKS / f"{rule.runbook}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {rule.runbook}\n")
    for heading in ("## Check first", "## Undo", "## When it is harmless"):
        assert text.count(f"\n{heading}\n") == 1
    assert text.count("```") % 2 == 0


def test_every_rule_that_makes_findings_has_a_runbook_of_its_own() -> None:
    names = [rule.runbook for rule in RULES if rule.emit == "Finding"]
    assert len(names) == len(set(names))
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*names, GAP_RULE}


@pytest.mark.parametrize("rule", OF_MATCH, ids=_name)
def test_a_rule_that_takes_watched_state_looks_only_at_kinds_that_are_watched(rule: Rule) -> None:
    assert rule.match is not None
    if rule.match.evidence is not None and "State" not in rule.match.evidence:
        return
    watched = {(kind.group, kind.resource) for kind in WATCHED_KINDS}
    groups, resources = rule.match.api_groups or (), rule.match.resources or ()
    looked_at = {(group, resource.partition("/")[0]) for group in groups for resource in resources}
    assert looked_at
    assert looked_at <= watched


def test_rule_names_leave_room_in_the_names_of_findings() -> None:
    # The first 46 characters of a rule's name lead a finding's name: no two rules may share them.
    assert len({rule.name[:46] for rule in RULES}) == len(RULES)


def test_what_retention_does_every_day_makes_one_quiet_finding_per_policy() -> None:
    rule = next(rule for rule in RULES if rule.name == "restore-point-content-deleted")
    assert rule.severity == "Low"
    assert rule.finding is not None
    assert rule.finding.group_by == ("target.resource", "k10.policyNamespace", "k10.policyName")


def test_what_costs_recovery_at_once_wakes_somebody() -> None:
    critical = {rule.name for rule in RULES if rule.severity == "Critical"}
    assert {
        "restore-point-contents-deleted-many",
        "disaster-recovery-off",
        "immutability-cut",
        "k10-scaled-to-zero",
        "k10-crd-deleted",
        "k10-namespace-deleted",
    } <= critical


def test_nothing_in_the_pack_makes_a_source_decode_every_event() -> None:
    compiled = _compiled(K10Instance())
    assert without_needle(compiled) == ()
    assert not needles_of([compiled]).reads_everything


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("k10-pod-entered", {"verb": "get", "objectRef": {"resource": "pods", "name": "x", "subresource": "exec"}}),
        ("k10-scaled-to-zero", {"verb": "patch", "requestObject": {"spec": {"replicas": 0}}, "objectRef": SCALED}),
        ("k10-token-minted", {"verb": "create", "objectRef": MINTED}),
        ("k10-secrets-listed", {"verb": "list", "objectRef": {"resource": "secrets"}}),
    ],
)
def test_a_k10_that_is_installed_elsewhere_is_found_there(name: str, event: dict[str, Any]) -> None:
    compiled = _compiled(ELSEWHERE)
    reference = {**event["objectRef"], "namespace": "backup-k10"}
    shown = {**event, "user": {"username": "eve"}, "objectRef": reference}
    assert _says(compiled, name, shown)
    assert not _says(compiled, name, {**shown, "objectRef": {**reference, "namespace": "shop"}})


def test_a_k10_that_is_called_otherwise_is_known_by_its_account() -> None:
    mine = {"username": ELSEWHERE.account, "extra": {CREDENTIAL_ID: ["JTI=1"]}}
    assert _says(_compiled(ELSEWHERE), "k10-token-outside-k10", {"verb": "list", "user": mine})
    assert not _says(_compiled(K10Instance()), "k10-token-outside-k10", {"verb": "list", "user": mine})


@pytest.mark.parametrize("name", ["k10-operators", "key-rotators", "gitops", "trusted-impersonators"])
def test_nobody_is_excepted_until_somebody_is_named(name: str) -> None:
    assert [named.values for named in PACK.lists if named.name == name] == [()]
    assert [rule for rule in RULES if any(_names_list(each.where, name) for each in rule.exceptions)]


def test_who_is_named_is_excepted_and_who_acts_in_their_name_is_not() -> None:
    deed = {"verb": "create", "objectRef": {"apiGroup": "vault.kio.kasten.io", "resource": "passkeys"}}
    rotates = _compiled(K10Instance(), NamedList(name="key-rotators", values=("olivia",)))
    assert _says(_compiled(K10Instance()), "passkey-created", {**deed, "user": {"username": "olivia"}})
    assert not _says(rotates, "passkey-created", {**deed, "user": {"username": "olivia"}})
    pretends: dict[str, Any] = {"user": {"username": "eve"}, "impersonatedUser": {"username": "olivia"}}
    assert _says(rotates, "passkey-created", {**deed, **pretends})


@pytest.mark.parametrize(
    ("name", "verb", "reference"),
    [
        ("profile-created", "create", {"apiGroup": "config.kio.kasten.io", "resource": "profiles"}),
        ("blueprint-deleted", "delete", {"apiGroup": "cr.kanister.io", "resource": "blueprints"}),
        ("blueprint-binding-deleted", "delete", {"apiGroup": "config.kio.kasten.io", "resource": "blueprintbindings"}),
        ("k10-settings-deleted", "delete", {"resource": "configmaps", "name": "k10-config"}),
        (
            "restore-data-written-unseen",
            "patch",
            {"apiGroup": "apps.kio.kasten.io", "resource": "restorepointcontents"},
        ),
    ],
)
def test_who_applies_from_git_is_excepted_by_name_alone(name: str, verb: str, reference: dict[str, Any]) -> None:
    deed = {"verb": verb, "objectRef": {"name": "x", "namespace": "kasten-io", **reference}, "userAgent": "flux"}
    trusting = _compiled(K10Instance(), NamedList(name="gitops", values=("flux",)))
    assert not _says(trusting, name, {**deed, "user": {"username": "flux"}})
    assert _says(trusting, name, {**deed, "user": {"username": "eve"}})
    assert _says(trusting, name, {**deed, "user": {"username": "eve"}, "impersonatedUser": {"username": "flux"}})


def test_a_front_end_that_is_trusted_may_act_for_people_and_not_for_k10() -> None:
    front_end = {"username": "system:serviceaccount:cattle-impersonation-system:cattle-impersonation-u-x7k2p"}
    trusting = _compiled(
        K10Instance(), NamedList(name="trusted-impersonators", values=("system:serviceaccount:cattle-*:*",))
    )
    deed = {
        "verb": "list",
        "user": front_end,
        "objectRef": {"apiGroup": "config.kio.kasten.io", "resource": "policies"},
    }
    as_jane, as_k10 = ({**deed, "impersonatedUser": {"username": name}} for name in ("jane", K10Instance().account))
    assert _says(_compiled(K10Instance()), "impersonation-at-k10", as_jane)
    assert not _says(trusting, "impersonation-at-k10", as_jane)
    assert _says(trusting, "k10-account-impersonated", as_k10)


def test_the_same_rule_is_fed_by_requests_and_by_state_and_names_who_it_was() -> None:
    compiled = _compiled(K10Instance())
    deed = {"verb": "delete", "user": {"username": "eve"}, "objectRef": POLICY}
    changes = ({"resource": "config.kio.kasten.io/policies", "old": {"metadata": METADATA}, "new": None},)
    by_state = _signals(compiled, "policy-deleted", state=changes)
    by_request = _signals(compiled, "policy-deleted", deed)
    by_both = _signals(compiled, "policy-deleted", deed, state=changes)
    assert [len(signals) for signals in (by_state, by_request, by_both)] == [1, 1, 1]
    assert by_state[0].group == by_request[0].group == by_both[0].group
    assert [signals[0].title for signals in (by_state, by_both)] == [
        "Policy kasten-io/daily was deleted",
        "Policy kasten-io/daily was deleted by eve",
    ]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.severity == "Critical" and rule.match], ids=_name)
def test_a_rule_that_wakes_somebody_says_whom_or_what_it_saw(rule: Rule) -> None:
    assert rule.title is not None
    assert "{" in rule.title


def _names_list(where: Where, name: str) -> bool:
    return any(clause.list_name == name for clause in where)


def _signals(compiled: RuleSet, name: str, *events: dict[str, Any], state: Sequence[Any] = ()) -> list[Signal]:
    written = {"state": [json.dumps(each) for each in state], "events": [json.dumps(each) for each in events]}
    shown = {kind: each for kind, each in written.items() if each}
    test = RuleTest.model_validate({"name": "shown", "expect": "Match", **shown})
    detector = Detector()
    detector.install(compiled, in_force_from={})
    rows = enumerate(shown_rows(compiled, test), start=1)
    signals = [signal for sequence, row in rows for signal in detector.observe(sequence, row)]
    return [signal for signal in signals if signal.rule == name and signal.emits_finding]


def _says(compiled: RuleSet, name: str, event: dict[str, Any]) -> bool:
    return bool(_signals(compiled, name, event))


OF_BODIES = re.compile(r"\{(?:object|oldObject|changes|k10)[.}]")


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_a_title_ends_before_what_a_log_without_bodies_does_not_show(rule: Rule) -> None:
    titles = [rule.title, *(each.title for each in [rule.on_unknown] if each)]

    assert [title for title in titles if title and OF_BODIES.search(title)] == []
