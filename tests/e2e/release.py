"""The chart on a node, as a person handles it: helm and kubectl, and what the operator then says of itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from tests.cluster.errors import KubectlError
from tests.cluster.identities import INTRUDER
from tests.cluster.node.node import Node
from tests.cluster.ours import NAMES
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e import rights
from tests.images.project import REFERENCE
from tests.k10.pods import K10InPods

CHART: Final = Path(__file__).parents[2] / "charts" / "k10-auditwatch"
NAME = NAMESPACE = "k10-auditwatch"
AGENTS: Final = "k10-auditwatch-agent"
ACCOUNT: Final = f"{NAMESPACE}/{NAME}"
USER: Final = f"system:serviceaccount:{NAMESPACE}:{NAME}"
ENFORCED: Final = "pod-security.kubernetes.io/enforce=restricted"
REPOSITORY, _, TAG = REFERENCE.rpartition(":")
IMAGE: Final = ("--set", f"image.repository={REPOSITORY},image.tag={TAG}")
MULTICLUSTER: Final = ("--set", "k10s[0].namespace=kasten-io,k10s[0].multicluster=true")
"""The stand-in is part of a multi-cluster."""
WAIT: Final = ("--wait", "--timeout=180s")
POLL_SECONDS: Final = 0.5
MIB: Final = 1 << 20


class Release:
    """``prepare()``, ``install()``, then whatever a person does; ``remove()`` leaves the node as it was."""

    def __init__(self, node: Node, *, image: Path) -> None:
        self.node = node
        self.installed_at = 0.0
        self.watch_name = "k10"
        self._image = image
        self._audited_from = 0

    # What a person does

    def prepare(self) -> None:
        """The image where the kubelet finds it, a namespace that allows little, and somebody with stolen rights."""
        self.node.load_image(self._image)
        self.node.kubectl("create", "namespace", NAMESPACE)
        self.node.kubectl("label", "namespace", NAMESPACE, ENFORCED)
        self.node.kubectl(
            "create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}"
        )
        self._audited_from = self.node.audit_log.stat().st_size

    def install(self, *arguments: str, chart: Path = CHART) -> str:
        """Return when Helm says that all is ready; what it prints."""
        self.installed_at = time.monotonic()
        return self._helm("install", NAME, str(chart), *IMAGE, *MULTICLUSTER, *arguments, *WAIT)

    def upgrade(self, *arguments: str, chart: Path = CHART) -> str:
        """With the values there are and those given; return when the operator's new pod is ready.

        Without ``--wait``: what else has to be ready, agents and sources, is waited for by who uses it.
        """
        printed = self._helm("upgrade", NAME, str(chart), "--reuse-values", *arguments)
        self.wait_ready()
        return printed

    def rollback(self) -> None:
        """To the revision before."""
        self._helm("rollback", NAME)
        self.wait_ready()

    def test(self) -> str:
        """``helm test``. Raises :class:`KubectlError` where it fails."""
        return self._helm("test", NAME)

    def uninstall(self) -> str:
        """Return when its pods are gone."""
        return self._helm("uninstall", NAME, "--wait", "--timeout=120s")

    def remove(self) -> None:
        """All of it, as the how-to says; harmless where it is gone."""
        if NAME in self._helm("list", "--short").split():
            self.uninstall()
        self.node.kubectl("delete", "crd", *NAMES, "--ignore-not-found")
        self.node.kubectl("delete", "namespace", NAMESPACE, AGENTS, "--ignore-not-found")
        self.node.kubectl("delete", "clusterrolebinding", "stolen", "--ignore-not-found")

    def wait_ready(self) -> None:
        """Return when the operator's pod is the newest one and ready."""
        self.node.kubectl("rollout", "status", f"deployment/{NAME}", "-n", NAMESPACE, "--timeout=180s")

    def exec(self, *argv: str) -> str:
        """Run something in the operator's container; what it prints. KubectlError where it fails."""
        return self.node.kubectl("exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", *argv)

    def kill(self) -> None:
        """The operator ends as if the kernel had ended it; return when its container runs again and is ready."""
        before = self.process("run").pid
        self.process("run").kill()
        self.until(lambda: self._runs_anew(before), what="its container to start again")
        self.wait_ready()

    # What there is

    def pods(self, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
        return self._items("pods", "-n", namespace)

    def process(self, command: str) -> psutil.Process:
        """The operator (``run``) or the agent (``agent``) on the machine. Raises LookupError where it does not run."""
        for process in psutil.Process(self.node.init).children(recursive=True):
            if ["-m", "auditwatch", command] == _command_line(process)[1:4]:
                return process
        raise LookupError(command)

    def memory(self) -> str:
        """Resident memory of what runs, as people read it."""
        return ", ".join(f"{name} {mib:.0f} MiB" for name, mib in self._memory())

    def manifests(self) -> list[dict[str, Any]]:
        """What Helm has applied."""
        return rights.documents(self._helm("get", "manifest", NAME))

    def asked(self) -> set[rights.Asked]:
        """What the operator's account has asked the API server for, of its own audit log."""
        with self.node.audit_log.open() as log:
            log.seek(self._audited_from)
            return rights.asked((json.loads(line) for line in log if USER in line and line.endswith("\n")), USER)

    def watch(self) -> dict[str, Any]:
        """The AuditWatch of the installation: the operator makes it, later releases own it."""
        return dict(json.loads(self.node.kubectl("get", "auditwatch", self.watch_name, "-n", NAMESPACE, "-o", "json")))

    def sources(self) -> dict[str, str]:
        """State of each source, by name."""
        return {each["name"]: each["state"] for each in self.watch().get("status", {}).get("sources", [])}

    def metrics(self) -> list[str]:
        """Lines of its metrics, through the API server."""
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{NAME}:8080/proxy/metrics"
        return self.node.kubectl("get", "--raw", path).splitlines()

    def findings(self, rule: str, target: str = "") -> list[dict[str, Any]]:
        """Those of a rule, about one object where it is named."""
        found = self._items("k10securityfindings", "--all-namespaces")
        return [
            each
            for each in found
            if each["spec"]["rule"] == rule and target in ("", each["spec"].get("target", {}).get("name"))
        ]

    # Waiting

    def until(self, holds: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Return once it holds; what fails meanwhile is tried again. Fails with what the operator said at last."""
        deadline = time.monotonic() + seconds
        while not _holds(holds):
            assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}; {self._state()}"
            time.sleep(POLL_SECONDS)

    def until_live(self, *names: str) -> None:
        """Return when these sources are proven alive, and all others too."""
        self.until(
            lambda: set(names) <= set(self.sources()) and set(self.sources().values()) == {"Live"},
            what=f"{', '.join(names)} and all others to be Live",
        )

    def _helm(self, command: str, *arguments: str) -> str:
        return self.node.helm(*command.split(), *arguments, "-n", NAMESPACE)

    def _items(self, *arguments: str) -> list[dict[str, Any]]:
        return list(json.loads(self.node.kubectl("get", *arguments, "-o", "json"))["items"])

    def _runs_anew(self, before: int) -> bool:
        return self.process("run").pid != before

    def _memory(self) -> Iterator[tuple[str, float]]:
        for name, command in (("operator", "run"), ("agent", "agent")):
            try:
                yield name, self.process(command).memory_info().rss / MIB
            except (LookupError, psutil.NoSuchProcess):
                continue

    def _state(self) -> str:
        try:
            said = self.node.kubectl("logs", "-n", NAMESPACE, f"deployment/{NAME}", "--tail=20")
            return f"sources: {self.watch().get('status', {}).get('sources')}; the end of its log:\n{said}"
        except KubectlError as problem:
            return str(problem)


@contextmanager
def prepared(node: Node, k10: K10InPods, image: Path) -> Iterator[Release]:
    """Nothing installed yet; whatever is, is gone again afterwards."""
    assert k10.node is node
    release = Release(node, image=image)
    release.prepare()
    try:
        yield release
    finally:
        release.remove()


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _holds(holds: Callable[[], object]) -> bool:
    """An API server that restarts, or a pod that is not there yet, is no failure of what is waited for."""
    try:
        return bool(holds())
    except (KubectlError, LookupError, psutil.NoSuchProcess):
        return False
