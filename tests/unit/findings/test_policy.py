"""Which findings get an object, and in which namespace a watch may put them."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("retention-cut", "https://wiki.example.com/k10/retention-cut.html"),
        ("https://other.example.com/x", "https://other.example.com/x"),
        ("in the drawer/2", "https://wiki.example.com/k10/in%20the%20drawer/2.html"),
        ("", ""),
    ],
)
def test_a_runbook_is_named_by_where_it_is_to_be_read(written: str, address: str) -> None:
    assert FindingPolicy(runbooks="https://wiki.example.com/k10/{name}.html").runbook_address(written) == address


def test_where_nobody_publishes_runbooks_a_finding_names_the_page_of_this_project() -> None:
    pages = Path(__file__).parents[3]

    assert (pages / FindingPolicy().runbook_address("retention-cut")).is_file()


def test_a_watch_elsewhere_may_name_its_own_namespace_only() -> None:
    assert finding_namespace(watch="shop/k10", wanted="shop", operator_namespace="k10-auditwatch") == "shop"
    with pytest.raises(ValueError, match=r"spec\.findings\.namespace: 'security' is accepted only .*leave it empty"):
        finding_namespace(watch="shop/k10", wanted="security", operator_namespace="k10-auditwatch")
