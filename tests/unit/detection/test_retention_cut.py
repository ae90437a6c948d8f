"""The rule ``retention-cut`` as the language must be able to say it: every way of cutting, and no false alarm."""

from __future__ import annotations

from typing import Any

import pytest

from .building import change, signals, spec

RULE = """
- name: retention-cut
  title: "{actor.id} cut the retention of {target.name}"
  severity: Medium
  severityWhen:
  - severity: High
    where:
    - forAny:
        path: changes
        where:
        - field: $.path
          operator: Glob
          values: ["spec.retention.*", "spec.backup.retention.*", "spec.actions[*].retention.*"]
        - {field: $, operator: DecreasedBy, percent: 50, missingAs: "0"}
  match:
    apiGroups: [config.kio.kasten.io]
    resources: [policies, policypresets]
    verbs: [update, patch]
  where:
  - forAny:
      path: changes
      where:
      - field: $.path
        operator: Glob
        values: ["spec.retention.*", "spec.backup.retention.*", "spec.actions[*].retention.*"]
      - {field: $, operator: Decreased, missingAs: "0"}
"""
PRESETS = "config.kio.kasten.io/policypresets"


def _severities(old: dict[str, Any], new: dict[str, Any], kind: str = "config.kio.kasten.io/policies") -> list[str]:
    return [signal.severity for signal in signals(RULE, change(old, new, kind=kind))]


def _retention(**counts: int) -> dict[str, Any]:
    return spec(retention=counts)


@pytest.mark.parametrize(
    ("daily", "severities"), [(29, ["Medium"]), (16, ["Medium"]), (15, ["High"]), (0, ["High"]), (30, []), (31, [])]
)
def test_a_cut_is_as_severe_as_it_is_deep(daily: int, severities: list[str]) -> None:
    assert _severities(_retention(daily=30), _retention(daily=daily)) == severities


def test_a_removed_daily_count_is_a_decrease() -> None:
    assert _severities(_retention(daily=30, weekly=4), _retention(weekly=4)) == ["High"]


def test_a_replaced_spec_is_the_cuts_in_it() -> None:
    assert _severities(spec(frequency="@daily", retention={"daily": 30}), spec(frequency="@daily")) == ["High"]
    assert _severities(spec(retention={"daily": 30}), spec(retention={"daily": 28}, comment="x")) == ["Medium"]


def test_another_count_raised_does_not_hide_the_cut() -> None:
    assert _severities(_retention(daily=30, hourly=1), _retention(daily=20, hourly=24)) == ["Medium"]


def test_an_exports_own_retention_is_looked_at() -> None:
    def policy(daily: int, *, turned: bool = False) -> dict[str, Any]:
        actions: list[dict[str, Any]] = [{"action": "backup"}, {"action": "export", "retention": {"daily": daily}}]
        return spec(actions=actions[::-1] if turned else actions)

    assert _severities(policy(30), policy(7)) == ["High"]
    assert _severities(policy(30), policy(30, turned=True)) == []
    assert _severities(policy(30), policy(25, turned=True)) == ["Medium"]


def test_a_presets_retention_is_looked_at() -> None:
    old, new = spec(backup={"retention": {"monthly": 12}}), spec(backup={"retention": {"monthly": 1}})
    assert _severities(old, new, PRESETS) == ["High"]


def test_a_count_written_as_text_is_compared_as_a_number() -> None:
    old: dict[str, Any] = spec(retention={"daily": "30"})
    assert _severities(old, spec(retention={"daily": "9"})) == ["High"]
    assert _severities(old, spec(retention={"daily": "100"})) == []


def test_a_retention_that_appears_is_no_cut() -> None:
    assert _severities(spec(), _retention(daily=7)) == []


def test_a_deletion_is_not_this_rule() -> None:
    assert signals(RULE, change(_retention(daily=7), None)) == []


def test_the_title_is_honest_about_an_actor_nobody_saw() -> None:
    [signal] = signals(RULE, change(_retention(daily=7), _retention(daily=1)))
    assert signal.title == "unknown cut the retention of daily"
    assert [(each.path, each.old, each.new) for each in signal.changes] == [("spec.retention.daily", 7, 1)]
