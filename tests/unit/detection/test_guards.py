"""The rules that no AuditWatch can change, taken out of the shipped packs, and what an AuditWatch has without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auditwatch.api.auditwatch import PackReference
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.detector import Detector
from auditwatch.detection.guards import ACCOUNTS, GUARDS, NAMESPACES, guard_key, guard_rules, own_lists, unguarded
from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack
from auditwatch.detection.statesight import hidden
from auditwatch.events.activity import Gap
from auditwatch.k10.view import InstalledK10


def baseline() -> LoadedPack:
    pack = find_pack(built_in_packs()[0], "k10-baseline", "1")
    assert pack is not None
    return pack


def use(**reference: Any) -> PackUse:
    written: Mapping[str, Any] = {"name": "k10-baseline", "version": "1", **reference}
    return PackUse("spec.packs[0]", PackReference.model_validate(written), baseline())


def test_the_rule_set_has_all_of_them_and_nothing_else() -> None:
    rule_set = guard_rules(built_in_packs()[0], operator_namespace="aw", k10=InstalledK10(), since=7.0, now=9.0)

    assert set(rule_set.rules) == GUARDS
    assert (rule_set.watch, rule_set.since, rule_set.tenant) == (guard_key("aw"), 7.0, None)
    assert not any(rule.is_muted or rule.unresolved for rule in rule_set.rules.values())


def test_what_nobody_saw_is_told_by_audit_watches_alone() -> None:
    gap = Gap(cluster="c", source="state", subject="pods", reason="HistoryLost", message="m", start=1.0, end=2.0)
    detector = Detector()
    detector.install(
        guard_rules(built_in_packs()[0], operator_namespace="aw", k10=InstalledK10(), since=0.0, now=0.0),
        in_force_from={},
    )
    assert detector.observe(1, gap) == []

    detector.install(compile_watch(RuleSource(watch="aw/k10"), k10=InstalledK10(), now=0.0)[0], in_force_from={})
    assert [signal.watch for signal in detector.observe(2, gap)] == ["aw/k10"]


def test_none_of_them_asks_a_list_that_people_fill() -> None:
    people = {named.name for named in baseline().lists if not named.values}
    assert people >= {"gitops", "k10-operators"}

    for _, rule in baseline().rules:
        if rule.name in GUARDS:
            assert not [name for name in people if f"'{name}'" in str(rule.model_dump())], rule.name


def test_each_of_them_is_fed_by_watched_state_too() -> None:
    rule_set = guard_rules(built_in_packs()[0], operator_namespace="aw", k10=InstalledK10(), since=0.0, now=0.0)

    assert {rule.name for rule in rule_set.rules.values() if not hidden(rule)} == GUARDS


def test_an_audit_watch_has_all_others() -> None:
    left, problems = unguarded(use())

    assert left.pack is not None
    assert {rule.name for _, rule in left.pack.rules} == {rule.name for _, rule in baseline().rules} - GUARDS
    assert (left.path, left.reference, problems) == ("spec.packs[0]", use().reference, ())


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"disable": ["policy-paused", "watch-loosened"]}, "spec.packs[0].disable[1]"),
        ({"overrides": [{"rule": "watch-silenced", "mute": True}]}, "spec.packs[0].overrides[0].rule"),
    ],
)
def test_whoever_asks_for_less_of_them_is_told_that_they_stay(asked: dict[str, Any], path: str) -> None:
    left, (problem,) = unguarded(use(**asked))

    assert (problem.path, problem.fatal) == (path, False)
    assert "stays in force as it is" in problem.message
    assert not GUARDS & {*left.reference.disable, *(each.rule for each in left.reference.overrides)}


def test_what_else_is_asked_of_a_pack_is_kept() -> None:
    wanted = use(disable=["policy-paused", "watch-silenced"], overrides=[{"rule": "retention-cut", "mute": True}])
    left, _ = unguarded(wanted)

    assert left.reference.disable == ("policy-paused",)
    assert left.reference.overrides == wanted.reference.overrides


def test_a_pack_that_is_not_there_is_told_of_elsewhere() -> None:
    missing = PackUse("spec.packs[0]", PackReference(name="ours", disable=("watch-silenced",)), None)

    assert unguarded(missing) == (missing, ())


@pytest.mark.parametrize(
    ("account", "added"),
    [
        ("system:serviceaccount:aw:x", {NAMESPACES: ("aw",), ACCOUNTS: ("system:serviceaccount:aw:x",)}),
        ("", {NAMESPACES: ("aw",)}),
    ],
)
def test_an_operator_adds_what_it_is_to_lists_that_the_pack_has(
    account: str, added: dict[str, tuple[str, ...]]
) -> None:
    lists = own_lists(namespace="aw", account=account)

    assert {each.name: each.values for each in lists} == added
    assert added.keys() <= {named.name for named in baseline().lists}
