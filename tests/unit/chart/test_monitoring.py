"""Alerts and dashboard name metrics that exist, labels they have, and pages that are there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.unit.chart.rendering import CHART, ROOT, Object, objects, the

ON = """
metrics:
  serviceMonitor: {enabled: true, labels: {release: prometheus}}
  prometheusRule: {enabled: true}
  dashboard: {enabled: true}
"""
METRIC = re.compile(r"\bauditwatch_[a-z_]+\b")
PAGE = (ROOT / "docs" / "reference" / "metrics.md").read_text()
ALERTS = (ROOT / "docs" / "reference" / "alerts.md").read_text()


def metrics() -> dict[str, set[str]]:
    """Labels by metric, from the page that tests hold to the code."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")
    ]
    return {
        name: {label.strip() for label in row[2].split(",")} - {""} for row in rows for name in METRIC.findall(row[0])
    }


def alerts() -> list[Object]:
    [rule] = objects(ON, "PrometheusRule")
    return [each for group in rule["spec"]["groups"] for each in group["rules"]]


def dashboard() -> Any:
    return json.loads(the(ON, "ConfigMap", "k10-auditwatch-dashboard")["data"]["k10-auditwatch.json"])


def queries() -> list[str]:
    return [each["expr"] for each in alerts()] + [
        target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]
    ]


def test_every_query_asks_for_metrics_that_are_served() -> None:
    asked = {name for query in queries() for name in METRIC.findall(query)}

    assert len(asked) >= 10
    assert asked <= metrics().keys()


def test_every_label_an_alert_speaks_of_is_one_its_metric_has() -> None:
    for each in alerts():
        [metric] = METRIC.findall(each["expr"])
        spoken = set(re.findall(r"\$labels\.(\w+)", each["annotations"]["description"]))
        asked = set(re.findall(r"[{,]\s*(\w+)\s*=~?", each["expr"])) - {"namespace"}
        assert spoken | asked <= metrics()[metric], each["alert"]


def test_an_alert_is_about_this_release_and_says_what_to_do() -> None:
    for each in alerts():
        assert 'namespace="k10-auditwatch"' in each["expr"]
        assert each["labels"]["severity"] in {"critical", "warning"}
        assert each["annotations"]["summary"].endswith(".")
        assert each["annotations"]["runbook_url"] == f"docs/reference/alerts.md#{each['alert'].lower()}"


def test_every_alert_has_its_section_in_the_reference_and_every_section_its_alert() -> None:
    assert sorted(re.findall(r"^## (\w+)$", ALERTS, re.MULTILINE)) == [each["alert"] for each in alerts()]


def test_every_alert_carries_the_address_that_the_values_give() -> None:
    values = ON.replace(
        "prometheusRule: {enabled: true", "prometheusRule: {enabled: true, runbookURL: 'https://r.example.com/{alert}'"
    )
    [rule] = objects(values, "PrometheusRule")

    addresses = [each["annotations"]["runbook_url"] for each in rule["spec"]["groups"][0]["rules"]]
    assert "https://r.example.com/auditwatchdown" in addresses


def test_the_monitor_reads_the_port_that_the_service_has() -> None:
    [monitor] = objects(ON, "ServiceMonitor")
    service = the(ON, "Service")

    assert monitor["spec"]["endpoints"][0]["port"] in [each["name"] for each in service["spec"]["ports"]]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_the_dashboard_is_one_that_grafana_finds_and_its_panels_do_not_overlap() -> None:
    config_map = the(ON, "ConfigMap", "k10-auditwatch-dashboard")
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    taken = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]

    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PrometheusRule", "PodDisruptionBudget"])
def test_nothing_of_it_is_there_by_default(kind: str) -> None:
    assert objects("", kind) == []


def test_a_disruption_budget_lets_nodes_be_drained_unless_somebody_forbids_it() -> None:
    [budget] = objects("podDisruptionBudget: {enabled: true}", "PodDisruptionBudget")

    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"] == the("", "Deployment")["spec"]["selector"]


def test_alerts_are_plain_data_in_a_file_of_their_own() -> None:
    assert sorted(yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())) == [each["alert"] for each in alerts()]
