"""A real kube-apiserver posts to the webhook source, told to by what ``auditwatch webhook-config`` prints."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Self

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.token_review import ClusterTokenReviewer, ReviewedToken
from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.unwrap import unwrap
from auditwatch.sources.webhook.apiserver import Credentials, flags, kubeconfig
from auditwatch.sources.webhook.plan import Sender
from auditwatch.sources.webhook.report import WebhookReport
from auditwatch.sources.webhook.reviewing import AUDIENCE
from tests.cluster.audit import EVERYTHING, Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import INTRUDER
from tests.cluster.waiting import eventually
from tests.unit.sources.making import open_journal
from tests.unit.sources.webhook.making import INSTANCE, PATH, SOURCE, Rig, running

NAME = "kube-apiserver-audit"
MERGE = {"Content-Type": "application/merge-patch+json"}
AGENTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: webhook-agents}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: webhook-agents}
---
apiVersion: v1
kind: Node
metadata: {name: node-7}
---
apiVersion: v1
kind: Pod
metadata: {name: agent-of-node-7, namespace: webhook-agents}
spec: {serviceAccountName: agent, nodeName: node-7, containers: [{name: agent, image: agent}]}
"""
HOSTILE = {
    "a number of 5,000 digits": b'{"data":{"a":' + b"9" * 5_000 + b"}}",
    "a number out of range": b'{"data":{"a":1e999999}}',
    "nesting of 3,000": b'{"metadata":{"annotations":' + b'{"a":' * 3_000 + b"1" + b"}" * 3_000 + b"}}",
    "half a character": b'{"metadata":{"annotations":{"a":"\\ud800"}}}',
    "no UTF-8": b'{"metadata":{"annotations":{"a":"\xff\xfe"}}}',
}


class Receiving:
    """The source in a thread and a loop of its own, as in the operator."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._rig: Future[Rig] = Future()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        self.rig = self._rig.result(timeout=30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(30)
        self._loop.close()

    async def _run(self) -> None:
        senders = [Sender(source=SOURCE, instance=INSTANCE, certificate_name=NAME)]
        with open_journal(self._directory) as journal:
            async with running(self._directory, journal, senders=senders) as rig:
                self._rig.set_result(rig)
                await self._ending.wait()

    def inside(self, function: Callable[[], Any]) -> Any:
        """What a function returns that has to run where the source does."""

        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def records(self) -> list[AuditRecord]:
        records: list[AuditRecord] = self.inside(self.rig.intake.records)
        return records

    def report(self) -> WebhookReport:
        return self.rig.report(INSTANCE)

    def look_at_files(self) -> None:
        assert self.rig.source._tls
        tls = self.rig.source._tls
        self.inside(lambda: self.rig.source._look_at_files(tls))


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiving]:
    with Receiving(tmp_path_factory.mktemp("webhook")) as started:
        yield started


@pytest.fixture(scope="module")
def posting(
    kubernetes_binary: Path, receiving: Receiving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A control plane that logs everything to a file and posts it as it is told to in production."""
    keys = receiving.rig.keys
    pair = keys.authority.issue(NAME)
    config = tmp_path_factory.mktemp("apiserver") / "audit-webhook.kubeconfig"
    config.write_text(
        kubeconfig(
            url=receiving.rig.url(PATH),
            authority=keys.authority.pair.certificate_pem,
            credentials=Credentials(certificate=pair.certificate_pem, key=pair.key_pem),
        ),
        encoding="ascii",
    )
    # Tests do not wait 20 seconds to see that a batch comes again.
    told = {flag.name: flag.value for flag in flags(str(config))} | {
        "audit-webhook-batch-max-wait": "100ms",
        "audit-webhook-initial-backoff": "500ms",
    }
    with ControlPlane(
        binary=kubernetes_binary,
        audit=Audit(policy=EVERYTHING),
        apiserver_flags=tuple(f"--{name}={value}" for name, value in told.items()),
        with_controller_manager=False,
    ) as started:
        yield started


def _of(receiving: Receiving, name: str) -> list[AuditRecord]:
    """The completed requests about objects of this name that arrived."""
    return [
        record
        for record in receiving.records()
        if record.event.object_ref and record.event.object_ref.name == name and record.event.stage == "ResponseComplete"
    ]


def test_what_happens_arrives_with_who_did_it(posting: ControlPlane, receiving: Receiving) -> None:
    answer = posting.request("GET", "/api/v1/namespaces/default/secrets/passphrase", identity=INTRUDER)
    assert answer.status == 403

    eventually(lambda: _of(receiving, "passphrase"))

    (record,) = _of(receiving, "passphrase")
    assert record.event.user.username == INTRUDER.user
    assert (record.event.verb, record.event.response_status and record.event.response_status.code) == ("get", 403)
    assert (record.source, record.instance) == (SOURCE, INSTANCE)
    report = receiving.report()
    assert report.state == "Receiving"
    assert report.undecodable == {}
    assert report.last_event == pytest.approx(dt.datetime.now(dt.UTC).timestamp(), abs=600)


def test_the_same_event_from_the_log_and_from_the_webhook_has_one_key(
    posting: ControlPlane, receiving: Receiving
) -> None:
    posting.kubectl("create", "configmap", "twice", "--from-literal=answer=42")
    eventually(lambda: _of(receiving, "twice"))

    logged = [
        record_of(decode(event), cluster="prod", source="file", received=0.0, redactor=Redactor(b"key")).key
        for line in posting.audit_log.read_bytes().splitlines()
        for event in unwrap(line)
    ]

    eventually(lambda: set(logged) <= {record.key for record in receiving.records()})


def test_hostile_bodies_cost_no_neighbour(posting: ControlPlane, receiving: Receiving) -> None:
    posting.kubectl("create", "configmap", "hostile")
    for number, body in enumerate(HOSTILE.values()):
        posting.request("GET", f"/api/v1/namespaces/default/configmaps/before-{number}")
        posting.request("PATCH", "/api/v1/namespaces/default/configmaps/hostile", body=body, headers=MERGE)
        posting.request("GET", f"/api/v1/namespaces/default/configmaps/after-{number}")

    neighbours = [f"{side}-{number}" for side in ("before", "after") for number in range(len(HOSTILE))]
    eventually(lambda: all(_of(receiving, name) for name in neighbours))
    eventually(lambda: len([each for each in _of(receiving, "hostile") if each.event.verb == "patch"]) == len(HOSTILE))
    assert receiving.report().undecodable == {}


def test_an_event_of_megabytes_arrives(posting: ControlPlane, receiving: Receiving) -> None:
    large = {"data": {"text": "<" * 1_000_000}}
    posting.kubectl("create", "configmap", "large")
    assert (
        posting.request("PATCH", "/api/v1/namespaces/default/configmaps/large", body=large, headers=MERGE).status == 200
    )

    eventually(lambda: [each for each in _of(receiving, "large") if each.event.verb == "patch"])
    (record,) = [each for each in _of(receiving, "large") if each.event.verb == "patch"]
    assert record.degraded == ("BodyTooLarge",)


def test_a_journal_that_is_full_for_a_while_loses_nothing(posting: ControlPlane, receiving: Receiving) -> None:
    intake = receiving.rig.intake
    intake.fails = RuntimeError("full")
    posting.request("GET", "/api/v1/namespaces/default/configmaps/while-full")
    eventually(lambda: receiving.report().refused.get("NotRecorded"))

    intake.fails = None

    eventually(lambda: _of(receiving, "while-full"))


def test_certificates_are_replaced_under_a_posting_api_server(posting: ControlPlane, receiving: Receiving) -> None:
    receiving.rig.keys.serve("renewed")
    receiving.look_at_files()

    posting.request("GET", "/api/v1/namespaces/default/configmaps/after-renewal")

    eventually(lambda: _of(receiving, "after-renewal"))
    assert receiving.report().message == ""


def _bound_token(cluster: ControlPlane, namespace: str, *, pod: str, audience: str) -> str:
    spec = {"audiences": [audience], "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": pod}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/agent/token"
    answer = cluster.request("POST", path, body={"spec": spec})
    assert answer.status == 201, answer.body
    return str(answer.json()["status"]["token"])


@pytest.fixture(scope="module")
def agents(control_plane: ControlPlane) -> str:
    """A namespace with an agent's account and its pod on node-7."""
    control_plane.apply(AGENTS)
    return "webhook-agents"


async def test_an_api_server_says_whose_token_it_is_and_of_which_node(
    control_plane: ControlPlane, agents: str, tmp_path: Path
) -> None:
    ours = _bound_token(control_plane, agents, pod="agent-of-node-7", audience=AUDIENCE)
    others = _bound_token(control_plane, agents, pod="agent-of-node-7", audience="https://kubernetes.default.svc")

    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        reviewer = ClusterTokenReviewer(cluster)
        whose = ReviewedToken(username=f"system:serviceaccount:{agents}:agent", node="node-7")
        assert await reviewer.review(ours, audience=AUDIENCE) == whose
        assert await reviewer.review(others, audience=AUDIENCE) is None
        assert await reviewer.review("nonsense", audience=AUDIENCE) is None

    with open_journal(tmp_path) as journal:
        senders = [Sender(source=SOURCE, instance="*", service_account=f"{agents}/agent")]
        async with (
            await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster,
            running(tmp_path, journal, senders=senders, reviewer=ClusterTokenReviewer(cluster)) as rig,
        ):
            assert (await rig.post(b"", token=ours, path=f"/ingest/v1/{SOURCE}/node-7"))[0] == 200
            assert (await rig.post(b"", token=ours, path=f"/ingest/v1/{SOURCE}/node-8"))[0] == 403
            assert (await rig.post(b"", token=others, path=f"/ingest/v1/{SOURCE}/node-7"))[0] == 401
