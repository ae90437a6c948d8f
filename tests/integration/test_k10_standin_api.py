"""The aggregated half of the K10 stand-in behaves like an API server of its own."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.errors import KubectlError
from tests.cluster.identities import BACKUP_OPERATOR, INTRUDER
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn

APPS = "/apis/apps.kio.kasten.io/v1alpha1"
PASSKEY = """\
apiVersion: vault.kio.kasten.io/v1alpha1
kind: Passkey
metadata: {name: NAME}
spec: {secret: {name: k10-cluster-passphrase, namespace: kasten-io}}
"""


def _items(k10: K10StandIn, *arguments: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(k10.cluster.kubectl("get", *arguments, "--output=json"))["items"]
    return items


def _passkey(k10: K10StandIn, name: str) -> None:
    k10.cluster.kubectl("create", "--filename=-", stdin=PASSKEY.replace("NAME", name))


@contextmanager
def _watching(k10: K10StandIn, resource: str) -> Iterator[Path]:
    """The growing output of a `kubectl get --watch`."""
    log = k10.cluster.directory / "watch.log"
    command = [str(k10.cluster.binary), "kubectl", "get", resource, "--watch", "--output-watch-events"]
    config = {"KUBECONFIG": str(k10.cluster.kubeconfig()), "HOME": str(k10.cluster.directory)}
    with log.open("w") as out, subprocess.Popen(command, stdout=out, env=config) as process:
        try:
            yield log
        finally:
            process.terminate()


def test_every_resource_of_the_aggregated_half_is_discoverable(k10: K10StandIn) -> None:
    listed = k10.cluster.kubectl("api-resources", "--output=name").split()

    assert {
        "restorepoints.apps.kio.kasten.io",
        "restorepointcontents.apps.kio.kasten.io",
        "clusterrestorepoints.apps.kio.kasten.io",
        "applications.apps.kio.kasten.io",
        "passkeys.vault.kio.kasten.io",
        "retireactions.actions.kio.kasten.io",
        "cancelactions.actions.kio.kasten.io",
        "storagerepositories.repositories.kio.kasten.io",
        "kastendrrestores.dr.kio.kasten.io",
        "policies.config.kio.kasten.io",
        "blueprints.cr.kanister.io",
    } <= set(listed)


def test_passkeys_keep_names_that_no_custom_resource_could_have(k10: K10StandIn) -> None:
    _passkey(k10, "kmsKey_v0")

    assert {"k10MasterKey", "kmsKey_v0"} <= {item["metadata"]["name"] for item in _items(k10, "passkeys")}
    assert "kmsKey_v0" in k10.cluster.kubectl("get", "passkey", "kmsKey_v0")
    k10.cluster.kubectl("delete", "passkey", "kmsKey_v0")
    assert "kmsKey_v0" not in k10.cluster.kubectl("get", "passkeys")


def test_long_lists_come_in_pages_that_miss_and_repeat_nothing(k10: K10StandIn) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = k10.cluster.request("GET", f"{APPS}/restorepointcontents?limit=4&continue={token}").json()
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break

    whole = k10.cluster.request("GET", f"{APPS}/restorepointcontents").json()
    assert names == [item["metadata"]["name"] for item in whole["items"]]
    assert len(names) > 4


def test_selectors_choose_by_label_and_by_name(k10: K10StandIn) -> None:
    by_label = _items(k10, "restorepoints", "--all-namespaces", "--selector=k10.kasten.io/appName=billing")
    by_name = _items(k10, "restorepoints", "--all-namespaces", "--field-selector=metadata.name=scheduled-00010")

    assert {item["metadata"]["namespace"] for item in by_label} == {"billing"}
    assert {item["metadata"]["namespace"] for item in by_name} == {"shop", "billing", "intranet"}


def test_a_watch_sees_additions_and_deletions(k10: K10StandIn) -> None:
    with _watching(k10, "passkeys") as log:
        eventually(lambda: "k10MasterKey" in log.read_text())
        _passkey(k10, "watched")
        eventually(lambda: re.search(r"ADDED\s+watched", log.read_text()))
        k10.cluster.kubectl("delete", "passkey", "watched")
        eventually(lambda: re.search(r"DELETED\s+watched", log.read_text()))


def test_a_watch_list_ends_with_the_bookmark_that_marks_the_present(k10: K10StandIn) -> None:
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"
    answer = k10.cluster.request("GET", f"/apis/vault.kio.kasten.io/v1alpha1/passkeys?{query}")

    events = [json.loads(line) for line in answer.body.splitlines()]
    assert events[0]["type"] == "ADDED"
    marks = [event["object"]["metadata"].get("annotations", {}) for event in events if event["type"] == "BOOKMARK"]
    assert {"k8s.io/initial-events-end": "true"} in marks


def test_a_restart_keeps_objects_and_forgets_history(k10: K10StandIn) -> None:
    before = k10.cluster.request("GET", f"{APPS}/restorepoints").json()
    _passkey(k10, "kept")

    k10.restart()

    after = k10.cluster.request("GET", f"{APPS}/restorepoints").json()
    assert [item["metadata"]["uid"] for item in after["items"]] == [item["metadata"]["uid"] for item in before["items"]]
    assert "kept" in k10.cluster.kubectl("get", "passkeys")
    version = before["metadata"]["resourceVersion"]
    stale = k10.cluster.request("GET", f"{APPS}/restorepoints?watch=1&resourceVersion={version}&timeoutSeconds=5")
    assert stale.status == 410 or json.loads(stale.body.splitlines()[0])["object"]["code"] == 410
    k10.cluster.kubectl("delete", "passkey", "kept")


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", '{"spec":{"disableMaintenance":true}}'),
        ("json", '[{"op":"replace","path":"/spec/disableMaintenance","value":true}]'),
    ],
)
def test_objects_can_be_patched(k10: K10StandIn, kind: str, patch: str) -> None:
    target = ("storagerepository", "kopia-volumedata-repository-shop", "--namespace=kasten-io")

    k10.cluster.kubectl("patch", *target, f"--type={kind}", f"--patch={patch}")

    assert k10.cluster.kubectl("get", *target, "--output=jsonpath={.spec.disableMaintenance}") == "true"
    k10.cluster.kubectl("patch", *target, "--type=merge", '--patch={"spec":{"disableMaintenance":false}}')


def test_objects_can_be_applied_and_remember_who_manages_their_fields(k10: K10StandIn) -> None:
    k10.cluster.kubectl(
        "apply",
        "--server-side",
        "--field-manager=gitops",
        "--filename=-",
        stdin=PASSKEY.replace("NAME", "applied"),
    )

    managers = json.loads(k10.cluster.kubectl("get", "passkey", "applied", "--show-managed-fields", "--output=json"))[
        "metadata"
    ]["managedFields"]
    assert [(entry["manager"], entry["operation"]) for entry in managers] == [("gitops", "Apply")]
    k10.cluster.kubectl("delete", "passkey", "applied")


def test_a_dry_run_deletes_nothing(k10: K10StandIn) -> None:
    content = "restorepointcontent/intranet-scheduled-00001"

    k10.cluster.kubectl("delete", content, "--dry-run=server")

    assert "intranet-scheduled-00001" in k10.cluster.kubectl("get", content)


def test_names_are_generated(k10: K10StandIn) -> None:
    made = k10.cluster.kubectl(
        "create",
        "--filename=-",
        "--output=name",
        stdin=json.dumps(
            {
                "apiVersion": "actions.kio.kasten.io/v1alpha1",
                "kind": "RetireAction",
                "metadata": {"generateName": "mine-"},
                "spec": {},
            }
        ),
    )

    assert made.startswith("retireaction.actions.kio.kasten.io/mine-")


def test_details_reveal_where_the_data_lies(k10: K10StandIn) -> None:
    details = k10.cluster.kubectl("get", "--raw", f"{APPS}/restorepointcontents/shop-scheduled-00010/details")

    assert json.loads(details)["status"]["details"]["artifacts"]


def test_applications_are_the_namespaces_of_users_and_cannot_be_written(k10: K10StandIn) -> None:
    k10.cluster.kubectl("create", "namespace", "newcomer")

    eventually(lambda: "newcomer" in k10.cluster.kubectl("get", "applications", "--all-namespaces"))
    with pytest.raises(KubectlError, match="MethodNotAllowed"):
        k10.cluster.kubectl("delete", "application", "newcomer", "--namespace=newcomer")


def test_who_may_not_is_refused(k10: K10StandIn) -> None:
    with pytest.raises(KubectlError, match="Forbidden"):
        k10.cluster.kubectl("get", "restorepoints", "--namespace=shop", identity=INTRUDER)

    assert "scheduled" in k10.cluster.kubectl("get", "restorepoints", "--namespace=shop", identity=BACKUP_OPERATOR)


def test_the_server_itself_asks_who_may_if_one_comes_past_the_aggregator(k10: K10StandIn) -> None:
    port = k10.machine.api_port
    command = ["curl", "--silent", "--insecure", "--output", "/dev/null", "--write-out", "%{http_code}"]
    direct = [*command, f"https://127.0.0.1:{port}{APPS}/restorepoints"]

    anonymous = subprocess.run(direct, capture_output=True, text=True, check=True)
    forged = subprocess.run(
        [*direct, "--header", "X-Remote-User: kubernetes-admin", "--header", "X-Remote-Group: system:masters"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (anonymous.stdout, forged.stdout) == ("403", "403")
