"""Holding: an activity waits for its pod as long as the most patient rule that looks at it says, and no other does."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.holding import hold_seconds
from auditwatch.events.activity import Activity

from .building import K10_ACCOUNT, MATCH_POLICIES, POD, audited, change, rule_set, spec

RULES = f"""
- {{name: patient, settleSeconds: 60, match: {MATCH_POLICIES}}}
- {{name: less-patient, settleSeconds: 30, match: {MATCH_POLICIES}}}
- {{name: other, settleSeconds: 300, match: {{apiGroups: [""], resources: [secrets]}}}}
"""


class _NoPods:
    are_named = True

    def knows(self, _uid: str, _at: float) -> bool | None:
        return None


def _by_k10(**fields: Any) -> Activity:
    return audited(user={"username": K10_ACCOUNT, "extra": {POD: ["p"]}}, **fields)


def test_an_open_pod_is_waited_for_as_long_as_the_most_patient_rule_says() -> None:
    assert hold_seconds(_by_k10(pods=_NoPods()), [rule_set(RULES)]) == 60.0


def test_without_a_patient_rule_nothing_waits() -> None:
    impatient = rule_set(f"- {{name: impatient, match: {MATCH_POLICIES}}}")
    assert hold_seconds(_by_k10(pods=_NoPods()), [impatient]) == hold_seconds(_by_k10(pods=_NoPods()), []) == 0.0


@pytest.mark.parametrize("activity", [_by_k10(), audited(), change(spec(), spec(paused=True))])
def test_what_is_decided_or_names_no_pod_does_not_wait(activity: Activity) -> None:
    assert hold_seconds(activity, [rule_set(RULES)]) == 0.0
