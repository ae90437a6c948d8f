"""The node of tests on this machine: pods run, what a chart needs works, and the machine is as it was afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.errors import ClusterError, KubectlError
from tests.cluster.identities import ADMIN, INTRUDER, Identity
from tests.cluster.node import images
from tests.cluster.node.namespaces import ADDRESS, NAME
from tests.cluster.node.node import Node
from tests.cluster.waiting import eventually
from tests.e2e.machine import Machine, cgroups_named, in_namespace
from tests.k10.pods import K10InPods
from tests.k10.workloads import API_DEPLOYMENT, DEPLOYMENTS, FAMILIES, NAMESPACE

SHELL = "localhost/shell:1"
AUDIT_FOLDER = "/var/log/kubernetes/audit"
POD_SECONDS = "--timeout=120s"
SERVE = "echo served > /tmp/index.html; /bin/busybox httpd -p 8080 -h /tmp"
COMPONENTS = ("kubelet", "containerd", "kube-apiserver", "kube-controller-manager")
OWNER = """\
import json, sys, time
from pathlib import Path
from tests.cluster.node.node import Node

node = Node(binary=Path(sys.argv[1])).start()
print(json.dumps([node.init, str(node.directory), node._cgroup]), flush=True)
time.sleep(600)
"""


def pod(name: str, *, command: str = images.WAIT, **spec: Any) -> dict[str, Any]:
    """A pod with a shell; ``spec`` is what else its specification has."""
    container: dict[str, Any] = {"name": "shell", "image": SHELL, "command": ["/bin/sh", "-c", command]}
    if volumes := spec.get("volumes"):
        container["volumeMounts"] = [{"name": each["name"], "mountPath": "/mnt"} for each in volumes]
    metadata = {"name": name, "labels": {"app": name}}
    specification = {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "namespace": "default"}, "spec": specification}


def run(node: Node, manifest: dict[str, Any]) -> str:
    """Start a pod; its name once it is ready."""
    node.apply([manifest])
    name = str(manifest["metadata"]["name"])
    node.kubectl("wait", f"pod/{name}", "--for=condition=Ready", POD_SECONDS)
    return name


def load_shell(node: Node, archive: Path) -> None:
    images.busybox(references=[SHELL]).write(archive)
    node.load_image(archive)


def container(node: Node, name: str) -> dict[str, Any]:
    """The status of a pod's only container."""
    status: dict[str, Any] = json.loads(node.kubectl("get", "pod", name, "-o", "json"))["status"]
    return dict(status["containerStatuses"][0])


@pytest.fixture(scope="module")
def shell(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a pod that waits for orders."""
    load_shell(node, tmp_path_factory.mktemp("shell") / "shell.tar")
    yield run(node, pod("shell", command=f"echo here I am; {SERVE}; {images.WAIT}"))
    node.kubectl("delete", "pod", "shell", "--wait=false")


def test_the_node_is_ready_and_runs_this_kubernetes_on_containerd(node: Node) -> None:
    found = json.loads(node.kubectl("get", "node", NAME, "-o", "json"))

    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert found["status"]["nodeInfo"]["kubeletVersion"] == node.request("GET", "/version").json()["gitVersion"]
    assert found["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    assert "node-role.kubernetes.io/control-plane" in found["metadata"]["labels"]


def test_logs_and_exec_reach_a_pod(node: Node, shell: str) -> None:
    assert node.kubectl("logs", shell) == "here I am\n"
    assert node.kubectl("exec", shell, "--", "id", "-u") == "0\n"
    assert node.kubectl("exec", "-i", shell, "--", "cat", stdin="spoken") == "spoken"


def test_a_port_of_a_pod_can_be_forwarded(node: Node, shell: str) -> None:
    argv = [str(node.binary), "kubectl", "port-forward", f"pod/{shell}", ":8080"]
    environment = {"KUBECONFIG": str(node.kubeconfig()), "HOME": str(node.directory)}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True) as forwarding:
        assert forwarding.stdout
        port = re.findall(r"127\.0\.0\.1:(\d+)", forwarding.stdout.readline())[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html") as answer:
            assert answer.read() == b"served\n"
        forwarding.terminate()


def test_a_restricted_namespace_refuses_a_privileged_pod(node: Node) -> None:
    node.kubectl("create", "namespace", "restricted")
    node.kubectl("label", "namespace", "restricted", "pod-security.kubernetes.io/enforce=restricted")
    privileged = pod("privileged", hostPID=True)
    privileged["metadata"]["namespace"] = "restricted"

    with pytest.raises(KubectlError, match=r'violates PodSecurity "restricted:latest".*host namespaces'):
        node.kubectl("create", "-f", "-", stdin=json.dumps(privileged))


def test_a_pod_reaches_the_api_server_by_its_name(node: Node, shell: str) -> None:
    answer = node.kubectl("exec", shell, "--", "nslookup", "kubernetes.default.svc.cluster.local")

    assert "10.96.0.1" in answer
    with pytest.raises(KubectlError, match="400 Bad Request"):  # it speaks TLS only; that it answers is enough
        node.kubectl("exec", shell, "--", "wget", "-O", "-", "http://kubernetes.default.svc.cluster.local:443/")


def test_no_pod_reaches_anything_beyond_the_node(node: Node, shell: str) -> None:
    with pytest.raises(KubectlError):
        node.kubectl("exec", shell, "--", "wget", "-q", "-T", "2", "-O", "-", "http://192.0.2.1/")
    routes = node.inside("ip", "-json", "route", "show", "default")
    assert [route["dev"] for route in json.loads(routes)] == ["node0"]
    assert {link["ifname"] for link in json.loads(node.inside("ip", "-json", "link"))} >= {"node0", "uplink0"}


def test_a_claim_finds_a_volume_that_any_user_writes_to(node: Node, shell: str) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "journal", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volumes = [{"name": "journal", "persistentVolumeClaim": {"claimName": "journal"}}]
    node.apply([claim])

    writer = run(node, pod("writer", volumes=volumes, securityContext={"runAsUser": 1_000_720_000}))

    node.kubectl("exec", writer, "--", "sh", "-c", "echo kept > /mnt/kept")
    assert node.kubectl("get", "pvc", "journal", "-o", "jsonpath={.status.phase}") == "Bound"
    volume = node.kubectl("get", "pvc", "journal", "-o", "jsonpath={.spec.volumeName}")
    path = node.kubectl("get", "pv", volume, "-o", "jsonpath={.spec.hostPath.path}")
    assert node.inside("cat", f"{path}/kept") == "kept\n"
    assert shell
    node.kubectl("delete", "pod,pvc", writer, "journal", "--ignore-not-found", "--wait=false")


def test_an_image_that_was_not_loaded_is_never_fetched(node: Node, shell: str) -> None:
    absent = pod("absent")
    absent["spec"]["containers"][0]["image"] = "localhost/absent:1"
    node.apply([absent])

    eventually(lambda: container_reason(node, "absent") in {"ErrImagePull", "ImagePullBackOff"})

    assert container(node, shell)["ready"]
    node.kubectl("delete", "pod", "absent", "--wait=false")


def container_reason(node: Node, name: str) -> str:
    """Why a pod's container waits, empty while nothing is known."""
    statuses = json.loads(node.kubectl("get", "pod", name, "-o", "json"))["status"].get("containerStatuses", [{}])
    return str(statuses[0].get("state", {}).get("waiting", {}).get("reason", ""))


def test_the_audit_log_is_a_file_of_the_node_that_only_root_reads(node: Node, shell: str) -> None:
    volumes = [{"name": "audit", "hostPath": {"path": AUDIT_FOLDER, "type": "Directory"}}]
    root, user = pod("agent", volumes=volumes), pod("other", volumes=volumes, securityContext={"runAsUser": 65532})
    node.apply([root, user])
    agent, other = run(node, root), run(node, user)

    node.kubectl("exec", shell, "--", "id")

    eventually(lambda: f"/pods/{shell}/exec" in node.kubectl("exec", agent, "--", "cat", "/mnt/audit.log"))
    assert node.inside("stat", "--format=%a %u", f"{AUDIT_FOLDER}/audit.log").strip() == "600 0"
    assert f"/pods/{shell}/exec" in node.audit_log.read_text()
    with pytest.raises(KubectlError, match="Permission denied"):
        node.kubectl("exec", other, "--", "cat", "/mnt/audit.log")
    node.kubectl("delete", "pod", agent, other, "--wait=false")


def test_pods_survive_components_that_are_killed_and_more_can_be_made(node: Node, shell: str) -> None:
    before = container(node, shell)

    for component in COMPONENTS:
        pid = node.pid(component)
        node.restart(component)
        assert node.pid(component) != pid
        assert answered(node, "exec", shell, "--", "id", "-u") == "0\n"

    node.kubectl("create", "deployment", "later", f"--image={SHELL}")
    node.kubectl("wait", "deployment/later", "--for=condition=Available", POD_SECONDS)
    assert (container(node, shell)["containerID"], container(node, shell)["restartCount"]) == (before["containerID"], 0)
    node.kubectl("delete", "deployment", "later", "--wait=false")


def answered(node: Node, *arguments: str, identity: Identity = ADMIN) -> str:
    """What kubectl prints as soon as it succeeds."""
    answers: list[str] = []

    def answers_now() -> bool:
        with suppress(KubectlError):
            answers.append(node.kubectl(*arguments, identity=identity))
        return bool(answers)

    eventually(answers_now)
    return answers[-1]


def test_a_component_that_the_node_has_not_is_named_with_those_it_has(node: Node) -> None:
    with pytest.raises(ClusterError, match=r"kublet: no component.*containerd, coredns, etcd"):
        node.restart("kublet")


def test_k10_runs_in_pods_and_answers_through_aggregation(node: Node, k10_in_pods: K10InPods) -> None:
    names = node.kubectl("get", "deployments", "-n", "kasten-io", "-o", "jsonpath={.items[*].metadata.name}").split()

    assert set(names) == set(DEPLOYMENTS)
    assert [k10_in_pods.answers(family) for family in FAMILIES] == [200] * len(FAMILIES)
    points = k10_in_pods.kubectl("get", "restorepoints.apps.kio.kasten.io", "-n", "shop", "-o", "name")
    assert len(points.splitlines()) == 10


def test_what_is_asked_of_k10_is_in_the_log_of_its_container(node: Node, k10_in_pods: K10InPods) -> None:
    k10_in_pods.kubectl("get", "restorepoints.apps.kio.kasten.io", "asked-for", "-n", "shop", "--ignore-not-found")

    logs = ("logs", "-n", "kasten-io", f"deployment/{API_DEPLOYMENT}")
    eventually(lambda: "/restorepoints/asked-for" in node.kubectl(*logs))


def test_an_intruder_enters_a_pod_of_k10_and_the_audit_log_has_it(node: Node, k10_in_pods: K10InPods) -> None:
    assert k10_in_pods.answers(FAMILIES[0]) == 200
    enter = ("exec", "deployment/catalog-svc", "-n", NAMESPACE, "--", "cat", "/mnt/k10state/catalog")

    node.kubectl("create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}")
    try:
        assert answered(node, *enter, identity=INTRUDER) == "catalog\n"
    finally:
        node.kubectl("delete", "clusterrolebinding", "stolen")

    lines = (json.loads(line) for line in node.audit_log.read_text().splitlines())
    entered = [each for each in lines if each.get("objectRef", {}).get("subresource") == "exec"]
    mine = [each for each in entered if each["user"]["username"] == INTRUDER.user]
    assert {each["objectRef"]["name"].partition("-svc")[0] for each in mine} == {"catalog"}


@dataclass(frozen=True, slots=True)
class Traces:
    """What a running node has on the machine."""

    spaces: dict[str, str]
    directory: Path
    cgroup: str

    @classmethod
    def of(cls, init: int, directory: str, cgroup: str) -> Traces:
        spaces = {kind: str(Path(f"/proc/{init}/ns/{kind}").readlink()) for kind in ("pid", "net", "mnt")}
        return cls(spaces, Path(directory), cgroup)

    def found(self) -> list[object]:
        """Processes, cgroups and files of it that are there."""
        running = [pid for kind, identity in self.spaces.items() for pid in in_namespace(kind, identity)]
        return [*running, *cgroups_named(self.cgroup), *([self.directory] if self.directory.exists() else [])]


@contextmanager
def owned_by_another_process(binary: Path) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", OWNER, str(binary)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        try:
            yield owner
        finally:
            owner.kill()


def test_two_nodes_leave_the_machine_as_it_was_also_when_their_owner_is_killed(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both start at once and beside the first; one ends in order with a pod in it, the other's owner gets SIGKILL."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = Machine.look()
    with owned_by_another_process(node.binary) as owner:
        with Node(binary=node.binary) as mine:
            load_shell(mine, tmp_path / "shell.tar")
            run(mine, pod("left-behind"))
            traces = Traces.of(mine.init, str(mine.directory), mine._cgroup)
            assert len(traces.found()) > 20
            assert ADDRESS in mine.inside("ip", "-brief", "address", "show", "node0")
            assert owner.stdout
            others = Traces.of(*json.loads(owner.stdout.readline()))

        assert traces.found() == []
        assert len(others.found()) > 20

        os.kill(owner.pid, signal.SIGKILL)
        eventually(lambda: not others.directory.exists())

    assert others.found() == []
    assert {path.name for path in tmp_path.iterdir()} == {"shell.tar", f"k10-auditwatch-ports.{os.getuid()}"}
    with suppress(AssertionError):  # others use this machine too: what passes is none of the node's
        eventually(lambda: Machine.look() == before, seconds=20)
    assert Machine.look() == before


def test_a_node_that_was_not_started_says_so() -> None:
    with pytest.raises(ClusterError, match="not started"):
        Node().inside("true")
