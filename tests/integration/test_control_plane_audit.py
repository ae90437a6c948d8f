"""The audit trail of the test cluster: the log file and the webhook of a real API server."""

import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.audit import EVERYTHING, METADATA, Audit, Webhook
from tests.cluster.certificates import Authority
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import KubectlError
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.identities import INTRUDER
from tests.cluster.waiting import eventually

QUICK = {"batch-max-wait": "100ms", "initial-backoff": "100ms"}


class Receiver(ThreadingHTTPServer):
    """Collects the audit events that an API server sends; over TLS, for otherwise it sends no token."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        authority = Authority.create("receivers", now=dt.datetime.now(dt.UTC))
        authority.issue("receiver", hosts=["127.0.0.1"]).write(directory, "receiver")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(directory / "receiver.crt", directory / "receiver.key")
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.authority = authority.pair.certificate_pem
        self.requests: list[dict[str, str]] = []
        self.events: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}/audit"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "authorization": self.headers.get("Authorization", "")})
        self.server.events += body["items"]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Keep the output of tests clean."""


@contextmanager
def _receiving(directory: Path) -> Iterator[Receiver]:
    with Receiver(directory) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Where the shared, audited control plane sends its events."""
    with _receiving(tmp_path_factory.mktemp("receiver")) as server:
        yield server


@pytest.fixture(scope="module")
def audited(kubernetes_binary: Path, receiver: Receiver) -> Iterator[ControlPlane]:
    """A control plane that logs everything to a file and sends it to ``receiver`` as well."""
    webhook = Webhook(url=receiver.url, authority=receiver.authority, token="knock", options=QUICK)
    audit = Audit(policy=EVERYTHING, webhook=webhook)
    with ControlPlane(binary=kubernetes_binary, audit=audit, with_controller_manager=False) as started:
        yield started


def _attempt(cluster: ControlPlane) -> None:
    """Something that only an intruder does."""
    with pytest.raises(KubectlError, match="forbidden"):
        cluster.kubectl("get", "secrets", "--namespace=kube-system", identity=INTRUDER)


def _is_the_attempt(event: dict[str, Any]) -> bool:
    what = (event["user"]["username"], event.get("objectRef", {}).get("resource"), event["stage"])
    return what == (INTRUDER.user, "secrets", "ResponseComplete")


def _logged(cluster: ControlPlane) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]


def test_the_audit_log_tells_who_did_what(audited: ControlPlane, receiver: Receiver) -> None:
    _attempt(audited)

    (event,) = filter(_is_the_attempt, _logged(audited))
    assert (event["verb"], event["responseStatus"]["code"]) == ("list", 403)
    assert event["objectRef"]["namespace"] == "kube-system"
    assert event["user"]["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("X509SHA256=")

    eventually(lambda: any(map(_is_the_attempt, receiver.events)))
    (sent,) = filter(_is_the_attempt, receiver.events)
    assert sent["auditID"] == event["auditID"], "the webhook sends what the log says"
    assert receiver.requests[0] == {"path": "/audit?timeout=30s", "authorization": "Bearer knock"}


def test_bodies_are_logged_where_the_policy_says_so(audited: ControlPlane) -> None:
    audited.kubectl("create", "configmap", "seen", "--from-literal=answer=42")

    assert {"answer": "42"} in _created(audited)


def test_the_audit_log_goes_on_after_a_restart(new_control_plane: NewControlPlane) -> None:
    cluster = new_control_plane(audit=Audit(policy=METADATA), with_controller_manager=False)
    cluster.kubectl("create", "configmap", "seen", "--from-literal=answer=42")
    _attempt(cluster)
    cluster.restart_apiserver()

    _attempt(cluster)

    assert len(list(filter(_is_the_attempt, _logged(cluster)))) == 2
    assert {"answer": "42"} not in _created(cluster), "no bodies at level Metadata"


def test_an_orderly_stop_sends_the_last_batch(new_control_plane: NewControlPlane, tmp_path: Path) -> None:
    with _receiving(tmp_path) as receiver:
        late = {"batch-max-wait": "10m", "batch-max-size": "100000"}
        webhook = Webhook(url=receiver.url, authority=receiver.authority, options=late)
        cluster = new_control_plane(audit=Audit(log=False, webhook=webhook), with_controller_manager=False)
        _attempt(cluster)
        assert not any(map(_is_the_attempt, receiver.events))

        cluster.stop_apiserver()

        eventually(lambda: any(map(_is_the_attempt, receiver.events)))


def test_without_audit_there_is_no_audit_log(control_plane: ControlPlane) -> None:
    assert not control_plane.audit_log.exists()


def _created(cluster: ControlPlane) -> list[object]:
    """The ``data`` of every object that was created, as far as it is logged."""
    bodies = [event.get("requestObject", {}) for event in _logged(cluster) if event["verb"] == "create"]
    return [body.get("data") for body in bodies]
