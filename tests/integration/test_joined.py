"""Changes of a real API server, told by its log and by a watch: each once, with both sides and the right actor."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditwatch.detection.matching import kind_of
from auditwatch.events.activity import Activity, LogRow
from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Scope, Serving, WatchedKind
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import Settler
from auditwatch.sources.state.streams import Stream
from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.integration.following import Running, following

GROUP = "config.kio.kasten.io"
WAYS = ["merge patch", "json patch", "apply", "update"]
NAMES = json.dumps([*(f"at-metadata-{index}" for index in range(len(WAYS))), "at-metadata-made", "at-metadata-cut"])
POLICY = f"""\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
  resources: [{{group: {GROUP}, resources: [policies], resourceNames: {NAMES}}}]
- level: RequestResponse
  resources: [{{group: {GROUP}}}]
"""
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"policies.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Policy", "plural": "policies", "singular": "policy"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
KIND = WatchedKind(
    group=GROUP,
    version="v1alpha1",
    resource="policies",
    kind="Policy",
    scope=Scope.EVERYWHERE,
    serving=Serving.CUSTOM,
)
PATH = f"/apis/{GROUP}/v1alpha1/namespaces/default/policies"


@pytest.fixture(scope="module")
def plane(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """A control plane that audits policies, one of them without bodies."""
    with ControlPlane(binary=kubernetes_binary, audit=Audit(policy=POLICY), with_controller_manager=False) as started:
        started.apply(json.dumps(DEFINITION))
        started.established(f"policies.{GROUP}")
        yield started


def policy(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}


def pause(plane: ControlPlane, name: str, way: str) -> None:
    """Pause a policy in one of the ways there are."""
    path, manager = f"{PATH}/{name}", "?fieldManager=intruder"
    if way == "update":
        body = json.loads(plane.request("GET", path).body)
        answer = plane.request("PUT", path + manager, body={**body, "spec": {"paused": True}})
    else:
        kind = {"merge patch": "merge-patch+json", "json patch": "json-patch+json", "apply": "apply-patch+yaml"}[way]
        bodies: dict[str, Any] = {
            "merge patch": {"spec": {"paused": True}},
            "json patch": [{"op": "replace", "path": "/spec/paused", "value": True}],
            "apply": policy(name, paused=True),
        }
        query = manager + ("&force=true" if way == "apply" else "")
        headers = {"Content-Type": f"application/{kind}"}
        answer = plane.request("PATCH", path + query, body=bodies[way], headers=headers)
    assert answer.status == 200, answer.body


def logged(plane: ControlPlane, running: Running) -> None:
    """The audit log into the inbox, as a source would."""
    for line in plane.audit_log.read_bytes().splitlines():
        record = record_of(
            decode(line), cluster="cluster-1", source="audit-log", received=time.time(), redactor=Redactor(b"key")
        )
        running.journal.receive(key=record.key, source="audit-log", payload=msgspec.json.encode(record))


def settled(running: Running) -> list[LogRow]:
    settler = Settler(running.journal, cluster="cluster-1", problems=Problems(), reading=Reading((K10Instance(),)))
    now = time.time()
    for at in (now, now + 50.0, now + 200.0):
        while settler.step(now=at):
            pass
    assert running.journal.unsettled_count() == 0
    return [msgspec.json.decode(row.payload, type=LogRow) for row in running.journal.log_after(0, limit=10_000)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("level", ["at-metadata", "with-bodies"])
async def test_a_policy_paused_in_any_way_is_one_activity_with_both_sides_and_its_actor(
    plane: ControlPlane, tmp_path: Path, level: str, way: str
) -> None:
    name = f"{level}-{WAYS.index(way)}"
    assert plane.request("POST", f"{PATH}?fieldManager=owner", body=policy(name, paused=False)).status == 201
    stream = Stream("cluster-1", KIND)
    async with following(tmp_path, plane.kubeconfig(), stream) as running:
        await running.until_watching()
        pause(plane, name, way)
        await running.until_told(("update", name))
        logged(plane, running)
        rows = settled(running)

    writes = [
        row for row in rows if isinstance(row, Activity) and row.verb in {"patch", "update"} and row.target.name == name
    ]
    last = max(writes, key=lambda row: row.time)
    assert isinstance(last.old_object, dict)
    assert isinstance(last.object, dict)
    assert (last.old_object["spec"], last.object["spec"]) == ({"paused": False}, {"paused": True})
    assert last.verb == ("update" if way == "update" else "patch")
    assert last.actor.user == "kubernetes-admin"
    assert [row for row in writes if row is not last] == []
    assert last.attribution == ("Correlated" if level == "at-metadata" else "Audited")
    assert not [row for row in rows if isinstance(row, Activity) and row.evidence == "State"]


@pytest.mark.parametrize("level", ["at-metadata", "with-bodies"])
async def test_a_policy_made_by_applying_it_is_a_creation_and_not_a_change(
    plane: ControlPlane, tmp_path: Path, level: str
) -> None:
    name = f"{level}-made"
    stream = Stream("cluster-1", KIND)
    async with following(tmp_path, plane.kubeconfig(), stream) as running:
        await running.until_watching()
        headers = {"Content-Type": "application/apply-patch+yaml"}
        path = f"{PATH}/{name}?fieldManager=gitops"
        assert plane.request("PATCH", path, body=policy(name, paused=True), headers=headers).status == 201
        await running.until_told(("create", name))
        logged(plane, running)
        rows = settled(running)

    (row,) = [each for each in rows if isinstance(each, Activity) and each.target.name == name]
    assert (row.verb, kind_of(row).verb, row.attribution, row.old_object) == ("patch", "create", "Audited", None)
    assert isinstance(row.object, dict)
    assert row.object["spec"] == {"paused": True}


async def test_a_field_taken_away_soon_after_another_write_is_the_work_of_who_took_it(
    plane: ControlPlane, tmp_path: Path
) -> None:
    name = "at-metadata-cut"
    path, headers = f"{PATH}/{name}", {"Content-Type": "application/merge-patch+json"}
    assert plane.request("POST", f"{PATH}?fieldManager=owner", body=policy(name, days=7, n=1)).status == 201
    stream = Stream("cluster-1", KIND)
    async with following(tmp_path, plane.kubeconfig(), stream) as running:
        await running.until_watching()
        await asyncio.sleep(1.1)  # managedFields cut times to whole seconds
        assert plane.request("PUT", f"{path}?fieldManager=owner", body=written(plane, path, n=2)).status == 200
        await running.until_told(("update", name))
        await asyncio.sleep(1.1)
        cut = {"spec": {"days": None}}
        assert plane.request("PATCH", f"{path}?fieldManager=intruder", body=cut, headers=headers).status == 200
        await running.until_told(("update", name), ("update", name))
        logged(plane, running)
        rows = settled(running)

    (row,) = [each for each in rows if isinstance(each, Activity) and (each.verb, each.target.name) == ("patch", name)]
    assert isinstance(row.old_object, dict)
    assert isinstance(row.object, dict)
    assert (row.old_object["spec"], row.object["spec"]) == ({"days": 7, "n": 2}, {"n": 2})
    assert (row.attribution, row.actor.user) == ("Correlated", "kubernetes-admin")
    assert not [each for each in rows if isinstance(each, Activity) and each.evidence == "State"]


def written(plane: ControlPlane, path: str, **spec: Any) -> dict[str, Any]:
    """The object that is there, with other values."""
    body: dict[str, Any] = json.loads(plane.request("GET", path).body)
    return {**body, "spec": {**body["spec"], **spec}}
