"""``auditwatch doctor`` on a real API server with the K10 stand-in: what it finds, and what it says to do."""

from __future__ import annotations

import asyncio
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from auditwatch.api.crd import render
from auditwatch.cli.main import app
from auditwatch.cluster.client import Cluster
from auditwatch.doctor.examining import examine
from auditwatch.doctor.facts import Facts
from auditwatch.doctor.gathering import gather
from auditwatch.doctor.lines import Line
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import KubectlError
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.identities import ADMIN, INTRUDER
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn
from tests.k10.workloads import NAMESPACE as K10_NAMESPACE
from tests.k10.workloads import SERVER_ARGUMENTS
from tests.unit.doctor.making import aggregated_apis

NAMESPACE = "doctor"
MANIFESTS = Path(__file__).parents[2] / "manifests"
DEFINITIONS = ("auditwatches.k10auditwatch.io", "k10securityfindings.k10auditwatch.io")


def installation() -> list[dict[str, Any]]:
    """The manifests in a namespace and under names of this test's own."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(MANIFESTS.glob("*.yaml"))]
    objects = [each for text in texts for each in yaml.safe_load_all(text) if each and each["kind"] != "Kustomization"]
    return sorted(map(_moved, objects), key=lambda each: each["kind"] != "Namespace")


def _moved(manifest: dict[str, Any]) -> dict[str, Any]:
    metadata = manifest["metadata"]
    if manifest["kind"] == "Namespace":
        metadata["name"] = NAMESPACE
    if metadata.get("namespace") == "k10-auditwatch":
        metadata["namespace"] = NAMESPACE
    if manifest["kind"].startswith("ClusterRole") or metadata.get("namespace", "").startswith("kasten-io"):
        metadata["name"] = f"{NAMESPACE}-{metadata['name']}"  # beside another test's
    if manifest.get("roleRef", {}).get("kind") == "ClusterRole":
        manifest["roleRef"]["name"] = f"{NAMESPACE}-{manifest['roleRef']['name']}"
    for subject in manifest.get("subjects") or ():
        subject["namespace"] = NAMESPACE
    return manifest


def definitions() -> str:
    return "---\n".join(render().values())


@pytest.fixture(scope="module")
def installed(k10: K10StandIn) -> Iterator[K10StandIn]:
    """The operator's objects beside K10. The stand-in's node calls its pod ready; no operator runs in it."""
    k10.cluster.apply(definitions())
    k10.cluster.established(*DEFINITIONS)
    k10.cluster.apply(installation())
    yield k10
    k10.cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=yaml.safe_dump_all(installation()))


def by_check(lines: list[Line]) -> Mapping[str, list[Line]]:
    return {line.check: [each for each in lines if each.check == line.check] for line in lines}


def examined(
    kubeconfig: Path, *, namespace: str = NAMESPACE, clock: Callable[[], float] = time.time
) -> Mapping[str, list[Line]]:
    async def run() -> Facts:
        async with await Cluster.connect(kubeconfig=kubeconfig) as cluster:
            return await gather(cluster, namespace=namespace, clock=clock)

    return by_check(examine(asyncio.run(run())))


def states(lines: Mapping[str, list[Line]], check: str) -> list[str]:
    return [line.state for line in lines[check]]


def test_an_installation_is_looked_at_in_order_and_k10_is_found(installed: K10StandIn) -> None:
    installed.kubectl("get", "restorepoints", "-n", "kasten-io")

    def seen() -> bool:
        return states(examined(installed.cluster.kubeconfig()), "k10-stream") == ["ok"]

    installed.cluster.request(
        "GET", f"/apis/{installed.group('apps')}/v1alpha1/namespaces/kasten-io/restorepoints/nothing"
    )
    eventually(seen)
    lines = examined(installed.cluster.kubeconfig())

    assert states(lines, "api-server") == states(lines, "clock") == ["ok"]
    assert states(lines, "crds") == ["ok", "ok"]
    assert [line.message for line in lines["k10"]] == [
        "in namespace kasten-io, account system:serviceaccount:kasten-io:k10-k10, API domain kio.kasten.io"
    ]
    assert [(line.state, line.message) for line in lines["permissions"]] == [("ok", lines["permissions"][0].message)]
    assert f"system:serviceaccount:{NAMESPACE}:k10-auditwatch has all" in lines["permissions"][0].message
    assert states(lines, "operator") == ["ok"]
    assert states(lines, "lease") == ["problem"]
    assert lines["lease"][0].command == f"kubectl --namespace {NAMESPACE} logs deployment/k10-auditwatch --tail 50"
    assert [line.message for line in lines["journal"]] == ["PersistentVolumeClaim k10-auditwatch is Pending"]


def test_a_clock_that_is_wrong_is_told(installed: K10StandIn) -> None:
    behind = examined(installed.cluster.kubeconfig(), clock=lambda: time.time() - 300)
    ahead = examined(installed.cluster.kubeconfig(), clock=lambda: time.time() + 20)

    assert states(behind, "clock") == ["problem"]
    assert "behind the API server's" in behind["clock"][0].message
    assert states(ahead, "clock") == ["warning"]
    assert "ahead of the API server's" in ahead["clock"][0].message


def test_whoever_may_do_nothing_is_told_which_right_is_missing_and_of_whom(installed: K10StandIn) -> None:
    lines = examined(installed.cluster.kubeconfig(INTRUDER))

    assert states(lines, "crds") == ["unknown", "unknown"]
    assert "not permitted: get customresourcedefinitions.apiextensions.k8s.io" in lines["crds"][0].message
    assert states(lines, "k10") == ["unknown"]
    assert set(states(lines, "permissions")) == {"unknown"}
    assert f"{INTRUDER.user} (you, not the operator) may not" in lines["permissions"][0].message


def test_in_the_pod_it_is_the_operator_that_is_asked(installed: K10StandIn) -> None:
    lines = examined(installed.cluster.service_account_kubeconfig(NAMESPACE, "k10-auditwatch"))

    assert [(line.state, line.message.partition(" has ")[0]) for line in lines["permissions"]] == [
        ("ok", f"system:serviceaccount:{NAMESPACE}:k10-auditwatch")
    ]
    assert states(lines, "k10") == ["ok"]
    assert states(lines, "crds") == ["ok", "ok"], "what may not be got is listed"


def of_a_named_k10() -> list[dict[str, Any]]:
    """As the chart makes it with ``k10Discovery: false``: Deployments are listed in two namespaces, not everywhere."""
    own = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    manifests = installation()
    for each in manifests:
        if each["kind"] == "ConfigMap":
            each["data"]["auditwatch.yaml"] += "\nk10s: [{namespace: kasten-io}]\n"
        if each["metadata"]["name"] == f"{NAMESPACE}-k10-auditwatch-reader" and each["kind"] == "ClusterRole":
            each["rules"].remove(own)
        if (each["kind"], each["metadata"]["name"]) == ("Role", "k10-auditwatch"):
            each["rules"].append(own)
    return manifests


def may_look_everywhere(k10: K10StandIn) -> bool:
    account = f"--as=system:serviceaccount:{NAMESPACE}:k10-auditwatch"
    try:
        k10.cluster.kubectl("auth", "can-i", "list", "deployments.apps", "--all-namespaces", account)
    except KubectlError:
        return False
    return True


def test_in_the_pod_a_named_k10_is_found_without_the_right_to_look_everywhere(installed: K10StandIn) -> None:
    in_the_pod = installed.cluster.service_account_kubeconfig(NAMESPACE, "k10-auditwatch")
    installed.cluster.apply(of_a_named_k10())

    def seen() -> bool:
        lines = examined(in_the_pod)
        return (states(lines, "k10"), states(lines, "permissions")) == (["ok"], ["ok"])

    try:
        eventually(lambda: not may_look_everywhere(installed))
        eventually(seen)
    finally:
        installed.cluster.apply(installation())


def test_a_right_taken_from_the_operator_is_named(installed: K10StandIn) -> None:
    rule = "rolebinding", f"{NAMESPACE}-k10-auditwatch-k10-stream", "-n", "kasten-io"
    installed.cluster.kubectl("delete", *rule)

    lines = examined(installed.cluster.kubeconfig())

    installed.cluster.apply(installation())
    assert states(lines, "permissions") == ["problem"]
    account = f"system:serviceaccount:{NAMESPACE}:k10-auditwatch"
    assert lines["permissions"][0].message == (
        f"K10's audit stream: {account} may not get pods/log in namespace kasten-io, "
        "get restorepoints.apps.kio.kasten.io k10-auditwatch-canary in namespace kasten-io"
    )


def test_a_multicluster_namespace_that_is_not_bound_is_worth_a_warning(installed: K10StandIn) -> None:
    installed.cluster.kubectl(
        "delete", "rolebinding", f"{NAMESPACE}-k10-auditwatch-reader-of-k10", "-n", "kasten-io-mc"
    )

    lines = examined(installed.cluster.kubeconfig())

    installed.cluster.apply(installation())
    assert states(lines, "permissions") == ["warning"]
    assert lines["permissions"][0].message.startswith("multi-cluster objects: ")
    assert lines["permissions"][0].command == "kubectl apply --filename manifests/rbac-multicluster.yaml"


def test_an_operator_in_another_namespace_is_found_under_another_name(installed: K10StandIn) -> None:
    (held,) = [each for each in installation() if each["kind"] == "Deployment"]
    held["metadata"] = {
        "name": "sentinel",
        "namespace": "default",
        "labels": {"app.kubernetes.io/name": "eye", "app.kubernetes.io/part-of": "k10-auditwatch"},
        "annotations": {"meta.helm.sh/release-name": "sentinel"},
    }
    installed.cluster.apply([held])

    here = examined(installed.cluster.kubeconfig(), namespace="default")
    elsewhere = examined(installed.cluster.kubeconfig(), namespace="kube-public")

    installed.cluster.kubectl("delete", "deployment", "sentinel", "-n", "default")
    assert "Deployment sentinel" in here["operator"][0].message
    assert here["lease"][0].command == "kubectl --namespace default logs deployment/sentinel --tail 50"
    assert here["permissions"][0].command.startswith("helm upgrade sentinel charts/k10-auditwatch --namespace default ")
    assert elsewhere["operator"][0].command == "auditwatch doctor --namespace default"


def silent_k10() -> Iterator[dict[str, Any]]:
    """K10's API server as its chart starts it where SIEM is off: without any audit flag."""
    held = aggregated_apis()
    for container in held["spec"]["template"]["spec"]["containers"]:
        container["args"] = [each for each in SERVER_ARGUMENTS if "audit" not in each]
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": K10_NAMESPACE}}
    yield held


def test_an_empty_cluster_and_a_k10_without_its_stream_are_told_with_what_to_install_and_switch_on(
    new_control_plane: NewControlPlane,
) -> None:
    plane = new_control_plane(with_controller_manager=False)
    empty = examined(plane.kubeconfig())
    plane.apply(silent_k10())
    silent = examined(plane.kubeconfig())

    assert states(empty, "crds") == ["problem", "problem"]
    assert all(line.command.startswith("auditwatch crds | kubectl apply") for line in empty["crds"])
    assert empty["operator"][0].command.startswith("helm install k10-auditwatch charts/k10-auditwatch ")
    assert states(empty, "k10") == states(empty, "auditwatch") == ["problem"]
    assert states(silent, "k10") == ["ok"]
    assert states(silent, "k10-stream") == ["problem"]
    assert silent["k10-stream"][0].command.startswith(f"helm upgrade k10 kasten/k10 --namespace {K10_NAMESPACE} ")
    assert silent["k10-stream"][0].command.endswith("--set siem.logging.cluster.enabled=true")


def test_the_command_prints_text_and_json_and_fails_where_something_is_wrong(installed: K10StandIn) -> None:
    options = ["doctor", "--kubeconfig", str(installed.cluster.kubeconfig()), "--namespace", NAMESPACE]

    text = CliRunner().invoke(app, options)
    document = CliRunner().invoke(app, [*options, "--output", "json"])

    assert text.exit_code == document.exit_code == 1
    assert text.stdout.startswith("ok       api-server     answers, version v1.")
    checks = json.loads(document.stdout)["checks"]
    assert [each["check"] for each in checks][:4] == ["api-server", "clock", "crds", "crds"]
    assert {each["state"] for each in checks} <= {"ok", "warning", "problem", "unknown"}


def test_without_a_cluster_the_error_is_one_line(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["doctor", "--kubeconfig", str(tmp_path / "absent")])

    assert said.exit_code == 2
    assert said.stderr.startswith("error: ")
    assert said.stderr.count("\n") == 1


def test_an_api_server_that_is_gone_is_the_one_thing_told(control_plane: ControlPlane, tmp_path: Path) -> None:
    config = json.loads(control_plane.kubeconfig().read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "gone").write_text(json.dumps(config), encoding="utf-8")

    said = CliRunner().invoke(app, ["doctor", "--kubeconfig", str(tmp_path / "gone")])

    assert said.exit_code == 1
    assert said.stdout.startswith("problem  api-server     get /version")
    assert len(said.stdout.splitlines()) == 2


def test_a_bundle_tells_how_k10_behaves_and_holds_no_secret(installed: K10StandIn, tmp_path: Path) -> None:
    path = tmp_path / "capture.tar.gz"
    passkey = {"apiVersion": f"{installed.group('vault')}/v1alpha1", "kind": "Passkey"}
    installed.cluster.request(
        "POST",
        f"/apis/{installed.group('vault')}/v1alpha1/passkeys",
        body={**passkey, "metadata": {"name": "of-the-doctor"}, "spec": {"passphrase": "swordfish-of-the-doctor"}},
        identity=ADMIN,
    )
    options = ["--kubeconfig", str(installed.cluster.kubeconfig()), "-n", NAMESPACE, "--capture", str(path)]

    said = CliRunner().invoke(app, ["doctor", *options])

    with tarfile.open(path) as tar:
        inside = {each.name.rpartition("/")[2]: tar.extractfile(each) for each in tar.getmembers()}
        texts = {name: file.read().decode() for name, file in inside.items() if file}
    assert path.stat().st_mode & 0o777 == 0o600
    assert texts["CONTENTS.txt"] in said.stderr
    assert "swordfish" not in "".join(texts.values())
    assert "of-the-doctor" in texts["k10-stream.txt"]
    assert '"msg":"K10Event"' in texts["k10-stream.txt"]
    points = json.loads(texts["discovery.json"])[f"/apis/{installed.group('apps')}/v1alpha1"]["resources"]
    assert "watch" in next(each["verbs"] for each in points if each["name"] == "restorepoints")
    assert json.loads(texts["user-agents.json"])
    assert CliRunner().invoke(app, ["doctor", *options]).exit_code == 2
