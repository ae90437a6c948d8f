"""The chart on a real API server: installed, upgraded, rolled back, removed and installed again, as a person does it.

No pod runs here; what the API server and Helm do with the objects is what is asked. What makes the first AuditWatch is
the operator, so it runs for a moment, as a process: with the configuration, the account and the rights that the release
brought.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.ours import NAMES, make_namespaces
from tests.live.installation import Installation
from tests.unit.chart import rendering

CHART = rendering.CHART
NAMESPACE = RELEASE = "chart-room"
K10 = "chart-k10"
VALUES = {"fullnameOverride": RELEASE, "k10s": [{"namespace": K10}]}
FOREIGN = (
    ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ("cert-manager.io", "v1", "Certificate", "certificates"),
)
"""Kinds of others that the chart makes objects of, where a cluster serves them."""
SERVED = (*rendering.APIS, "k10auditwatch.io/v1alpha1/AuditWatch")
NEXT = "0.2.0"
SAME = {"CustomResourceDefinition"}
"""The same in every case, large, and taken by the API server whenever a release is installed."""


class Helm:
    """The bundled Helm against one control plane."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster

    def __call__(self, *arguments: str, values: dict[str, Any] | None = None) -> str:
        """What it prints. Raises :class:`ClusterError` with its words where it fails."""
        given = ["--values=-"] if values is not None else []
        done = subprocess.run(
            [str(self._cluster.binary), "helm", *arguments, f"--namespace={NAMESPACE}", *given],
            input=yaml.safe_dump(values) if values is not None else "",
            env={**os.environ, "KUBECONFIG": str(self._cluster.kubeconfig()), "HOME": str(self._cluster.directory)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode:
            raise ClusterError(done.stderr)
        return done.stdout

    def install(self, **values: Any) -> str:
        return self("install", RELEASE, str(CHART), values=VALUES | values)

    def upgrade(self, chart: Path = CHART, **values: Any) -> str:
        return self("upgrade", RELEASE, str(chart), values=VALUES | values)

    def uninstall(self) -> str:
        return self("uninstall", RELEASE)


@pytest.fixture(scope="module")
def cluster(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """A control plane of its own: the chart brings the CRDs, which others have put on the shared one."""
    with ControlPlane(binary=kubernetes_binary) as started:
        make_namespaces(started, NAMESPACE, K10, "kasten-io", "kasten-io-mc", "backup")
        yield started


@pytest.fixture(scope="module")
def helm(cluster: ControlPlane) -> Helm:
    return Helm(cluster)


@pytest.fixture
def emptied(cluster: ControlPlane, helm: Helm) -> Iterator[None]:
    """What a test installs is gone after it, the definitions too: the next installation is the first one again."""
    yield
    helm.uninstall()
    cluster.kubectl("delete", "--namespace", NAMESPACE, "auditwatches,k10securityfindings,pvc", "--all")
    cluster.kubectl("delete", "crd", *NAMES)


@pytest.fixture
def installed(helm: Helm, emptied: None) -> str:
    """What Helm prints about the first release with default values; no operator was there yet."""
    assert emptied is None
    return helm.install()


@pytest.fixture
def released(cluster: ControlPlane, installed: str, tmp_path: Path) -> str:
    """The same, once the operator has been there."""
    operate(cluster, tmp_path / "operator")
    return installed


def operate(cluster: ControlPlane, directory: Path, *, namespace: str = NAMESPACE, name: str = RELEASE) -> None:
    """Run the operator until it is ready, as the installed Deployment would; only places and ports are the test's."""
    where = ("configmap", name, "--namespace", namespace, "--output=json")
    settings = yaml.safe_load(json.loads(cluster.kubectl("get", *where))["data"]["auditwatch.yaml"])
    kept = {key: value for key, value in settings.items() if key not in {"journal", "probes", "lease"}}
    operator = Installation(cluster, directory=directory, settings=kept, home=(namespace, name))
    operator.start()
    try:
        operator.wait_ready()
        operator.terminate()
    finally:
        operator.stop()


def watch(cluster: ControlPlane) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        cluster.kubectl("get", "auditwatch", "k10", "--namespace", NAMESPACE, "--output=json")
    )
    return read


def make_finding(cluster: ControlPlane) -> str:
    """A finding as the operator writes it; its uid."""
    spec = {
        "rule": "policy-paused",
        "watchRef": {"namespace": NAMESPACE, "name": "k10"},
        "fingerprint": "0123456789abcdef",
        "initialSeverity": "High",
    }
    metadata = {"name": "policy-paused-1", "namespace": NAMESPACE}
    body = {"apiVersion": "k10auditwatch.io/v1alpha1", "kind": "K10SecurityFinding", "metadata": metadata, "spec": spec}
    [stored] = cluster.apply([body], manager="auditwatch-findings")
    return str(stored["metadata"]["uid"])


def names(cluster: ControlPlane, kinds: str) -> list[str]:
    return cluster.kubectl("get", kinds, "--namespace", NAMESPACE, "--output=name").split()


def test_one_command_on_an_empty_cluster_brings_definitions_and_a_watch_and_says_what_is_seen(
    cluster: ControlPlane, released: str
) -> None:
    assert watch(cluster)["spec"]["packs"] == [{"name": "k10-baseline", "version": "1"}]
    assert "Blind\n  without the audit log" in released
    assert f"kubectl get auditwatch k10 -n {NAMESPACE}" in released


def test_the_first_installation_needs_nothing_that_the_api_server_does_not_serve_yet(
    cluster: ControlPlane, installed: str
) -> None:
    """The kind it brings is served some moments later, and Helm cannot wait: it leaves the watch to the operator."""
    assert "made by the operator" in installed
    cluster.established(*NAMES)
    assert names(cluster, "auditwatches") == []


@pytest.mark.usefixtures("released")
def test_an_upgrade_takes_the_watch_over_without_making_it_anew(
    cluster: ControlPlane, helm: Helm, tmp_path: Path
) -> None:
    """Helm 4 changes it as it does; Helm 3 changes nothing the first time, and the operator it starts anew does."""
    before = watch(cluster)["metadata"]["uid"]

    helm.upgrade(auditWatch={"spec": {"timeZone": "Europe/Paris"}})
    operate(cluster, tmp_path / "again")

    assert watch(cluster)["spec"]["timeZone"] == "Europe/Paris"
    helm("rollback", RELEASE, "1")
    assert watch(cluster)["metadata"]["uid"] == before


@pytest.mark.usefixtures("emptied")
def test_a_later_chart_with_another_spec_finds_no_owner_in_its_way(
    cluster: ControlPlane, helm: Helm, tmp_path: Path
) -> None:
    """Helm 4 applies on the server, which refuses what somebody else has applied otherwise."""
    helm.install(auditWatch={"spec": {"timeZone": "Europe/Berlin", "paused": True}})
    operate(cluster, tmp_path / "operator")
    made = watch(cluster)

    helm.upgrade(next_version(tmp_path), auditWatch={"spec": {"timeZone": "Europe/Paris"}})
    operate(cluster, tmp_path / "again")

    later = watch(cluster)
    assert (made["spec"]["timeZone"], made["spec"]["paused"]) == ("Europe/Berlin", True)
    assert (later["spec"]["timeZone"], later["spec"]["paused"]) == ("Europe/Paris", False)
    assert later["metadata"]["uid"] == made["metadata"]["uid"]
    assert later["metadata"]["labels"]["helm.sh/chart"] == f"k10-auditwatch-{NEXT}"


@pytest.mark.usefixtures("released")
def test_a_watch_that_was_deleted_comes_back_with_the_next_start_until_it_is_not_wanted(
    cluster: ControlPlane, helm: Helm, tmp_path: Path
) -> None:
    cluster.kubectl("delete", "auditwatch", "k10", "--namespace", NAMESPACE)
    operate(cluster, tmp_path / "again")
    assert names(cluster, "auditwatches") == ["auditwatch.k10auditwatch.io/k10"]

    helm.upgrade(auditWatch={"create": False})
    cluster.kubectl("delete", "auditwatch", "k10", "--namespace", NAMESPACE)
    operate(cluster, tmp_path / "unwanted")
    assert names(cluster, "auditwatches") == []


@pytest.mark.usefixtures("installed")
def test_a_feature_comes_and_goes_with_an_upgrade(cluster: ControlPlane, helm: Helm) -> None:
    helm.upgrade(agent={"enabled": True})
    assert "privileged" in cluster.kubectl("get", "namespace", f"{RELEASE}-agent", "--output=yaml")
    assert f"service/{RELEASE}-webhook" in names(cluster, "services")

    helm.upgrade()
    assert f"service/{RELEASE}-webhook" not in names(cluster, "services")


@pytest.mark.usefixtures("installed")
def test_an_upgrade_carries_a_definition_that_has_changed(cluster: ControlPlane, helm: Helm) -> None:
    definition = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAMES[0]}"
    patch = [{"op": "remove", "path": "/spec/names/categories"}]
    cluster.request("PATCH", definition, body=patch, headers={"Content-Type": "application/json-patch+json"})
    assert "categories" not in cluster.request("GET", definition).json()["spec"]["names"]

    helm.upgrade(clusterName="again")

    assert cluster.request("GET", definition).json()["spec"]["names"]["categories"] == ["k10security"]


@pytest.mark.usefixtures("released")
def test_what_people_want_to_read_stays_when_the_release_goes_and_is_taken_up_when_it_comes_back(
    cluster: ControlPlane, helm: Helm
) -> None:
    finding, before = make_finding(cluster), watch(cluster)["metadata"]["uid"]

    helm.uninstall()
    kept = names(cluster, "auditwatches,k10securityfindings,pvc")
    gone = names(cluster, "deployments,services,serviceaccounts,roles,rolebindings,networkpolicies")
    helm.install()

    assert [each.partition("/")[2] for each in kept] == ["k10", "policy-paused-1", RELEASE]
    assert not [each for each in gone if RELEASE in each]
    assert watch(cluster)["metadata"]["uid"] == before
    again = cluster.kubectl("get", "k10f", "policy-paused-1", "-n", NAMESPACE, "--output=jsonpath={.metadata.uid}")
    assert again == finding


def test_a_k10_that_is_not_there_fails_the_installation_by_name(helm: Helm) -> None:
    with pytest.raises(ClusterError, match='namespaces "nowhere" not found'):
        helm.install(k10s=[{"namespace": "nowhere"}])
    helm.uninstall()


def test_the_api_server_takes_every_object_of_every_case(cluster: ControlPlane, helm: Helm) -> None:
    cluster.apply([definition(*each) for each in FOREIGN])
    cluster.established(*(f"{plural}.{group}" for group, _, _, plural in FOREIGN))
    helm.install(auditWatch={"create": False})
    make_namespaces(cluster, rendering.NAMESPACE, f"{rendering.NAMESPACE}-agent", "watcher-nodes")
    different: list[dict[str, Any]] = []
    for each in (each for case in rendering.CASES for each in rendering.objects(case.read_text(), apis=SERVED)):
        different += [each] if each not in different else []
    apply = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename=-")
    try:
        told = cluster.kubectl(*apply, stdin=yaml.safe_dump_all(each for each in different if each["kind"] not in SAME))
        assert told.count("serverside-applied") == sum(each["kind"] not in SAME for each in different)
    finally:
        helm.uninstall()


@pytest.mark.parametrize("case", rendering.CASES, ids=lambda path: path.stem)
def test_a_namespace_that_enforces_restricted_takes_the_operators_pods_and_not_the_agents(
    cluster: ControlPlane, case: Path
) -> None:
    cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")

    for name, spec in rendering.pods(case.read_text()):
        alike = {**spec, "serviceAccountName": "default"}  # whose account it is, is not the question here
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": alike}
        answer = cluster.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", body=body)
        assert answer.status == (403 if name.endswith("-agent") else 201), answer.body
        assert answer.status == 201 or b"violates PodSecurity" in answer.body


def test_kustomize_installs_the_same_with_one_command_and_the_audit_log_with_another(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    told = cluster.kubectl("apply", "-k", str(rendering.MANIFESTS))
    operate(cluster, tmp_path / "operator", namespace="k10-auditwatch", name="k10-auditwatch")

    assert "deployment.apps/k10-auditwatch" in told
    assert "k10" in cluster.kubectl("get", "auditwatches", "-n", "k10-auditwatch", "--output=name")

    more = cluster.kubectl("apply", "-k", str(rendering.ROOT / "examples" / "kustomize" / "audit-log"))

    assert "daemonset.apps/k10-auditwatch-agent created" in more
    assert "deployment.apps/k10-auditwatch configured" in more
    cluster.kubectl("delete", "-k", str(rendering.ROOT / "examples" / "kustomize" / "audit-log"), "--wait=false")


def next_version(directory: Path) -> Path:
    """The chart as the next release would bring it."""
    chart = Path(shutil.copytree(CHART, directory / CHART.name))
    description = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**description, "version": NEXT, "appVersion": NEXT}))
    return chart


def definition(group: str, version: str, kind: str, plural: str) -> dict[str, Any]:
    """A kind of somebody else's that stores whatever it is given."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        },
    }
