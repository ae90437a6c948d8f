"""A real Kubernetes control plane that a test starts in seconds and owns alone.

etcd, kube-apiserver and kube-controller-manager run as ordinary processes on
loopback, with RBAC, admission, aggregation and audit as in a production cluster.
There is no scheduler and no kubelet: pods are only objects here.
"""

import datetime as dt
import ssl
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster import api, applying, build, components, history, kubectl
from tests.cluster.applying import Applier
from tests.cluster.audit import Audit, log_path
from tests.cluster.components import Ports
from tests.cluster.credentials import Credentials
from tests.cluster.errors import ClusterError
from tests.cluster.identities import ADMIN, CONTROLLER_MANAGER, GRANTS, Identity, token_user
from tests.cluster.ports import PortReservation
from tests.cluster.processes import Process, Processes
from tests.cluster.waiting import eventually

READY_SECONDS = 600.0
POLL_SECONDS = 0.2
PORT_ATTEMPTS = 5
PORT_TAKEN = "address already in use"
TOKEN_SECONDS = 3600
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class PortTakenError(ClusterError):
    """Somebody else was faster on one of our ports; the next try takes others."""


class ControlPlane:
    """One control plane: `with ControlPlane() as cluster: cluster.kubectl("get", "ns")`.

    Settings are given here, everything else exists from `start` until `stop`.
    `binary` is the one that `tests.cluster.build` makes (built if needed when None).
    """

    directory: Path
    credentials: Credentials
    processes: Processes
    ports: Ports

    def __init__(
        self,
        *,
        audit: Audit | None = None,
        apiserver_flags: Sequence[str] = (),
        with_controller_manager: bool = True,
        binary: Path | None = None,
    ) -> None:
        self._audit = audit
        self._apiserver_flags = tuple(apiserver_flags)
        self._with_controller_manager = with_controller_manager
        self._given_binary = binary
        self._resources = ExitStack()
        self._running: dict[str, Process] = {}

    # Life

    def start(self) -> Self:
        """Return when every request can be served; on failure nothing is left behind."""
        self.binary = self._given_binary or build.kubernetes_binary()
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self._start_components()
            except PortTakenError:
                self.stop()
                if attempt == PORT_ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                break
        return self

    def stop(self) -> None:
        """Kill every process and remove every file; harmless when repeated."""
        self._running.clear()
        self._resources.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # Where things are

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports.apiserver}"

    @property
    def audit_log(self) -> Path:
        return log_path(self.directory / "audit")

    @property
    def authority_file(self) -> Path:
        """The certificate authority that signed the API server's certificate."""
        return self.credentials.authority_file

    def kubeconfig(self, identity: Identity = ADMIN) -> Path:
        """A kubeconfig with the identity's client certificate."""
        return self.credentials.kubeconfig(identity)

    def token(self, identity: Identity = ADMIN) -> str:
        """The identity's static bearer token."""
        return self.credentials.tokens[identity]

    # Using it

    def kubectl(
        self,
        *arguments: str,
        identity: Identity = ADMIN,
        kubeconfig: Path | None = None,
        stdin: str | None = None,
    ) -> str:
        """Run the bundled kubectl and return its output; KubectlError when it fails."""
        return kubectl.run(
            arguments,
            binary=self.binary,
            kubeconfig=kubeconfig or self.kubeconfig(identity),
            home=self.directory,
            stdin=stdin,
        )

    def apply(
        self, manifest: str | Iterable[Mapping[str, Any]], *, manager: str = "kubectl", identity: Identity = ADMIN
    ) -> list[dict[str, Any]]:
        """Server-side apply of manifests (text, or objects); returns what is stored (see `applying`)."""
        objects = applying.documents(manifest) if isinstance(manifest, str) else manifest
        with Applier(port=self.ports.apiserver, tls=self.credentials.tls(identity), manager=manager) as applier:
            return applier.apply(objects)

    def established(self, *definitions: str) -> None:
        """Return when these CustomResourceDefinitions are served."""
        for name in definitions:
            eventually(partial(self._is_served, name), f"serving {name}")

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        identity: Identity | None = ADMIN,
    ) -> api.Answer:
        """Send one raw request; `identity=None` brings only what is in `headers`."""
        tls = self.credentials.tls(identity) if identity else self._anonymous_tls()
        return api.request(
            port=self.ports.apiserver,
            tls=tls,
            method=method,
            path=path,
            body=body,
            headers=dict(headers or {}),
        )

    def service_account_token(
        self,
        namespace: str,
        name: str,
        *,
        seconds: int = TOKEN_SECONDS,
        audiences: Sequence[str] = (),
    ) -> str:
        """Have the API server mint a token for an existing ServiceAccount."""
        answer = self.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            body={"spec": {"expirationSeconds": seconds, "audiences": list(audiences)}},
        )
        if answer.status != 201:
            raise ClusterError(f"no token for {namespace}/{name}: {answer.body.decode()}")
        return str(answer.json()["status"]["token"])

    def service_account_kubeconfig(self, namespace: str, name: str, *, seconds: int = TOKEN_SECONDS) -> Path:
        """Write a kubeconfig with a fresh token of a ServiceAccount."""
        token = self.service_account_token(namespace, name, seconds=seconds)
        return self.credentials.kubeconfig_with(
            name=f"sa-{namespace}-{name}", user=token_user(token), namespace=namespace
        )

    def start_process(self, name: str, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Process:
        """Run something beside the control plane that must not outlive it either."""
        return self.processes.start(name, argv, environment=environment)

    def reserve_port(self) -> int:
        """A port on loopback that is ours until `stop`."""
        reservation = PortReservation.take()
        self._resources.callback(reservation.release)
        return reservation.number

    # Trouble

    def kill_apiserver(self) -> None:
        """End the API server without warning."""
        self._running.pop("kube-apiserver").kill()

    def stop_apiserver(self) -> None:
        """Let the API server end in order: requests finish, audit batches are sent."""
        self._running.pop("kube-apiserver").stop()

    def start_apiserver(self) -> None:
        """Start it again: same port, same data, same keys."""
        self._launch_apiserver()
        self.wait_ready()

    def restart_apiserver(self) -> None:
        self.stop_apiserver()
        self.start_apiserver()

    def wait_ready(self) -> None:
        """Return when the API server says that it is ready."""
        self._wait_for(self._running["kube-apiserver"], self.ports.apiserver, "/readyz")

    def compact(self) -> int:
        """Make etcd forget old revisions; returns the oldest one that is left."""
        return history.compact(etcd_port=self.ports.etcd)

    def expire_history(self) -> None:
        """Make every watch and page from before now answer 410 (see `history`)."""
        self.compact()
        self.restart_apiserver()

    # The parts

    def _start_components(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="k10-auditwatch-"))
        self.processes = Processes(directory=self.directory)
        self._resources.callback(self.processes.end)
        self.ports = Ports(
            etcd=self.reserve_port(),
            etcd_peer=self.reserve_port(),
            apiserver=self.reserve_port(),
            controller_manager=self.reserve_port(),
        )
        self._launch("etcd", components.etcd(ports=self.ports, data=self.directory / "etcd"))
        self.credentials = Credentials.create(
            directory=self.directory / "pki",
            server=self.url,
            now=dt.datetime.now(dt.UTC),
        )
        self._launch_apiserver()
        self.wait_ready()
        if self._with_controller_manager:
            self._start_controller_manager()
        self.apply(GRANTS)

    def _is_served(self, name: str) -> bool:
        """Established, and over the moment in which a new kind answers 404 and 429."""
        definition = self.request("GET", f"{DEFINITIONS}/{name}").json()
        conditions = definition.get("status", {}).get("conditions") or []
        if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
            return False
        spec = definition["spec"]
        version = next(each["name"] for each in spec["versions"] if each["served"])
        return self.request("GET", f"/apis/{spec['group']}/{version}/{spec['names']['plural']}?limit=1").status == 200

    def _launch(self, name: str, argv: Sequence[str]) -> Process:
        process = self.processes.start(name, [str(self.binary), *argv])
        self._running[name] = process
        return process

    def _launch_apiserver(self) -> None:
        audit = self._audit.write(self.directory / "audit") if self._audit else []
        self._launch(
            "kube-apiserver",
            components.apiserver(
                ports=self.ports,
                pki=self.credentials.directory,
                tokens=self.credentials.token_file,
                extra=[*audit, *self._apiserver_flags],
            ),
        )

    def _launch_controller_manager(self, *flags: str) -> Process:
        kubeconfig = self.kubeconfig(CONTROLLER_MANAGER)
        command = components.controller_manager(ports=self.ports, pki=self.credentials.directory, kubeconfig=kubeconfig)
        return self._launch("kube-controller-manager", [*command, *flags])

    def _start_controller_manager(self) -> None:
        """Only after /readyz: it gives up at once while its RBAC roles do not exist."""
        process = self._launch_controller_manager()
        self._wait_for(process, self.ports.controller_manager, "/healthz")

    def _wait_for(self, process: Process, port: int, path: str) -> None:
        tls = self.credentials.tls(ADMIN)
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(port=port, path=path, tls=tls):
            self._raise_if_ended(process)
            if time.monotonic() > deadline:
                raise ClusterError(_story(process, f"is not ready after {READY_SECONDS:.0f} s"))
            time.sleep(POLL_SECONDS)

    def _raise_if_ended(self, waited_for: Process) -> None:
        """Look at etcd too: without it the API server waits instead of ending."""
        for process in {waited_for, *self._running.values()}:
            code = process.exit_code()
            if code is not None:
                taken = PORT_TAKEN in process.tail()
                raise (PortTakenError if taken else ClusterError)(_story(process, f"ended with exit code {code}"))

    def _anonymous_tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority_file))


def _answers(*, port: int, path: str, tls: ssl.SSLContext) -> bool:
    try:
        return api.request(port=port, tls=tls, method="GET", path=path, seconds=10).status == 200
    except OSError:
        return False


def _story(process: Process, what: str) -> str:
    return f"{process.name} {what}; the end of its log:\n{process.tail()}"
