"""Findings on a real API server: what it accepts, refuses and shows of what we write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ApiError, InvalidError
from auditwatch.cluster.findings import FINDINGS, FindingStore
from auditwatch.detection.changes import Change
from auditwatch.events.activity import Actor, Impersonator
from auditwatch.findings.lifecycle import Lifecycle, Triage, Watermark, review
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.rendering import MANAGED_BY, manifest, status
from auditwatch.findings.state import FindingState
from auditwatch.runtime.unwritable import refusal_text
from tests.cluster.controlplane import ControlPlane
from tests.cluster.ours import define_ours, make_namespaces
from tests.unit.findings.acting import AUDIT_ID, HOME, MALLORY, TAKEN_ON, audited, of
from tests.unit.findings.making import START, WATCH, gap_signal, ledger, signal

NAMESPACE = "findings-room"


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The shared control plane with our CRDs and a namespace of this module's own."""
    define_ours(control_plane)
    make_namespaces(control_plane, NAMESPACE)
    yield control_plane
    control_plane.kubectl("delete", "k10securityfindings", "--all", "--namespace", NAMESPACE)


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(kubeconfig=plane.kubeconfig()) as connected:
        yield connected


@pytest.fixture
def store(cluster: Cluster) -> FindingStore:
    return FindingStore(cluster)


def incident(rule: str, *signals: Any) -> FindingState:
    """The incident of signals 1, 2, 3 … of a rule that only one test uses."""
    book = ledger()
    book.configure(WATCH, FindingPolicy(namespace=NAMESPACE))
    book.apply(signals or [signal(1, rule=rule)])
    (state,) = book.states()
    return state


def triaged(state: FindingState) -> Lifecycle:
    seen = Watermark(state.journal_id, state.revision)
    return review(Lifecycle(), triage=Triage(generation=1), novel=seen, seen=seen, now=START)


async def written(store: FindingStore, state: FindingState) -> dict[str, Any]:
    """Create and report, as the publisher does."""
    await store.create(manifest(state))
    answer = await store.write_status(state.namespace, state.name, status(state, triaged(state)))
    assert answer is not None
    return answer


async def test_a_finding_is_kept_as_it_was_written(store: FindingStore) -> None:
    state = incident("kept", signal(1, rule="kept", changes=(Change("spec.retention.daily", 30, 1),)))
    found = await written(store, state)
    sent = status(state, triaged(state))

    assert found["spec"] == manifest(state)["spec"]
    assert {key: found["status"].get(key) for key in sent} == sent
    assert found["metadata"]["labels"] == manifest(state)["metadata"]["labels"]
    assert found["triage"]["state"] == "New"
    assert found["metadata"]["generation"] == 1


async def test_nothing_we_write_is_unknown_to_the_schema(plane: ControlPlane, store: FindingStore) -> None:
    state = incident("strict", signal(1, rule="strict", changes=(Change("a", 1, 2),)), signal(2, rule="strict"))
    await store.create(manifest(state))
    path = f"/apis/k10auditwatch.io/v1alpha1/namespaces/{NAMESPACE}/k10securityfindings/{state.name}/status"
    answer = plane.request(
        "PATCH",
        f"{path}?fieldValidation=Strict",
        body={"status": status(state, triaged(state))},
        headers={"Content-Type": "application/merge-patch+json"},
    )

    assert answer.status == 200, answer.body


async def test_a_gap_is_a_finding_too(store: FindingStore) -> None:
    found = await written(store, incident("source-gap", gap_signal(1)))

    assert found["status"]["title"]
    assert found["status"]["evidence"][0]["note"].startswith("HistoryLost")


async def test_creating_what_is_there_answers_with_it_and_changes_nothing(store: FindingStore) -> None:
    state = incident("twice")
    before = await written(store, state)
    again = await store.create(manifest(state))

    assert again == before


async def test_the_spec_cannot_be_changed(cluster: Cluster, store: FindingStore) -> None:
    state = incident("immutable")
    await store.create(manifest(state))

    with pytest.raises(InvalidError, match="spec is immutable"):
        await cluster.patch(FINDINGS, state.name, {"spec": {"rule": "other"}}, namespace=NAMESPACE)


async def test_writing_the_same_status_again_is_no_write(store: FindingStore) -> None:
    state = incident("absolute")
    before = await written(store, state)
    after = await written(store, state)

    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_a_status_of_a_deleted_finding_is_refused_as_none(cluster: Cluster, store: FindingStore) -> None:
    state = incident("deleted")
    await written(store, state)
    await cluster.delete(FINDINGS, state.name, namespace=NAMESPACE)

    assert await store.write_status(NAMESPACE, state.name, status(state)) is None
    assert await store.write_labels(NAMESPACE, state.name, {"a": "b"}) is None
    assert (await written(store, state))["status"]["count"] == 1


async def test_triage_moves_the_generation_and_status_and_labels_do_not(cluster: Cluster, store: FindingStore) -> None:
    state = incident("generation")
    await written(store, state)
    labelled = await store.write_labels(NAMESPACE, state.name, {"k10auditwatch.io/severity": "Critical"})
    triage = {"triage": {"state": "Acknowledged", "assignee": "ana"}}
    acknowledged = await cluster.patch(FINDINGS, state.name, triage, namespace=NAMESPACE)

    assert labelled is not None
    assert labelled["metadata"]["generation"] == 1
    assert acknowledged["metadata"]["generation"] == 2


async def test_findings_are_listed_by_our_label(cluster: Cluster, store: FindingStore) -> None:
    state = incident("listed")
    await written(store, state)
    stranger = manifest(incident("stranger"))
    stranger["metadata"]["labels"].pop("app.kubernetes.io/managed-by")
    await cluster.create(FINDINGS, stranger, namespace=NAMESPACE)
    names = [each["metadata"]["name"] for each in await store.list(NAMESPACE, managed_by=MANAGED_BY)]

    assert state.name in names
    assert stranger["metadata"]["name"] not in names


async def test_many_at_once_all_arrive(store: FindingStore) -> None:
    states = [incident(f"many-{index}") for index in range(24)]
    found = await asyncio.gather(*(written(store, state) for state in states))

    assert [each["status"]["count"] for each in found] == [1] * 24


async def test_the_largest_finding_we_can_make_is_accepted(store: FindingStore) -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(namespace=NAMESPACE))
    for index in range(1, 120):
        book.apply(
            [
                signal(
                    index,
                    rule="largest",
                    name=f"{index}-" + "n" * 240,
                    actor=Actor(
                        id=f"{index % 20}" + "ü" * 600,
                        name="n" * 600,
                        via="v" * 90,
                        kind="k" * 90,
                        credential_id=f"{index}" + "c" * 200,
                        pod="p" * 300,
                        node="n" * 300,
                        impersonator=Impersonator(id="ü" * 600),
                    ),
                    group=(("g" * 256, "v" * 3000),),
                    changes=(Change(f"path{index}" + "p" * 400, "o" * 500, ["\n" * 500]),),
                    title="t" * 400,
                    description="d" * 6000,
                    remediation="r" * 4000,
                    attack=tuple(f"T{number}" for number in range(20)),
                )
            ]
        )
    (state,) = book.states()
    found = await written(store, state)

    assert found["status"]["targetCount"] == 119
    assert (len(found["status"]["actors"]), len(found["status"]["actors"][0]["credentialIDs"])) == (10, 5)
    assert len(json.dumps(found)) < 200_000


async def test_kubectl_shows_the_finding_in_one_line(plane: ControlPlane, store: FindingStore) -> None:
    state = incident("shown-in-a-line")
    await written(store, state)
    table = plane.kubectl("get", "k10f", state.name, "--namespace", NAMESPACE)

    assert "High" in table
    assert "?kubectl-edit" in table
    assert "daily" in table


async def test_an_audited_finding_names_who_from_where_and_with_what(plane: ControlPlane, store: FindingStore) -> None:
    state = of(audited(1, TAKEN_ON, client=HOME))
    state = msgspec.structs.replace(state, namespace=NAMESPACE, key=f"{NAMESPACE}/{state.name}")
    found = await written(store, state)

    (actor,) = found["status"]["actors"]
    assert (actor["id"], actor["impersonator"], actor["attribution"]) == (TAKEN_ON.id, MALLORY.id, "Audited")
    assert (actor["clientIPs"], actor["credentialIDs"]) == ([HOME.ip], [MALLORY.credential_id])
    assert found["status"]["clients"] == [{"ip": HOME.ip, "agent": HOME.agent}]
    assert found["status"]["evidence"][0]["auditID"] == AUDIT_ID
    assert "mallory@example…" in plane.kubectl("get", "k10f", state.name, "--namespace", NAMESPACE)


async def test_the_servers_own_refusals_are_told_with_the_fix_for_each(
    store: FindingStore, plane: ControlPlane
) -> None:
    going = "findings-going"
    make_namespaces(plane, going)
    plane.kubectl("create", "configmap", "held", "--namespace", going)
    held = '{"metadata": {"finalizers": ["example.com/held"]}}'
    plane.kubectl("patch", "configmap", "held", "--namespace", going, "--type", "merge", "--patch", held)
    plane.kubectl("delete", "namespace", going, "--wait=false")
    try:
        assert "create namespace 'nowhere'" in await refusal(store, "nowhere")
        assert f"namespace '{going}' is being deleted" in await refusal(store, going)
    finally:
        free = '{"metadata": {"finalizers": null}}'
        plane.kubectl("patch", "configmap", "held", "--namespace", going, "--type", "merge", "--patch", free)


async def refusal(store: FindingStore, namespace: str) -> str:
    state = incident("refused")
    body = manifest(state)
    body["metadata"]["namespace"] = namespace
    with pytest.raises(ApiError) as refused:
        await store.create(body)
    return refusal_text(refused.value, namespace=namespace)
