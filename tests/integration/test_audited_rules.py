"""What a real API server writes of deeds, held against rules: who it was, what changed, and what was no change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import needles_of
from auditwatch.detection.remembered import Remembered
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity, Request
from auditwatch.events.decode import decode
from auditwatch.events.derived import is_decisive
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.k10.view import InstalledK10
from tests.cluster.audit import EVERYTHING, Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import ADMIN, INTRUDER
from tests.k10 import crds

K10 = InstalledK10()
GROUP = "config.kio.kasten.io"
POLICIES = f"/apis/{GROUP}/v1alpha1/namespaces/kasten-io/policies"
PODS = "/api/v1/namespaces/kasten-io/pods"
ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"
REDACTOR = Redactor(b"a key of an installation")
PAUSED: dict[str, Any] = {"spec": {"paused": True}}
RULES: list[dict[str, Any]] = [
    {
        "name": "policy-paused",
        "match": {"apiGroups": [GROUP], "resources": ["policies"], "verbs": ["update", "patch"]},
        "where": [{"field": "object.spec.paused", "operator": "ChangedTo", "values": ["true"]}],
    }
]


def _policy(name: str, *, paused: bool = False) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name, "namespace": "kasten-io"},
        "spec": {"paused": paused, "frequency": "@daily", "actions": [{"action": "backup"}]},
    }


class Deeds:
    """Sends requests that can be told apart in the log, and reads from it what became of them."""

    def __init__(self, cluster: ControlPlane) -> None:
        self.cluster = cluster

    def do(self, deed: str, method: str, path: str, body: object = None, **headers: str) -> int:
        """Send one request as the administrator, or with the ``Authorization`` that is given; the status code."""
        identity = None if "Authorization" in headers else ADMIN
        sent = {"Audit-ID": deed, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.cluster.request(method, path, body=body, headers=sent, identity=identity).status

    def rows(self) -> dict[str, Activity]:
        """What became of every deed, as the row rules are matched against."""
        seen = Circumstances(k10=K10, pods=AnyPod())
        memory = Remembered()
        rows: dict[str, Activity] = {}
        for line in self.lines():
            record = record_of(decode(line), cluster="c", source="audit-log", received=0.0, redactor=REDACTOR)
            if is_decisive(record.event):
                rows[record.event.audit_id] = memory.completed(activity_of(record, seen))
        return rows

    def lines(self) -> list[bytes]:
        return self.cluster.audit_log.read_bytes().splitlines()


@pytest.fixture(scope="module")
def deeds(kubernetes_binary: Path) -> Iterator[Deeds]:
    """Everything that is done to the cluster, done once."""
    with ControlPlane(
        binary=kubernetes_binary, audit=Audit(policy=EVERYTHING), with_controller_manager=False
    ) as cluster:
        manifests = [each for each in crds.definitions() if each["metadata"]["name"] == f"policies.{GROUP}"]
        cluster.apply(manifests)
        cluster.established(*(each["metadata"]["name"] for each in manifests))
        cluster.apply(_SETTING)
        made = Deeds(cluster)
        _pause(made)
        _act_as_others(made)
        _pretend(made)
        yield made


_SETTING: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kasten-io"}},
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "k10-k10", "namespace": "kasten-io"}},
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "k10-is-admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "k10-k10", "namespace": "kasten-io"}],
    },
]

PATCHES = {
    "merge": ("application/merge-patch+json", PAUSED),
    "json": ("application/json-patch+json", [{"op": "replace", "path": "/spec/paused", "value": True}]),
    "whole": (
        "application/json-patch+json",
        [{"op": "replace", "path": "/spec", "value": {"paused": True, "frequency": "@daily"}}],
    ),
    "apply": ("application/apply-patch+yaml", _policy("apply", paused=True)),
    "label": ("application/merge-patch+json", {"metadata": {"labels": {"a": "b"}}}),
}


def _pause(deeds: Deeds) -> None:
    for name in (*PATCHES, "update"):
        assert deeds.do(f"create-{name}", "POST", POLICIES, _policy(name)) == 201
    for name, (kind, body) in PATCHES.items():
        query = "?fieldManager=test&force=true" if name == "apply" else ""
        assert deeds.do(f"patch-{name}", "PATCH", f"{POLICIES}/{name}{query}", body, Content_Type=kind) == 200
    stored = deeds.cluster.request("GET", f"{POLICIES}/update").json()
    stored["spec"]["paused"] = True
    assert deeds.do("update", "PUT", f"{POLICIES}/update", stored) == 200


def _act_as_others(deeds: Deeds) -> None:
    pod = {
        "metadata": {"name": "catalog-0"},
        "spec": {"serviceAccountName": "k10-k10", "containers": [{"name": "c", "image": "i"}]},
    }
    answer = deeds.cluster.request("POST", PODS, body=pod)
    assert answer.status == 201, answer.body
    uid = answer.json()["metadata"]["uid"]
    minting = "/api/v1/namespaces/kasten-io/serviceaccounts/k10-k10/token"
    bound = {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "catalog-0", "uid": uid}}}
    inside = deeds.cluster.request("POST", minting, body=bound).json()["status"]["token"]
    assert deeds.do("minted", "POST", minting, {"spec": {}}) == 201
    stolen = deeds.cluster.service_account_token("kasten-io", "k10-k10")
    for name, token in (("inside", inside), ("stolen", stolen)):
        assert deeds.do(name, "GET", POLICIES, Authorization=f"Bearer {token}") == 200
        as_jane = {
            "Authorization": f"Bearer {token}",
            "Impersonate_User": "jane",
            "Impersonate_Group": "system:masters",
        }
        assert deeds.do(f"{name}-as-jane", "GET", POLICIES, **as_jane) == 200
    assert deeds.do("as-k10", "GET", POLICIES, Impersonate_User=ACCOUNT) == 200
    assert deeds.do("nobody", "GET", POLICIES, Authorization="Bearer nonsense") == 401


def _pretend(deeds: Deeds) -> None:
    assert deeds.do("dry-create", "POST", f"{POLICIES}?dryRun=All", _policy("dry")) == 201
    assert deeds.do("dry-delete", "DELETE", f"{POLICIES}/label?dryRun=All") == 200
    assert deeds.do("exec", "GET", f"{PODS}/catalog-0/exec?command=sh&command=-c&command=id") >= 400
    assert deeds.do("denied", "GET", POLICIES, Authorization=f"Bearer {deeds.cluster.token(INTRUDER)}") == 403
    assert deeds.do("emptied", "DELETE", POLICIES) == 200


def test_a_pause_is_found_whatever_form_it_was_sent_in_with_old_and_new_value(deeds: Deeds) -> None:
    rules, problems = compile_watch(RuleSource(watch="t/w", rules=[("r", rule) for rule in RULES]), k10=K10, now=0.0)
    assert problems == ()
    detector = Detector()
    detector.install(rules, in_force_from={})
    found = {
        row.target.name: signal
        for sequence, row in enumerate(deeds.rows().values(), start=1)
        for signal in detector.observe(sequence, row)
    }
    assert set(found) == {"merge", "json", "whole", "apply", "update"}
    for signal in found.values():
        assert ("spec.paused", False, True) in [(each.path, each.old, each.new) for each in signal.changes]
        assert signal.activity is not None
        assert signal.activity.actor.id == ADMIN.user


def test_without_what_was_before_a_patch_that_names_the_path_is_enough(deeds: Deeds) -> None:
    rules, _ = compile_watch(RuleSource(watch="t/w", rules=[("r", RULES[0])]), k10=K10, now=0.0)
    detector = Detector()
    detector.install(rules, in_force_from={})
    rows = deeds.rows()
    for name in PATCHES:
        bare = _alone(rows[f"patch-{name}"])
        assert len(detector.observe(1, bare)) == (name != "label"), name


def _alone(activity: Activity) -> Activity:
    """As the event alone shows it."""
    return msgspec.structs.replace(activity, old_object=msgspec.UNSET)


@pytest.mark.parametrize(
    ("deed", "kind", "via", "is_k10"),
    [
        ("inside", "K10", "K10Internal", True),
        ("inside-as-jane", "User", "K10Dashboard", False),
        ("stolen", "K10Suspect", "Direct", False),
        ("stolen-as-jane", "K10Suspect", "Impersonation", False),
        ("as-k10", "K10Suspect", "Impersonation", False),
        ("nobody", "Unauthenticated", "Direct", False),
        ("denied", "User", "Direct", False),
    ],
)
def test_who_acts_is_told_by_what_the_server_proved(
    deeds: Deeds, deed: str, kind: str, via: str, is_k10: object
) -> None:
    actor = deeds.rows()[deed].actor
    assert (actor.kind, actor.via, actor.is_k10) == (kind, via, is_k10)


def test_a_minted_token_is_known_again_where_it_is_used(deeds: Deeds) -> None:
    rows = deeds.rows()
    assert getattr(rows["minted"].response, "issued_credential_id", "").startswith("JTI=")
    assert str(rows["stolen"].actor.credential_id).startswith("JTI=")
    assert rows["stolen"].actor.pod_uid is None
    assert rows["inside"].actor.pod == "catalog-0"


def test_only_a_dry_run_that_cannot_lie_is_one(deeds: Deeds) -> None:
    rows = deeds.rows()
    dry = {deed: rows[deed].request for deed in ("dry-create", "dry-delete", "update")}
    assert [request.dry_run for request in dry.values() if isinstance(request, Request)] == [True, None, False]


def test_connecting_shows_its_command_and_a_collection_its_size(deeds: Deeds) -> None:
    rows = deeds.rows()
    assert rows["exec"].verb == "get"
    assert getattr(rows["exec"].request, "args", None) == ("sh", "-c", "id")
    assert rows["emptied"].target.count == len(PATCHES) + 1


def test_needles_select_every_event_of_the_rule_and_few_others(deeds: Deeds) -> None:
    rules, _ = compile_watch(RuleSource(watch="t/w", rules=[("r", RULES[0])]), k10=K10, now=0.0)
    prefilter = Prefilter(needles_of([rules]))
    about = [line for line in deeds.lines() if b'"apiGroup":"config.kio.kasten.io"' in line and b'"policies"' in line]
    selected = [line for line in deeds.lines() if prefilter.selects(line)]
    assert set(about) <= set(selected)
    assert len(selected) < len(deeds.lines()) / 2
