"""The CRDs on a real API server: what it takes, what it refuses and with which words, and what people read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditwatch.api.findingstatus import ACTOR_WIDTH, TARGET_WIDTH
from auditwatch.api.parse import parse_watch
from auditwatch.detection.packs import built_in_packs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.ours import NAMES as CRDS
from tests.cluster.ours import make_namespaces

ROOT = Path(__file__).parents[2]
GOOD = sorted((ROOT / "examples").glob("*.yaml"))
BAD = sorted((ROOT / "examples" / "invalid").glob("*.yaml"))
NAMESPACE = "api-room"


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The shared control plane with both CRDs established, applied as people do it."""
    make_namespaces(control_plane, NAMESPACE, "shop")
    control_plane.kubectl("apply", "--kustomize", str(ROOT / "crds"))
    control_plane.established(*CRDS)
    yield control_plane
    control_plane.kubectl("delete", "auditwatches,k10securityfindings", "--all", "--namespace", NAMESPACE)


def apply(cluster: ControlPlane, document: dict[str, Any]) -> str:
    document["metadata"].setdefault("namespace", NAMESPACE)
    return cluster.kubectl("apply", "--filename=-", stdin=yaml.safe_dump(document))


def refused(cluster: ControlPlane, document: dict[str, Any]) -> str:
    with pytest.raises(ClusterError) as caught:
        apply(cluster, document)
    return str(caught.value)


def get(cluster: ControlPlane, *arguments: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(cluster.kubectl("get", *arguments, "--namespace", NAMESPACE, "--output=json"))
    return read


def finding(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "k10auditwatch.io/v1alpha1",
        "kind": "K10SecurityFinding",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "rule": "policy-paused",
            "watchRef": {"namespace": NAMESPACE, "name": "k10"},
            "fingerprint": "3f2a9c1d7e5b8a40",
            "initialSeverity": "High",
            "target": {
                "group": "config.kio.kasten.io",
                "resource": "policies",
                "namespace": "kasten-io",
                "name": "daily",
            },
        },
    }


def write_status(cluster: ControlPlane, name: str, status: dict[str, Any]) -> None:
    cluster.kubectl(
        "patch", "k10f", name, "--namespace", NAMESPACE, "--subresource=status", "--type=merge",
        "--patch", json.dumps({"status": status}),
    )  # fmt: skip


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_example_applies(cluster: ControlPlane, path: Path) -> None:
    assert "created" in apply(cluster, yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_every_invalid_example_is_refused_or_reported_with_its_words(cluster: ControlPlane, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    finder, _, message = text.splitlines()[0].removeprefix("# ").partition(": ")
    document = yaml.safe_load(text)
    if finder == "server":
        assert message in refused(cluster, document)
    else:
        apply(cluster, document)
        stored = get(cluster, "auditwatch", document["metadata"]["name"])
        assert message in "\n".join(map(str, parse_watch(stored).problems))


def test_an_empty_spec_is_filled_by_the_server(cluster: ControlPlane) -> None:
    apply(cluster, {"apiVersion": "k10auditwatch.io/v1alpha1", "kind": "AuditWatch", "metadata": {"name": "bare"}})
    spec = get(cluster, "aw", "bare")["spec"]
    assert spec["packs"] == [{"name": "k10-baseline", "version": "1"}]
    assert spec["sources"] == ["*"]
    assert spec["findings"] == {"minSeverity": "Low", "reopenAfterSeconds": 86_400, "maxPerRule": 500}
    assert parse_watch({"spec": spec}).problems == ()


def test_a_finding_keeps_its_spec_whoever_writes(cluster: ControlPlane) -> None:
    apply(cluster, finding("kept"))
    changed = finding("kept")
    changed["spec"]["initialSeverity"] = "Low"
    assert "spec is immutable: write what you know into triage" in refused(cluster, changed)


def test_triage_is_written_by_people_and_selects(cluster: ControlPlane) -> None:
    apply(cluster, finding("triaged"))
    assert get(cluster, "k10f", "triaged")["triage"] == {"state": "New"}
    patch = json.dumps({"triage": {"state": "Acknowledged", "assignee": "ana"}})
    cluster.kubectl("patch", "k10f", "triaged", "--namespace", NAMESPACE, "--type=merge", "--patch", patch)
    found = get(cluster, "k10f", "--field-selector=triage.state=Acknowledged,spec.rule=policy-paused")
    assert [item["metadata"]["name"] for item in found["items"]] == ["triaged"]


def test_an_unknown_state_of_triage_is_refused(cluster: ControlPlane) -> None:
    wrong = {**finding("wrong"), "triage": {"state": "Done"}}
    assert 'Unsupported value: "Done"' in refused(cluster, wrong)


def test_a_row_fits_a_terminal_even_for_the_longest_rule_that_ships(cluster: ControlPlane) -> None:
    longest = max((rule.name for pack in built_in_packs()[0] for _, rule in pack.rules), key=len)
    name = f"{longest[:46]}-3f2a9c1d7e5b8a40"
    apply(cluster, finding(name))
    write_status(
        cluster,
        name,
        {
            "severity": "Critical",
            "summary": {"actor": "jane@example.com", "target": "offsite-immutable"},
            "count": 12_345,
            "lastSeenTime": (datetime.now(UTC) - timedelta(hours=5, minutes=31)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )
    table = cluster.kubectl("get", "k10f", name, "--namespace", NAMESPACE).splitlines()
    assert table[0].split() == ["NAME", "SEVERITY", "ACTOR", "TARGET", "COUNT", "SEEN"]
    assert "jane@example.com" in table[1]
    assert (len("jane@example.com"), len("offsite-immutable")) == (ACTOR_WIDTH, TARGET_WIDTH)
    assert max(map(len, table)) <= 120


def test_severity_in_the_status_selects_findings(cluster: ControlPlane) -> None:
    apply(cluster, finding("selected"))
    write_status(cluster, "selected", {"severity": "Info"})
    found = get(cluster, "k10f", "--field-selector=status.severity=Info")
    assert [item["metadata"]["name"] for item in found["items"]] == ["selected"]


def test_both_kinds_are_listed_by_their_category(cluster: ControlPlane) -> None:
    apply(cluster, finding("listed"))
    listed = cluster.kubectl("get", "k10security", "--namespace", NAMESPACE, "--output=name")
    assert "k10securityfinding.k10auditwatch.io/listed" in listed


def test_explain_tells_what_a_match_looks_at(cluster: ControlPlane) -> None:
    text = " ".join(cluster.kubectl("explain", "auditwatch.spec.rules.match").split())
    assert "Which requests and changes are looked at" in text
    assert "deletecollection removes many" in text
    assert '"" is the core group' in text
    assert "Succeeded: it was done" in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("auditwatch.spec.rules.where.operator", "Glob: the text fits one of these"),
        ("auditwatch.spec.rules.severity", "Critical: recovery is being lost now"),
        ("auditwatch.spec.rules.correlate", "eventCount"),
        ("k10f.triage.state", "FalsePositive: it was no trouble"),
        ("k10f.status.attribution", "hints at it"),
    ],
)
def test_explain_tells_what_each_choice_means(cluster: ControlPlane, path: str, words: str) -> None:
    assert words in " ".join(cluster.kubectl("explain", path).split())


def test_the_server_finds_nothing_wrong_with_the_schemas(cluster: ControlPlane) -> None:
    for name in CRDS:
        crd = json.loads(cluster.kubectl("get", "crd", name, "--output=json"))
        conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
        assert conditions["Established"] == "True"
        assert conditions.get("NonStructuralSchema", "False") == "False"
