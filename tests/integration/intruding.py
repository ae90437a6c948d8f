"""What is done to K10 in a day and a night, by its operators, by itself and by an intruder, in plain kubectl.

Every deed remembers the bytes of the audit log in which it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.errors import KubectlError
from tests.cluster.identities import ADMIN, BACKUP_OPERATOR, INTRUDER, Identity
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn

ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"
APPS = "/apis/apps.kio.kasten.io/v1alpha1"
ACTIONS = "actions.kio.kasten.io/v1alpha1"
HERE = "--namespace=kasten-io"
VAULT = "vaulted"
"""The application of this test: others have theirs."""
RIGHTS = f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: intruder-is-admin}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects:
- {{apiGroup: rbac.authorization.k8s.io, kind: User, name: {INTRUDER.user}}}
"""
POLICY = f"""
apiVersion: config.kio.kasten.io/v1alpha1
kind: Policy
metadata: {{name: vaulted, namespace: kasten-io}}
spec:
  frequency: "@daily"
  retention: {{daily: 2}}
  actions: [{{action: backup}}]
  selector: {{matchExpressions: [{{key: k10.kasten.io/appNamespace, operator: In, values: [{VAULT}]}}]}}
"""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, and the bytes of the log in which it stands."""

    name: str
    start: int
    end: int


@dataclass(slots=True)
class Session:
    """Does things to a cluster, one after the other, and remembers where in the log each stands."""

    k10: K10StandIn
    deeds: list[Deed] = field(default_factory=list)

    def do(self, name: str, act: Callable[[], object]) -> None:
        start = self.size
        with suppress(KubectlError):
            act()
        self.deeds.append(Deed(name, start, self.size))

    def kubectl(self, name: str, *arguments: str, by: Identity = INTRUDER, stdin: str | None = None) -> None:
        self.do(name, lambda: self.k10.cluster.kubectl(*arguments, identity=by, stdin=stdin))

    def create(self, name: str, kind: str, namespace: str = VAULT, *, api: str = ACTIONS, **body: Any) -> None:
        metadata = {"generateName": "test-", "namespace": namespace, **body.pop("metadata", {})}
        manifest = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {}, **body}
        self.kubectl(name, "create", "--filename=-", stdin=json.dumps(manifest))

    def request(self, name: str, method: str, path: str, body: object = None, **headers: str) -> None:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        identity = None if "Authorization" in headers else INTRUDER
        self.do(name, lambda: self.k10.cluster.request(method, path, body=body, headers=sent, identity=identity))

    @property
    def size(self) -> int:
        return self.k10.cluster.audit_log.stat().st_size


LEFT = (
    ("clusterrolebinding", "intruder-is-admin"),
    ("namespace", VAULT),
    ("policies.config.kio.kasten.io", "vaulted", HERE),
    ("pod", "shell", HERE),
    ("secret", "planted", HERE),
)
"""What may be left of it, for `kubectl delete`."""


def live_through(session: Session) -> None:
    """All of it, in this order."""
    cluster = session.k10.cluster
    cluster.kubectl("create", "namespace", VAULT)
    _ordinary_day(session)
    _search_without_rights(session)
    cluster.apply(RIGHTS)
    _keys(session)
    _actions(session)
    _pods(session)
    _identity(session)
    _traces(session)


def tidy_up(session: Session) -> None:
    for leftover in LEFT:
        session.k10.cluster.kubectl("delete", *leftover, "--ignore-not-found", "--wait=false")


def _own_token(k10: K10StandIn) -> str:
    """The token that is mounted into K10's API server: bound to its pod."""
    uid = k10.cluster.kubectl(
        "get", "pods", HERE, "--selector=run=aggregatedapis-svc", "--output=jsonpath={.items[0].metadata.uid}"
    )
    config = (k10.machine.directory / f"{uid}.kubeconfig").read_text()
    return next(line.partition("token:")[2].strip() for line in config.splitlines() if "token:" in line)


def _run_policy(k10: K10StandIn, token: str) -> None:
    """As K10's executor does it on schedule."""
    path = f"/apis/{ACTIONS}/namespaces/kasten-io/runactions"
    spec = {"subject": {"kind": "Policy", "name": "vaulted", "namespace": "kasten-io"}}
    body = {"apiVersion": ACTIONS, "kind": "RunAction", "metadata": {"generateName": "scheduled-"}, "spec": spec}
    sent = {"Authorization": f"Bearer {token}", "User-Agent": "executor-server/v0.0.0"}
    answer = k10.cluster.request("POST", path, body=body, headers=sent, identity=None)
    assert answer.status == 201, answer.body
    name = answer.json()["metadata"]["name"]
    eventually(lambda: k10.cluster.request("GET", f"{path}/{name}").json()["status"].get("state") == "Complete")


def _run_policy_twice(k10: K10StandIn, token: str) -> None:
    for _ in range(2):
        _run_policy(k10, token)


def _ordinary_day(session: Session) -> None:
    k10, by = session.k10, BACKUP_OPERATOR
    session.kubectl("an administrator sets a policy up", "apply", "--filename=-", by=ADMIN, stdin=POLICY)
    token = _own_token(k10)
    session.do("K10 backs up", lambda: _run_policy_twice(k10, token))
    session.do("K10 retires by retention", lambda: _run_policy(k10, token))
    everything = (
        "policies,profiles.config.kio.kasten.io,policypresets,blueprints,restorepoints,backupactions,runactions"
    )
    session.kubectl("an operator looks around", "get", everything, "--all-namespaces", by=by)
    session.kubectl("an operator lists contents", "get", "restorepointcontents,clusterrestorepoints", by=by)
    session.kubectl("an administrator looks at K10", "get", "all,configmaps,pvc", HERE, by=ADMIN)
    session.kubectl("an administrator describes a policy", "describe", "policy", "daily-backup", HERE, by=ADMIN)
    session.kubectl("an administrator asks for rights", "auth", "can-i", "--list", by=ADMIN)
    session.kubectl("an administrator restarts a part", "rollout", "restart", "deployment/logging-svc", HERE, by=ADMIN)
    session.kubectl("a namespace comes", "create", "namespace", "passing", by=ADMIN)
    session.kubectl("a namespace goes", "delete", "namespace", "passing", by=ADMIN)
    session.kubectl("Helm looks for its release", "get", "secrets", HERE, "--selector=owner=helm", by=ADMIN)


def _search_without_rights(session: Session) -> None:
    session.kubectl("a refused passkey", "get", "passkeys")
    session.kubectl("a refused secret", "get", "secret", "k10-dr-secret", HERE)
    session.kubectl("a refused token", "create", "token", "k10-k10", HERE)
    session.kubectl("a refused list", "get", "restorepointcontents")
    session.kubectl("a refused deletion", "delete", "restorepointcontent", "shop-scheduled-00001")
    tried = ("restorepointcontents", "clusterrestorepoints", "restorepoints", "applications", "restorepointcontents/x")
    for number, resource in enumerate((tried[0], tried[0], *tried[1:])):
        session.request(f"nobody {number}", "GET", f"{APPS}/{resource}", Authorization="Bearer nonsense")


def _keys(session: Session) -> None:
    passkeys = "/apis/vault.kio.kasten.io/v1alpha1/passkeys"
    passkey = {"apiVersion": "vault.kio.kasten.io/v1alpha1", "kind": "Passkey", "metadata": {"name": "mine"}}
    session.kubectl("passkey read", "get", "passkey", "k10MasterKey")
    session.kubectl("passkey created", "create", "--filename=-", stdin=json.dumps({**passkey, "spec": {}}))
    options = {"kind": "DeleteOptions", "apiVersion": "v1"}
    session.request("passkey deleted by what calls itself a dry run", "DELETE", f"{passkeys}/mine?dryRun=All", options)
    session.kubectl("passphrase read", "get", "secret", "k10-dr-secret", HERE)
    session.kubectl("passphrase changed", "label", "secret", "k10-dr-secret", HERE, "touched=yes")
    session.kubectl("passphrase put back", "label", "secret", "k10-dr-secret", HERE, "touched-", by=ADMIN)
    session.kubectl("credentials read", "get", "secret", "k10-s3-secret", HERE, "--output=yaml")
    session.kubectl("secrets listed", "get", "secrets", HERE)
    session.kubectl("secrets of the cluster listed", "get", "secrets", "--all-namespaces")
    session.kubectl("secret planted", "create", "secret", "generic", "planted", HERE, "--from-literal=a=b")


def _actions(session: Session) -> None:
    session.create("retired", "RetireAction", "")
    for number in range(3):
        session.create(f"cancelled {number}", "CancelAction")
    session.create("restored", "RestoreAction")
    session.create("restored in a batch", "BatchRestoreAction", "kasten-io")
    session.create("cluster restored", "RestoreClusterAction", "")
    session.create("imported", "ImportAction", "kasten-io")
    session.create("exported", "ExportAction")
    session.create("files opened", "FileRecoverySession", api="datamover.kio.kasten.io/v1alpha1")
    session.create("blueprint run", "ActionSet", "kasten-io", api="cr.kanister.io/v1alpha1")
    session.create("data bound", "RestorePoint", api="apps.kio.kasten.io/v1alpha1")
    listed = session.k10.cluster.request("GET", f"{APPS}/restorepointcontents").json()["items"]
    content = next(each["metadata"]["name"] for each in listed if VAULT in each["metadata"]["name"])
    session.kubectl("content deleted", "delete", "restorepointcontent", content, "--wait=false")
    session.request("points deleted", "DELETE", f"{APPS}/namespaces/{VAULT}/restorepoints")


def _pods(session: Session) -> None:
    pod = "deployment/executor-svc"
    session.kubectl("pod entered", "exec", HERE, pod, "--container=executor-svc", "--", "id")
    session.kubectl("pod attached", "attach", HERE, pod, "--container=executor-svc")
    name = session.k10.cluster.kubectl(
        "get", "pods", HERE, "--selector=run=crypto-svc", "--output=jsonpath={.items[0].metadata.name}"
    )
    debug = ("debug", HERE, f"pod/{name}", "--image=busybox", "--profile=general", "--attach=false")
    session.kubectl("pod debugged", *debug)
    session.kubectl("port forwarded", "port-forward", HERE, f"pod/{name}", "0:8000", "--pod-running-timeout=1s")
    session.request("service reached", "DELETE", "/api/v1/namespaces/kasten-io/services/http:catalog-svc:8000/proxy/x")
    overrides = {"spec": {"serviceAccountName": "k10-k10"}}
    shell = ("run", "shell", HERE, "--image=busybox", f"--overrides={json.dumps(overrides)}")
    session.kubectl("pod started", *shell)


def _identity(session: Session) -> None:
    k10, policies = session.k10, "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies"
    session.kubectl("token minted", "create", "token", "k10-k10", HERE)
    session.do("stolen token used", lambda: k10.kubectl("get", "policies", HERE))
    session.do("stolen token used for somebody", lambda: k10.kubectl("get", "pods", "--as=jane@example.com"))
    session.kubectl("acted as K10", "get", "policies", HERE, f"--as={ACCOUNT}")
    as_jane = ("--as=jane@example.com", "--as-group=k10:admins")
    session.kubectl("acted as somebody else", "get", "policies", HERE, *as_jane)
    own = {"Authorization": f"Bearer {_own_token(k10)}", "User_Agent": "dashboardbff-server/v0.0.0"}
    patch, kind = {"spec": {"comment": "x"}}, "application/merge-patch+json"
    session.request("dashboard of nobody", "PATCH", f"{policies}/vaulted", patch, Content_Type=kind, **own)
    jane = {"Impersonate_User": "jane@example.com", "Impersonate_Group": "k10:admins"}
    session.request("dashboard of jane", "PATCH", f"{policies}/vaulted", patch, Content_Type=kind, **own, **jane)


def _traces(session: Session) -> None:
    event = {"involvedObject": {"kind": "Pod", "namespace": "kasten-io", "name": "x"}, "reason": "Test"}
    session.create("event planted", "Event", "kasten-io", api="v1", spec=None, **event)
    session.kubectl("events deleted", "delete", "events", "--all", HERE)
    guard = {"podSelector": {}, "policyTypes": ["Ingress"]}
    api = "networking.k8s.io/v1"
    session.create("guard set up", "NetworkPolicy", "kasten-io", api=api, spec=guard, metadata={"name": "guard"})
    session.kubectl("guard removed", "delete", "networkpolicy", "guard", HERE)
    session.kubectl(
        "policy paused", "patch", "policy", "vaulted", HERE, "--type=merge", '--patch={"spec":{"paused":true}}'
    )
    session.kubectl("policy deleted", "delete", "policies.config.kio.kasten.io", "vaulted", HERE)
