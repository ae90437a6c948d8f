"""Which findings get an object, and in which namespace a watch may put them."""

from __future__ import annotations

import pytest

from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.findings.policy import FindingPolicy, finding_namespace


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_severity_shows_from_the_minimum_upwards(severity: Severity) -> None:
    assert FindingPolicy(min_severity="Medium").shows(severity) is (severity in ("Medium", "High", "Critical"))


def test_findings_go_to_the_watch_s_own_namespace_by_default() -> None:
    assert finding_namespace(watch="shop/k10", wanted="", operator_namespace="k10-auditwatch") == "shop"
    assert FindingPolicy().namespace_of("shop/k10") == "shop"


def test_a_watch_beside_the_operator_may_name_another_namespace() -> None:
    chosen = finding_namespace(watch="k10-auditwatch/k10", wanted="security", operator_namespace="k10-auditwatch")

    assert chosen == "security"
    assert FindingPolicy(namespace=chosen).namespace_of("k10-auditwatch/k10") == "security"


def test_a_watch_elsewhere_may_name_its_own_namespace_only() -> None:
    assert finding_namespace(watch="shop/k10", wanted="shop", operator_namespace="k10-auditwatch") == "shop"
    with pytest.raises(ValueError, match=r"spec\.findings\.namespace: 'security' is accepted only .*leave it empty"):
        finding_namespace(watch="shop/k10", wanted="security", operator_namespace="k10-auditwatch")
