"""Events on a real API server: accepted, shown by kubectl, and few."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import InvalidError
from auditwatch.cluster.findings import FindingStore
from auditwatch.detection.changes import Change
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.rendering import manifest, status
from auditwatch.findings.state import FindingState
from auditwatch.outputs.events.bodies import name_of
from auditwatch.outputs.events.recorder import EVENTS, EventRecorder
from tests.cluster.controlplane import ControlPlane
from tests.cluster.ours import define_ours, make_namespaces
from tests.unit.findings.making import START, WATCH, activity, ledger, signal

NAMESPACE = "events-room"
POLICY = {"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "Policy"}


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The shared control plane with our CRDs and a namespace of this module's own."""
    define_ours(control_plane)
    make_namespaces(control_plane, NAMESPACE)
    yield control_plane
    control_plane.kubectl("delete", "k10securityfindings", "--all", "--namespace", NAMESPACE)


class CountingCluster(Cluster):
    """The real client, which counts what it is asked to send."""

    calls = 0

    async def create(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        type(self).calls += 1
        return await super().create(*arguments, **options)

    async def patch(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        type(self).calls += 1
        return await super().patch(*arguments, **options)


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    CountingCluster.calls = 0
    async with await CountingCluster.connect(kubeconfig=plane.kubeconfig()) as connected:
        yield connected


def recorder_on(cluster: Cluster, instance: str = "auditwatch-0") -> EventRecorder:
    return EventRecorder(cluster, instance=instance, rate=1000.0, burst=1000)


class Incident:
    """One finding at the API server, of a rule that only one test uses."""

    def __init__(self, cluster: Cluster, rule: str) -> None:
        self.store = FindingStore(cluster)
        self.rule = rule
        self.book: Ledger = ledger()
        self.book.configure(WATCH, FindingPolicy(namespace=NAMESPACE))

    @property
    def state(self) -> FindingState:
        (state,) = self.book.states()
        return state

    async def seen(self, sequence: int) -> str:
        """Count one more and write it; the finding's uid."""
        body = activity(sequence, time=START + sequence, object=POLICY)
        changes = (Change("spec.retention.daily", 30, 1),)
        self.book.apply([signal(sequence, rule=self.rule, activity=body, changes=changes)])
        await self.store.create(manifest(self.state))
        answer = await self.store.write_status(NAMESPACE, self.state.name, status(self.state))
        assert answer is not None
        return str(answer["metadata"]["uid"])


async def told(recorder: EventRecorder, incident: Incident, *sequences: int) -> None:
    for sequence in sequences:
        uid = await incident.seen(sequence)
        recorder.offer(incident.state, uid=uid)
        await recorder.send_one()


def event_of(plane: ControlPlane, incident: Incident) -> dict[str, Any]:
    name = name_of(incident.state)
    text = plane.kubectl("get", "events.events.k8s.io", name, "--namespace", NAMESPACE, "--output=json")
    found: dict[str, Any] = json.loads(text)
    return found


async def test_describe_shows_the_event_below_the_finding(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "described-rule"), recorder_on(cluster)
    await told(recorder, incident, 1)
    text = plane.kubectl("describe", "k10f", incident.state.name, "--namespace", NAMESPACE)

    events = text.partition("\nEvents:")[2]
    assert "DescribedRule" in events
    assert "spec.retention.daily: 30 -> 1" in events
    assert "a hint, not proof" in events
    assert "Warning" in events


async def test_kubectl_events_finds_it_for_the_finding(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "asked-for-rule"), recorder_on(cluster)
    await told(recorder, incident, 1)
    subject = f"k10securityfinding/{incident.state.name}"
    text = plane.kubectl("events", f"--for={subject}", "--namespace", NAMESPACE)

    assert "AskedForRule" in text


async def test_an_event_is_kept_as_it_was_written(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "kept-event"), recorder_on(cluster)
    await told(recorder, incident, 1)
    event = event_of(plane, incident)

    assert (event["action"], event["reason"], event["type"]) == ("Detected", "KeptEvent", "Warning")
    assert event["reportingController"] == "k10auditwatch.io/operator"
    assert event["regarding"]["name"] == incident.state.name
    assert (event["related"]["kind"], event["related"]["name"]) == ("Policy", "daily")
    assert recorder.dropped == 0


async def test_a_thousand_repeats_are_at_most_three_requests(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "often-repeated"), recorder_on(cluster)
    uid = await incident.seen(1)
    CountingCluster.calls = 0
    for sequence in range(1, 1001):
        incident.book.apply([signal(sequence, rule=incident.rule)])
        recorder.offer(incident.state, uid=uid)
        await recorder.send_one()

    assert CountingCluster.calls == 3
    assert event_of(plane, incident)["series"]["count"] == 64
    assert recorder.dropped == 0


async def test_the_next_life_continues_the_series(plane: ControlPlane, cluster: Cluster) -> None:
    incident = Incident(cluster, "outlives-us")
    await told(recorder_on(cluster), incident, 1)
    next_life = recorder_on(cluster, "auditwatch-1")
    await told(next_life, incident, 2)
    event = event_of(plane, incident)

    assert event["series"]["count"] == 2
    assert event["reportingInstance"] == "auditwatch-0"
    assert next_life.dropped == 0


async def test_an_event_that_expired_is_made_again(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "expired-event"), recorder_on(cluster)
    await told(recorder, incident, 1)
    plane.kubectl("delete", "events.events.k8s.io", name_of(incident.state), "--namespace", NAMESPACE)
    await told(recorder, incident, 2)

    assert event_of(plane, incident)["series"]["count"] == 2
    assert recorder.dropped == 0


async def test_only_the_series_of_an_event_may_change(cluster: Cluster) -> None:
    incident = Incident(cluster, "frozen-event")
    await told(recorder_on(cluster), incident, 1)

    with pytest.raises(InvalidError):
        await cluster.patch(EVENTS, name_of(incident.state), {"note": "other"}, namespace=NAMESPACE)


async def test_the_longest_note_is_accepted(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "longest-note"), recorder_on(cluster)
    uid = await incident.seen(1)
    incident.state.title = "ü" * 250
    incident.state.changes = [
        type(change)(path="p" * 250, old="ö" * 250, new="ä" * 250, time=1.0) for change in incident.state.changes
    ]
    recorder.offer(incident.state, uid=uid)
    await recorder.send_one()

    assert recorder.dropped == 0
    assert 1020 < len(event_of(plane, incident)["note"].encode()) <= 1024


async def test_a_namespace_that_goes_away_is_asked_once(plane: ControlPlane, cluster: Cluster) -> None:
    incident, recorder = Incident(cluster, "going-away"), recorder_on(cluster)
    incident.book.apply([signal(1, rule="going-away")])
    state = incident.state
    plane.kubectl("create", "namespace", "going-away")
    holder = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "holder", "finalizers": ["example.com/hold"]},
    }
    plane.kubectl("apply", "--namespace=going-away", "--filename=-", stdin=json.dumps(holder))
    plane.kubectl("delete", "namespace", "going-away", "--wait=false")
    state.namespace = "going-away"
    CountingCluster.calls = 0
    recorder.offer(state, uid="11111111-1111-1111-1111-111111111111")
    await recorder.send_one()
    await recorder.send_one()
    plane.kubectl(
        "patch",
        "configmap",
        "holder",
        "--namespace=going-away",
        "--type=merge",
        '--patch={"metadata":{"finalizers":null}}',
    )

    assert CountingCluster.calls == 1
    assert recorder.dropped == 1
