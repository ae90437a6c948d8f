"""The operator as a user runs it, short of the image: a process with a ServiceAccount's token and its rights only.

Everything that shows the product whole (the demo, the torture, the benchmarks, the tests in this folder) starts it
from here, so that none of them quietly runs with more rights than an installation has.
"""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.ours import define_ours
from tests.cluster.processes import Process

REPOSITORY = Path(__file__).parents[2]
NAMESPACE = "k10-auditwatch"
ACCOUNT = "k10-auditwatch"
RIGHTS = ("rbac-k10.yaml", "rbac-multicluster.yaml", "rbac-audit.yaml", "rbac-own.yaml")
INSTALLED = ("namespace.yaml", "service-account.yaml", *RIGHTS, "roles-for-people.yaml")
API_VERSION = "k10auditwatch.io/v1alpha1"
LEASES = "coordination.k8s.io/v1/{}/leases"
LEASE_SECONDS = 120
"""Long, so that a busy machine does not end an operator that is merely slow."""
OK = 200
READY_SECONDS = 600.0
POLL_SECONDS = 0.25


class Installation:
    """One operator against one control plane: ``install()`` once, then ``start`` and ``kill`` as often as wanted.

    ``home``: its namespace, and the name of its account there, where something else than ``manifests/`` installed it.
    """

    def __init__(
        self,
        cluster: ControlPlane,
        *,
        directory: Path,
        settings: dict[str, Any] | None = None,
        home: tuple[str, str] = (NAMESPACE, ACCOUNT),
    ) -> None:
        self.cluster = cluster
        self.directory = directory
        self._home = home
        self.port = cluster.reserve_port()
        self._name = f"auditwatch-{self.port}"
        self._settings = {
            "journal": {"path": str(directory / "journal" / "journal.db"), "durable": True},
            "probes": {"address": "127.0.0.1", "port": self.port},
            "lease": {"durationSeconds": LEASE_SECONDS},
            **(settings or {}),
        }
        self._process: Process | None = None

    def install(self) -> None:
        """CRDs, namespace, account and RBAC, as ``kubectl apply -k manifests`` would bring them."""
        define_ours(self.cluster)
        self.grant()

    def grant(self) -> None:
        """The same without the CRDs."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name in INSTALLED:
            self.cluster.apply((REPOSITORY / "manifests" / name).read_text())

    def start(self) -> None:
        """Start the process; it is not ready yet when this returns."""
        namespace, account = self._home
        configuration = self.directory / "auditwatch.yaml"
        self.directory.mkdir(parents=True, exist_ok=True)
        configuration.write_text(yaml.safe_dump(self._settings))
        kubeconfig = self.cluster.service_account_kubeconfig(namespace, account, seconds=24 * 3600)
        arguments = ("run", "--config", str(configuration), "--kubeconfig", str(kubeconfig))
        self._process = self.cluster.start_process(
            self._name, [sys.executable, "-m", "auditwatch", *arguments], environment={"POD_NAMESPACE": namespace}
        )

    @property
    def process(self) -> Process:
        """The running process. Raises :class:`ClusterError` where there is none."""
        if self._process is None:
            raise ClusterError("the operator was not started")
        return self._process

    @property
    def log(self) -> Path:
        """Where it writes, through all of its lives."""
        return self.cluster.processes.logs / f"{self._name}.log"

    def kill(self) -> None:
        """SIGKILL, as the kernel or a node's end would do it."""
        self.process.kill()

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        return self.process.stop()

    def stop(self) -> None:
        """End it if it runs; for clean-up."""
        if self._process is not None and self._process.exit_code() is None:
            self.kill()

    def clean_up(self) -> None:
        """Remove what people and the operator wrote: watches, findings, the Lease."""
        for path in (f"{API_VERSION}/{{}}/auditwatches", f"{API_VERSION}/{{}}/k10securityfindings", LEASES):
            self.cluster.request("DELETE", f"/apis/{path.format(f'namespaces/{NAMESPACE}')}")

    def rss(self) -> int:
        """Resident memory of the process, bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its own pages: /healthz, /readyz, /metrics."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_ready(self, *, timeout: float = READY_SECONDS) -> None:
        """Until /readyz holds. Raises :class:`ClusterError` with the log's end where it does not."""
        self.wait(lambda: self.get("/readyz")[0] == 200, what="the operator to be ready", timeout=timeout)

    def wait(self, held: Callable[[], bool], *, what: str, timeout: float = READY_SECONDS) -> None:
        """Until ``held()``; a dead operator or the deadline raise :class:`ClusterError` with the log's end."""
        deadline = time.monotonic() + timeout
        while not held():
            code = self._process.exit_code() if self._process is not None else None
            if code is not None:
                raise ClusterError(f"the operator ended with {code} while waiting for {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ClusterError(f"waited {timeout:.0f} s for {what}:\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def watch(self, name: str = "k10", *, namespace: str = NAMESPACE, **spec: Any) -> None:
        """Apply an AuditWatch."""
        metadata = {"name": name, "namespace": namespace}
        self.cluster.apply([{"apiVersion": API_VERSION, "kind": "AuditWatch", "metadata": metadata, "spec": spec}])

    def watch_status(self, name: str = "k10", *, namespace: str = NAMESPACE) -> dict[str, Any]:
        """The status of an AuditWatch; empty where none was written yet."""
        answer = self.cluster.request("GET", f"/apis/{API_VERSION}/namespaces/{namespace}/auditwatches/{name}")
        return dict(answer.json().get("status", {}))

    def condition(self, kind: str, *, name: str = "k10", namespace: str = NAMESPACE) -> dict[str, Any]:
        """One condition of an AuditWatch; empty where it is not there."""
        conditions = self.watch_status(name, namespace=namespace).get("conditions", [])
        return next((dict(entry) for entry in conditions if entry["type"] == kind), {})

    def findings(self) -> list[dict[str, Any]]:
        """Every K10SecurityFinding of the cluster; none while the server cannot tell (429 for a CRD just made)."""
        answer = self.cluster.request("GET", f"/apis/{API_VERSION}/k10securityfindings")
        return list(answer.json()["items"]) if answer.status == OK else []

    def findings_of(self, rule: str) -> list[dict[str, Any]]:
        """Those of one rule."""
        return [finding for finding in self.findings() if finding["spec"]["rule"] == rule]
