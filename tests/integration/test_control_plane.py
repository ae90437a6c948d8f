"""The test cluster itself, on real components: what it promises to every other test."""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError, KubectlError
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.identities import ADMIN, BACKUP_OPERATOR, INTRUDER, TENANT, TENANT_NAMESPACE, Identity
from tests.cluster.waiting import eventually

OWNER = """\
import json, signal, sys, time
from pathlib import Path
from tests.cluster.controlplane import ControlPlane

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs in the background of a shell ignores it
cluster = ControlPlane(binary=Path(sys.argv[1])).start()
print(json.dumps([str(cluster.directory), cluster.processes.warden_pid]), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def service_account(control_plane: ControlPlane) -> Iterator[tuple[str, str]]:
    """A namespace and the name of a ServiceAccount in it."""
    namespace = "robots"
    control_plane.kubectl("create", "namespace", namespace)
    control_plane.kubectl("create", "serviceaccount", "operator", "--namespace", namespace)
    yield namespace, "operator"
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


def _config_map(name: str, namespace: str = "default") -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})


def _who(review: str) -> tuple[str, set[str]]:
    user = json.loads(review)["status"]["userInfo"]
    return user["username"], set(user["groups"])


def test_two_control_planes_run_side_by_side(control_plane: ControlPlane, new_control_plane: NewControlPlane) -> None:
    other = new_control_plane()

    other.apply(_config_map("only-there"))

    assert other.url != control_plane.url
    assert "only-there" in other.kubectl("get", "configmaps")
    assert "only-there" not in control_plane.kubectl("get", "configmaps")


@pytest.mark.parametrize("identity", [ADMIN, BACKUP_OPERATOR, INTRUDER, TENANT], ids=lambda identity: identity.key)
def test_the_api_server_knows_an_identity_by_certificate(control_plane: ControlPlane, identity: Identity) -> None:
    user, groups = _who(control_plane.kubectl("auth", "whoami", "--output=json", identity=identity))

    assert user == identity.user
    assert groups == {*identity.groups, "system:authenticated"}


def test_the_api_server_knows_an_identity_by_token(control_plane: ControlPlane) -> None:
    answer = control_plane.request(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        body={"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"},
        headers={"Authorization": f"Bearer {control_plane.token(INTRUDER)}"},
        identity=None,
    )

    assert answer.status == 201
    assert answer.json()["status"]["userInfo"]["username"] == "mallory@example.com"


def test_nobody_gets_in_without_credentials(control_plane: ControlPlane) -> None:
    answers = [
        control_plane.request("GET", "/api/v1/namespaces", identity=None, headers=headers).status
        for headers in ({}, {"Authorization": "Bearer guessed"})
    ]

    assert answers == [403, 401]


def test_the_tenant_is_confined_to_its_namespace(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "mine", "--namespace", TENANT_NAMESPACE, identity=TENANT)

    with pytest.raises(KubectlError, match=r"tina@example\.com.* cannot create resource .*configmaps"):
        control_plane.kubectl("create", "configmap", "not-mine", identity=TENANT)


@pytest.mark.parametrize("resource", ["pods", "secrets", "configmaps"])
def test_the_intruder_may_do_nothing_until_a_test_allows_it(control_plane: ControlPlane, resource: str) -> None:
    with pytest.raises(KubectlError, match=r"\nno$"):
        control_plane.kubectl("auth", "can-i", "get", resource, identity=INTRUDER)


def test_a_service_account_can_be_impersonated_by_its_own_token(
    control_plane: ControlPlane, service_account: tuple[str, str]
) -> None:
    namespace, name = service_account
    kubeconfig = control_plane.service_account_kubeconfig(namespace, name)

    user, groups = _who(control_plane.kubectl("auth", "whoami", "--output=json", kubeconfig=kubeconfig))

    assert user == "system:serviceaccount:robots:operator"
    assert "system:serviceaccounts:robots" in groups


def test_a_token_is_minted_for_the_audience_asked_for(
    control_plane: ControlPlane, service_account: tuple[str, str]
) -> None:
    token = control_plane.service_account_token(*service_account, seconds=700, audiences=["ingest"])

    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == ["ingest"]
    assert claims["exp"] - claims["iat"] == 700


def test_a_token_for_nobody_is_an_error_that_names_it(control_plane: ControlPlane) -> None:
    with pytest.raises(ClusterError, match=r'no token for default/nobody: .*nobody\\" not found'):
        control_plane.service_account_token("default", "nobody")


def test_extension_servers_learn_how_to_authenticate_the_api_server(control_plane: ControlPlane) -> None:
    found = control_plane.kubectl(
        "get", "configmap", "extension-apiserver-authentication", "--namespace=kube-system", "--output=json"
    )

    data = json.loads(found)["data"]
    assert data["client-ca-file"] == control_plane.authority_file.read_text()
    front_proxy_authority = control_plane.credentials.directory / "front-proxy-ca.crt"
    assert data["requestheader-client-ca-file"] == front_proxy_authority.read_text()
    assert json.loads(data["requestheader-allowed-names"]) == ["front-proxy-client"]
    assert json.loads(data["requestheader-username-headers"]) == ["X-Remote-User"]


def test_controllers_work(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "namespace", "short-lived")
    eventually(lambda: "default" in control_plane.kubectl("get", "serviceaccounts", "--namespace=short-lived"))

    control_plane.kubectl("delete", "namespace", "short-lived", "--wait=true", "--timeout=300s")

    with pytest.raises(KubectlError, match="not found"):
        control_plane.kubectl("get", "namespace", "short-lived")


def test_admission_is_on(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "namespace", "strict")
    control_plane.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    eventually(lambda: "default" in control_plane.kubectl("get", "serviceaccounts", "--namespace=strict"))

    with pytest.raises(KubectlError, match="violates PodSecurity"):
        control_plane.kubectl("run", "root", "--image=none", "--namespace=strict")


def test_a_failing_kubectl_tells_why(control_plane: ControlPlane) -> None:
    with pytest.raises(KubectlError, match=r"kubectl get unicorns: exit code 1\n.*unicorns") as caught:
        control_plane.kubectl("get", "unicorns")

    assert caught.value.code == 1


@pytest.fixture(scope="module")
def disturbed(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """A control plane that is killed and loses its history, for tests that go on from wherever it is then."""
    with ControlPlane(binary=kubernetes_binary, with_controller_manager=False) as started:
        yield started


def test_data_and_address_survive_a_killed_api_server(disturbed: ControlPlane) -> None:
    cluster = disturbed
    cluster.apply(_config_map("kept"))
    before = cluster.url

    cluster.kill_apiserver()
    with pytest.raises(OSError, match="refused"):
        cluster.request("GET", "/readyz")
    cluster.start_apiserver()

    assert cluster.url == before
    assert "kept" in cluster.kubectl("get", "configmaps")


def test_a_watch_from_before_history_expired_gets_410(disturbed: ControlPlane) -> None:
    cluster = disturbed
    listed = cluster.request("GET", "/api/v1/namespaces/default/configmaps").json()["metadata"]["resourceVersion"]
    path = f"/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&resourceVersion={listed}"
    cluster.apply(_config_map("after-the-list"))
    in_time = cluster.request("GET", path)
    assert "after-the-list" in in_time.body.decode()

    cluster.expire_history()

    too_late = json.loads(cluster.request("GET", path).body)
    status = too_late.get("object", too_late)
    assert (status["code"], status["reason"]) == (410, "Expired")


def test_a_page_from_before_history_expired_gets_410(disturbed: ControlPlane) -> None:
    cluster = disturbed
    for number in range(3):
        cluster.apply(_config_map(f"map-{number}"))
    first = cluster.request("GET", "/api/v1/namespaces/default/configmaps?limit=1").json()["metadata"]

    cluster.apply(_config_map("later"))
    cluster.expire_history()

    second = cluster.request("GET", f"/api/v1/namespaces/default/configmaps?limit=1&continue={first['continue']}")
    assert second.status == 410


def test_a_control_plane_that_cannot_start_shows_the_end_of_the_right_log(kubernetes_binary: Path) -> None:
    before = _directories()

    with pytest.raises(
        ClusterError, match=r"(?s)kube-apiserver ended with exit code 1; .*unknown flag: --no-such-flag"
    ):
        ControlPlane(binary=kubernetes_binary, apiserver_flags=["--no-such-flag"]).start()

    assert _directories() <= before


def test_stopping_leaves_no_process_and_no_file(kubernetes_binary: Path) -> None:
    cluster = ControlPlane(binary=kubernetes_binary).start()
    processes = psutil.Process(cluster.processes.warden_pid).children(recursive=True)
    assert len(processes) == 3

    cluster.stop()
    cluster.stop()

    assert not any(process.is_running() for process in processes)
    assert not cluster.directory.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_death_of_the_owner_leaves_no_process_and_no_file(kubernetes_binary: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(kubernetes_binary)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as owner:
        assert owner.stdout
        directory, warden = json.loads(owner.stdout.readline())
        processes = [psutil.Process(warden), *psutil.Process(warden).children(recursive=True)]

        os.kill(owner.pid, number)

        eventually(lambda: not any(process.is_running() for process in processes))
        eventually(lambda: not Path(directory).exists())


def _directories() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("k10-auditwatch-*"))
