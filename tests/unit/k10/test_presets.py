"""A policy with a preset is as strong as the preset."""

from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Activity, Target
from auditwatch.k10.presets import MAX_PRESETS, Presets, effective_policy, preset_of

JSONObject = dict[str, Any]
GOLD: JSONObject = {"spec": {"backup": {"frequency": "@hourly", "retention": {"daily": 7}}}}


def _policy(**spec: object) -> JSONObject:
    return {"metadata": {"name": "p", "namespace": "backup"}, "spec": spec}


def test_a_policy_without_a_preset_names_none() -> None:
    assert preset_of(_policy(frequency="@daily")) is None
    assert preset_of({"metadata": {}}) is None


def test_a_preset_is_looked_for_where_the_policy_says() -> None:
    assert preset_of(_policy(presetRef={"name": "gold", "namespace": "kasten-io"})) == ("kasten-io", "gold")


def test_a_preset_without_a_namespace_is_beside_its_policy() -> None:
    assert preset_of(_policy(presetRef={"name": "gold"})) == ("backup", "gold")


def test_the_preset_decides() -> None:
    policy = _policy(presetRef={"name": "gold"}, frequency="@monthly")
    assert effective_policy(policy, GOLD)["effective"] == {"frequency": "@hourly", "retention": {"daily": 7}}


def test_what_the_preset_leaves_open_the_policy_says() -> None:
    policy = _policy(presetRef={"name": "gold"}, backupWindow={"start": 1})
    assert effective_policy(policy, GOLD)["effective"]["backupWindow"] == {"start": 1}


OFFSITE: JSONObject = {"profile": {"name": "offsite"}, "exportData": {"enabled": True}}


def test_the_preset_decides_where_exports_go_and_for_how_long() -> None:
    preset = {"spec": {"backup": {"frequency": "@daily"}, "export": {**OFFSITE, "retention": {"daily": 3}}}}
    policy = _policy(presetRef={"name": "gold"}, actions=[{"action": "export", "exportParameters": {"profile": {}}}])
    assert effective_policy(policy, preset)["effective"]["export"] == {
        **OFFSITE,
        "frequency": "@daily",
        "retention": {"daily": 3},
    }


def test_exports_without_a_schedule_or_retention_of_their_own_follow_the_backups() -> None:
    preset = {"spec": {**GOLD["spec"], "export": OFFSITE}}
    assert effective_policy(_policy(presetRef={"name": "gold"}), preset)["effective"]["export"] == {
        **OFFSITE,
        **GOLD["spec"]["backup"],
    }


def test_where_the_preset_has_no_export_that_of_the_policy_counts_without_what_opens_it() -> None:
    export = {"action": "export", "exportParameters": {**OFFSITE, "receiveString": "x"}, "retention": {"daily": 2}}
    policy = _policy(presetRef={"name": "gold"}, actions=[{"action": "backup"}, export])
    assert effective_policy(policy, GOLD)["effective"]["export"] == {
        **OFFSITE,
        "frequency": "@hourly",
        "retention": {"daily": 2},
    }


@pytest.mark.parametrize("actions", ["export", ["export"], [{"action": "backup"}], None, {"action": "export"}])
def test_a_policy_without_an_export_has_none_in_effect(actions: object) -> None:
    assert "export" not in effective_policy(_policy(presetRef={"name": "gold"}, actions=actions), GOLD)["effective"]


def test_nothing_is_claimed_of_a_preset_nobody_saw() -> None:
    policy = _policy(presetRef={"name": "gold"})
    assert effective_policy(policy, None) == policy


def test_a_policy_that_names_no_preset_is_as_it_is() -> None:
    policy = _policy(frequency="@daily")
    assert effective_policy(policy, GOLD) == policy


def test_the_policy_itself_is_not_touched() -> None:
    policy = _policy(presetRef={"name": "gold"})
    effective_policy(policy, GOLD)
    assert "effective" not in policy


GROUP = "config.kio.kasten.io"
BRONZE: JSONObject = {"spec": {"backup": {"frequency": "@daily", "retention": {"daily": 1}}}}


def _activity(resource: str, name: str, old: JSONObject | None, new: JSONObject | None, **parts: Any) -> Activity:
    verb: Any = "create" if old is None else "delete" if new is None else "update"
    filled: dict[str, Any] = (
        {"key": name, "time": 0.0, "cluster": "prod", "source": "state", "evidence": "State", "verb": verb}
        | {"target": Target(group=GROUP, version="v1alpha1", resource=resource, namespace="kasten-io", name=name)}
        | {"object": new, "old_object": old}
        | parts
    )
    return Activity(**filled)


def _repointed(old: str, new: str, **parts: Any) -> Activity:
    policies = [_policy(presetRef={"name": name, "namespace": "kasten-io"}) for name in (old, new)]
    return _activity("policies", "p", *policies, **parts)


def _told() -> Presets:
    presets = Presets()
    for name, preset in (("gold", GOLD), ("bronze", BRONZE)):
        presets.completed(_activity("policypresets", name, None, preset))
    return presets


def test_a_change_of_preset_is_told_with_what_counted_before_and_after() -> None:
    assert _told().completed(_repointed("gold", "bronze")).effective == (
        {"frequency": "@hourly", "retention": {"daily": 7}},
        {"frequency": "@daily", "retention": {"daily": 1}},
    )


def test_a_policy_of_its_own_numbers_is_compared_with_the_preset_it_takes() -> None:
    change = _activity("policies", "p", _policy(retention={"daily": 30}), _policy(presetRef={"name": "gold"}))
    presets = Presets(lambda _group, namespace, name: GOLD if (namespace, name) == ("backup", "gold") else None)
    assert presets.completed(change).effective == (
        {"retention": {"daily": 30}},
        {"frequency": "@hourly", "retention": {"daily": 7}},
    )


def test_the_latest_version_of_a_preset_counts() -> None:
    presets = _told()
    presets.completed(_activity("policypresets", "bronze", BRONZE, GOLD))
    effective = presets.completed(_repointed("gold", "bronze")).effective
    assert isinstance(effective, tuple)
    assert effective[0] == effective[1]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_repointed("gold", "tin"), id="a preset nobody saw"),
        pytest.param(_activity("policies", "p", _policy(), _policy(frequency="@daily")), id="no preset at all"),
        pytest.param(_repointed("gold", "bronze", old_object=msgspec.UNSET), id="a version nobody saw"),
        pytest.param(_activity("policies", "p", _policy(presetRef={"name": "gold"}), None), id="a deletion"),
    ],
)
def test_nothing_is_said_of(change: Activity) -> None:
    assert _told().completed(change) == change


def test_a_deleted_preset_is_known_no_more_whatever_was_remembered() -> None:
    presets = Presets(lambda _group, _namespace, _name: GOLD)
    presets.completed(_activity("policypresets", "bronze", BRONZE, None))
    assert presets.completed(_repointed("gold", "bronze")).effective is msgspec.UNSET


def test_a_refused_change_of_a_preset_changes_nothing() -> None:
    presets = _told()
    presets.completed(_activity("policypresets", "gold", GOLD, BRONZE, outcome="Denied"))
    effective = presets.completed(_repointed("gold", "bronze")).effective
    assert isinstance(effective, tuple)
    assert effective[0]["retention"] == {"daily": 7}


@pytest.mark.parametrize("hostile", ["gold", ["gold"], {"name": ["gold"]}, {"name": "gold", "namespace": 7}])
def test_a_reference_of_the_wrong_shape_names_nothing_it_should_not(hostile: Any) -> None:
    change = _activity("policies", "p", _policy(presetRef=hostile), _policy(presetRef={"name": "gold"}))
    assert _told().completed(change).effective is msgspec.UNSET


def test_presets_are_bounded() -> None:
    presets = _told()
    for number in range(MAX_PRESETS):
        presets.completed(_activity("policypresets", f"p{number}", None, BRONZE))
    assert presets.completed(_repointed("gold", "p1")).effective is msgspec.UNSET
