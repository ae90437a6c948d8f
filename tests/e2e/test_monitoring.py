"""Alerts, their queries and the dashboard's, as the Prometheus operator and Prometheus itself read them. `make e2e`."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.cluster.build import ensure
from tests.cluster.programs import MONITORING
from tests.unit.chart.rendering import Object, objects
from tests.unit.chart.test_monitoring import ON, dashboard

pytestmark = pytest.mark.e2e
KINDS = ("ServiceMonitor", "PrometheusRule")
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}
"""What Grafana puts in by itself."""


def read(*made: Object) -> subprocess.CompletedProcess[str]:
    """Exit code 1, and why, where one of them is refused; else the name of each."""
    text = yaml.safe_dump_all(made)
    return subprocess.run([str(ensure(MONITORING))], input=text, capture_output=True, text=True, check=False)


def test_service_monitor_and_alerts_are_read_by_the_operator_that_acts_on_them() -> None:
    made = objects(ON, *KINDS)

    done = read(*made)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{each['kind']}/{each['metadata']['name']}" for each in made]
    assert {each["kind"] for each in made} == set(KINDS)


def test_every_query_of_the_dashboard_is_one_to_prometheus() -> None:
    queries = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]

    done = read(recorded(queries))

    assert len(queries) > 5
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("sum(rate(auditwatch_events_total[5m])", "unclosed left parenthesis"),
        ("rate(auditwatch_events_total)", "expected type range vector"),
        ("nosuchfunction(1)", "unknown function"),
    ],
)
def test_what_is_no_query_is_refused_with_the_reason(wrong: str, reason: str) -> None:
    done = read(recorded([wrong]))

    assert done.returncode == 1
    assert reason in done.stderr


def test_a_field_that_the_operator_does_not_know_is_refused() -> None:
    [monitor] = objects(ON, "ServiceMonitor")

    done = read({**monitor, "spec": {**monitor["spec"], "endpoint": []}})

    assert done.returncode == 1
    assert 'unknown field "endpoint"' in done.stderr


def recorded(queries: list[str]) -> Object:
    """Rules of these queries; a variable of the dashboard's own is any value of it."""
    rules = [{"record": f"query:{number}", "expr": _filled(each)} for number, each in enumerate(queries)]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "queries"},
        "spec": {"groups": [{"name": "queries", "rules": rules}]},
    }


def _filled(query: str) -> str:
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return re.sub(r"\$\{?\w+\}?", "any", query)
