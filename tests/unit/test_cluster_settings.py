"""What a control plane is made of before anything runs: ports, keys, files and flags."""

import csv
import datetime as dt
import json
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from tests.cluster import certificates, components
from tests.cluster.audit import EVERYTHING, Audit, Webhook
from tests.cluster.certificates import Authority
from tests.cluster.components import Ports
from tests.cluster.credentials import Credentials
from tests.cluster.errors import ClusterError, KubectlError
from tests.cluster.identities import ADMIN, IDENTITIES, INTRUDER, kubeconfig, token_file, token_user
from tests.cluster.ports import CANDIDATES, PortReservation

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def test_a_reserved_port_is_not_given_twice() -> None:
    first = PortReservation.take()
    second = PortReservation.take(candidates=[first.number, *CANDIDATES])

    try:
        assert first.number != second.number
    finally:
        first.release()
        second.release()


def test_a_released_port_can_be_reserved_again() -> None:
    first = PortReservation.take()
    first.release()

    second = PortReservation.take(candidates=[first.number])

    assert second.number == first.number
    second.release()


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number: int = taken.getsockname()[1]

        with pytest.raises(ClusterError, match="no free port"):
            PortReservation.take(candidates=[number])


def test_ports_stay_clear_of_those_of_outgoing_connections() -> None:
    first_of_linux_defaults = 32768

    assert first_of_linux_defaults > max(CANDIDATES) > min(CANDIDATES) > 1024


def test_a_user_certificate_carries_user_and_groups() -> None:
    pair = Authority.create("test-ca", now=NOW).issue("mallory@example.com", groups=["developers", "ops"])

    assert pair.certificate.subject.rfc4514_string() == "CN=mallory@example.com,O=ops,O=developers"


def test_a_certificate_is_valid_now_and_on_a_clock_that_is_late() -> None:
    certificate = Authority.create("test-ca", now=NOW).issue("somebody").certificate

    assert certificate.not_valid_before_utc < NOW - dt.timedelta(minutes=30)
    assert certificate.not_valid_after_utc > NOW + dt.timedelta(days=300)


def test_only_a_certificate_with_hosts_can_serve() -> None:
    authority = Authority.create("test-ca", now=NOW)

    def purposes(pair: certificates.KeyPair) -> set[str]:
        usage = pair.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        return {purpose._name for purpose in usage.value}

    assert purposes(authority.issue("client")) == {"clientAuth"}
    assert purposes(authority.issue("server", hosts=["localhost", "127.0.0.1"])) == {"clientAuth", "serverAuth"}


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials.create(directory=tmp_path / "pki", server="https://127.0.0.1:20000", now=dt.datetime.now(dt.UTC))


def test_a_server_certificate_passes_strict_verification(credentials: Credentials) -> None:
    credentials.server_certificate("receiver", hosts=("localhost", "127.0.0.1"))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(credentials.directory / "receiver.crt", credentials.directory / "receiver.key")
    asking = ssl.create_default_context(cafile=str(credentials.authority_file))
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = serving.wrap_bio(to_server, to_client, server_side=True)

    _shake_hands(client, server)

    assert client.getpeercert()


def _shake_hands(client: ssl.SSLObject, server: ssl.SSLObject) -> None:
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


def test_private_files_are_private(credentials: Credentials) -> None:
    private = [path for path in credentials.directory.iterdir() if path.suffix in {".key", ".csv", ".kubeconfig"}]

    assert len(private) > 10
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert credentials.directory.stat().st_mode & 0o777 == 0o700


def test_each_identity_has_its_own_token_and_kubeconfig(credentials: Credentials) -> None:
    users = [json.loads(credentials.kubeconfig(identity).read_text())["users"][0] for identity in IDENTITIES]

    assert [user["name"] for user in users] == ["admin", "backup-operator", "intruder", "tenant"]
    assert len({user["user"]["client-certificate-data"] for user in users}) == len(IDENTITIES)
    assert len(set(credentials.tokens.values())) == len(IDENTITIES)


def test_the_token_file_names_user_uid_and_groups() -> None:
    rows = list(csv.reader(token_file({ADMIN: "t-1", INTRUDER: "t-2"}).splitlines()))

    assert rows == [
        ["t-1", "kubernetes-admin", "uid-of-admin", "system:masters"],
        ["t-2", "mallory@example.com", "uid-of-intruder", "developers"],
    ]


def test_a_kubeconfig_stands_alone() -> None:
    content = json.loads(
        kubeconfig(
            name="robot", server="https://127.0.0.1:1", authority=b"CA", user=token_user("secret"), namespace="ns"
        )
    )

    assert content["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:1",
        "certificate-authority-data": "Q0E=",
    }
    assert content["users"] == [{"name": "robot", "user": {"token": "secret"}}]
    assert content["contexts"][0]["context"] == {"cluster": "test", "user": "robot", "namespace": "ns"}
    assert content["current-context"] == content["contexts"][0]["name"]


def test_audit_writes_its_policy_and_a_log(tmp_path: Path) -> None:
    flags = Audit(policy=EVERYTHING, log_options={"maxsize": "1"}).write(tmp_path / "audit")

    assert flags == [
        f"--audit-policy-file={tmp_path}/audit/policy.yaml",
        f"--audit-log-path={tmp_path}/audit/audit.log",
        "--audit-log-maxsize=1",
    ]
    assert (tmp_path / "audit" / "policy.yaml").read_text() == EVERYTHING


def test_an_audit_webhook_is_a_kubeconfig_and_flags(tmp_path: Path) -> None:
    webhook = Webhook(
        url="https://127.0.0.1:9/ingest", mode="blocking", token="t", authority=b"CA", options={"batch-max-size": "5"}
    )

    flags = Audit(log=False, webhook=webhook).write(tmp_path)

    assert flags[1:] == [
        f"--audit-webhook-config-file={tmp_path}/webhook.kubeconfig",
        "--audit-webhook-mode=blocking",
        "--audit-webhook-batch-max-size=5",
    ]
    config = json.loads((tmp_path / "webhook.kubeconfig").read_text())
    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:9/ingest",
        "certificate-authority-data": "Q0E=",
    }
    assert config["users"][0]["user"] == {"token": "t"}


def test_the_webhook_can_be_given_a_client_certificate(tmp_path: Path) -> None:
    webhook = Webhook(url="https://127.0.0.1:9", client_certificate=Path("a.crt"), client_key=Path("a.key"))

    Audit(webhook=webhook).write(tmp_path)

    config = json.loads((tmp_path / "webhook.kubeconfig").read_text())
    assert config["users"][0]["user"] == {"client-certificate": "a.crt", "client-key": "a.key"}


def test_extra_flags_come_last_so_that_they_win() -> None:
    ports = Ports(etcd=1, etcd_peer=2, apiserver=3, controller_manager=4)

    command = components.apiserver(ports=ports, pki=Path("pki"), tokens=Path("t"), extra=["--authorization-mode=RBAC"])

    assert command[-1] == "--authorization-mode=RBAC"
    assert command.index("--authorization-mode=Node,RBAC") < len(command) - 1


def test_no_component_listens_beyond_loopback() -> None:
    ports = Ports(etcd=1, etcd_peer=2, apiserver=3, controller_manager=4)
    pki = Path("pki")

    commands = [
        components.etcd(ports=ports, data=Path("data")),
        components.apiserver(ports=ports, pki=pki, tokens=Path("t"), extra=[]),
        components.controller_manager(ports=ports, pki=pki, kubeconfig=Path("k")),
    ]

    listening = [flag for command in commands for flag in command if "bind-address" in flag or "listen-" in flag]
    assert len(listening) == 4
    assert all("127.0.0.1" in flag for flag in listening)


def test_a_kubectl_error_shows_the_command_and_its_complaint() -> None:
    error = KubectlError(command="kubectl get pods", code=1, stderr="Error: forbidden\n")

    assert str(error) == "kubectl get pods: exit code 1\nError: forbidden"
    assert (error.code, error.stderr) == (1, "Error: forbidden\n")
