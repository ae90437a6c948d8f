"""Kasten K10 as far as an attacker and a monitor can tell, on a running control plane.

Custom resources are kube-apiserver's own; the aggregated half, its audit stream and
the pods come from the Go program of `tests/cluster/k10apis`. What is supposition in
it is listed in docs/explanation/assumptions.md.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster.build import k10apis_binary
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.processes import Process
from tests.k10 import manifests
from tests.k10.crds import DOMAIN
from tests.k10.machine import Machine
from tests.k10.workloads import ACCOUNT, FAMILIES, NAMESPACE

APPLICATIONS = ("shop", "billing", "intranet")
READY_SECONDS = 600.0
POLL_SECONDS = 0.25
TOKEN_SECONDS = 7 * 24 * 3600
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class K10StandIn:
    """`with K10StandIn(cluster) as k10:`; `points` restore points per application.

    `watch=False` makes the aggregated half refuse watches, `stream=False` silences
    its audit stream, `api_domain` is what all its API groups end in.
    """

    account: Path  # kubeconfig of K10's own service account: cluster-admin

    def __init__(
        self,
        cluster: ControlPlane,
        *,
        watch: bool = True,
        stream: bool = True,
        api_domain: str = DOMAIN,
        applications: Sequence[str] = APPLICATIONS,
        points: int = 10,
        flags: Sequence[str] = (),
        binary: Path | None = None,
    ) -> None:
        self.cluster = cluster
        self.api_domain = api_domain
        self.applications = tuple(applications)
        self._watch, self._stream = watch, stream
        self._points = points
        self._flags = tuple(flags)
        self._given_binary = binary
        self._machine: Machine | None = None
        self._process: Process | None = None

    # Life

    def start(self) -> Self:
        """Install K10 (the first time) and return when every API of it answers."""
        if self._machine is None:
            self._install()
        self._run()
        self.wait_ready()
        return self

    def stop(self) -> None:
        """End K10's pods and their node; objects in etcd stay, `start` brings the rest back."""
        if self._process is not None:
            with suppress(ClusterError):  # the control plane may be gone, and the node with it
                self._process.stop()
            self._process = None

    def restart(self) -> None:
        """Kill the process behind the aggregated APIs; its pod's container starts again.

        Objects survive, the history of changes does not: older watches get 410.
        """
        before = self.machine.pid()
        self.machine.kill()
        self._until(lambda: self.machine.pid() not in {None, before}, "its API pod does not start again")
        self.wait_ready()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """The aggregated APIs answer 503 inside, without a change of any object."""
        self.machine.hold()
        self.machine.kill()
        try:
            self._until(lambda: self.answers(FAMILIES[0]) == 503, "its APIs still answer")
            yield
        finally:
            self.machine.release()
        self.wait_ready()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # Using it

    @property
    def machine(self) -> Machine:
        if self._machine is None:
            raise ClusterError("K10 is not installed yet: call start()")
        return self._machine

    def group(self, family: str) -> str:
        """The API group of a family such as `apps` or `config`."""
        return f"{family}.{self.api_domain}"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as K10's own account, that is with a stolen token."""
        return self.cluster.kubectl(*arguments, kubeconfig=self.account, stdin=stdin)

    def answers(self, family: str) -> int:
        """The status of one API group of the aggregated half."""
        return self.cluster.request("GET", f"/apis/{self.group(family)}/v1alpha1").status

    def wait_ready(self) -> None:
        """Return when clients can discover and use the aggregated half."""
        self._until(lambda: all(self.answers(family) == 200 for family in FAMILIES), "its APIs do not answer")
        self._until(self._discoverable, "its APIs are not in discovery")

    # The parts

    def _install(self) -> None:
        binary = self._given_binary or k10apis_binary()
        cluster = self.cluster
        machine = Machine(cluster, binary, cluster.reserve_port(), cluster.reserve_port())
        machine.prepare()
        manifests.install(cluster, domain=self.api_domain, api_port=machine.api_port, applications=self.applications)
        manifests.configure(cluster, domain=self.api_domain, applications=self.applications)
        self.account = cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT, seconds=TOKEN_SECONDS)
        self._machine = machine

    def serving(self) -> list[str]:
        """Flags of the aggregated half, but for where it listens."""
        return [
            f"--api-domain={self.api_domain}",
            f"--seed-apps={','.join(self.applications)}",
            f"--seed-points={self._points}",
            *([] if self._watch else ["--no-watch"]),
            *([] if self._stream else ["--no-stream"]),
            *self._flags,
        ]

    def _run(self) -> None:
        self._process = self.machine.start(account=self.account, serving=self.serving())
        wait = ("wait", "deployment", "--all", "--for=condition=Available", f"--timeout={READY_SECONDS:.0f}s")
        self.cluster.kubectl(*wait, f"--namespace={NAMESPACE}")

    def _discoverable(self) -> bool:
        answer = self.cluster.request("GET", "/apis", headers={"Accept": DISCOVERY})
        groups: dict[str, Any] = {group["metadata"]["name"]: group for group in answer.json()["items"]}
        return all(
            any(version.get("resources") and version["freshness"] == "Current" for version in group["versions"])
            for group in (groups.get(self.group(family), {"versions": []}) for family in FAMILIES)
        )

    def _until(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not holds():
            if self._process is not None and self._process.exit_code() is not None:
                raise ClusterError(f"K10 stand-in: its node ended; the end of its log:\n{self._process.tail()}")
            if time.monotonic() > deadline:
                end = self._process.tail() if self._process else ""
                raise ClusterError(f"K10 stand-in: {complaint}; the end of its log:\n{end}")
            time.sleep(POLL_SECONDS)
