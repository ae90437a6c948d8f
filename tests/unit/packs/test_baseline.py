"""The baseline pack: every rule is complete, passes its own tests, and has a page that says what to do."""

from pathlib import Path

import pytest

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.rules import Rule
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack
from auditwatch.detection.selftest import TestResult, run_rule_tests
from auditwatch.detection.signals import GAP_RULE
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import WATCHED_KINDS
from auditwatch.k10.view import InstalledK10

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
NAMESPACED_API = K10Instance(namespace="backup-k10", api_domain="kio.backup.k10")
PACKS, PROBLEMS = built_in_packs()


def _pack() -> LoadedPack:
    pack = find_pack(PACKS, "k10-baseline", "1")
    assert pack is not None
    return pack


PACK = _pack()
RULES = [rule for _, rule in PACK.rules]
OF_MATCH = [rule for rule in RULES if rule.match is not None]


def _name(rule: Rule) -> str:
    return rule.name


def _compiled(instance: K10Instance) -> RuleSet:
    use = PackUse("spec.packs[0]", PackReference(name=PACK.name, version=PACK.version), PACK)
    rule_set, problems = compile_watch(
        RuleSource(watch="k10-auditwatch/k10", packs=[use]), k10=InstalledK10(instance), now=0
    )
    assert problems == ()
    return rule_set


def _failed(results: list[TestResult]) -> list[str]:
    return [f"{result.rule}: {result.test}: {'; '.join(result.failures)}" for result in results if result.failures]


def test_the_pack_is_read_without_a_problem() -> None:
    assert PROBLEMS == ()
    assert PACK.left_out == {}


def test_it_holds_at_least_the_rules_that_state_can_feed() -> None:
    assert len(RULES) >= 20


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
def test_a_rule_looks_only_at_kinds_that_are_watched(rule: Rule) -> None:
    assert rule.match is not None
    watched = {(kind.group, kind.resource) for kind in WATCHED_KINDS}
    groups, resources = rule.match.api_groups or (), rule.match.resources or ()
    assert {(group, resource) for group in groups for resource in resources} <= watched


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
