"""A policy with a preset is as strong as the preset."""

from typing import Any

from auditwatch.k10.presets import effective_policy, preset_of

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
