"""Lines of K10's log, requests of our own and events, for the tests of the k10stream source."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from auditwatch.events.canary import Canary, Probe
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import format_time
from auditwatch.k10.identity import K10Instance
from auditwatch.sources.k10stream.canary import CANARY_NAME, Pace, probe_of
from auditwatch.sources.k10stream.envelope import Envelope
from auditwatch.sources.k10stream.knowledge import Knowledge
from auditwatch.sources.k10stream.lines import Line, parse_line
from auditwatch.sources.k10stream.marks import Standing
from auditwatch.sources.k10stream.reading import Reader

START = 1_800_000_000.0
ACCOUNT = "system:serviceaccount:k10-auditwatch:k10-auditwatch"
K10 = K10Instance()
POD = "aggregatedapis-svc-76ccc59fbc-abcde"
OTHER_POD = "aggregatedapis-svc-76ccc59fbc-fghij"
PACE = Pace()


def nonce(number: int) -> str:
    return f"nonce-of-a-test-{number}"


def probe(number: int = 0, *, sent: float = START) -> Probe:
    return probe_of(K10, nonce=nonce(number), now=sent, pace=PACE)


def event(
    name: str = "billing", *, verb: str = "get", user: str = "backup-operator", uri: str = "", **more: Any
) -> dict[str, Any]:
    """An audit event as K10's API server writes it."""
    path = f"/apis/apps.kio.kasten.io/v1alpha1/namespaces/kasten-io/restorepoints/{name}"
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"id-of-{verb}-{name}",
        "stage": "ResponseComplete",
        "requestURI": uri or path,
        "verb": verb,
        "user": {"username": user, "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.1"],
        "userAgent": "kubectl",
        "objectRef": {
            "resource": "restorepoints",
            "namespace": "kasten-io",
            "name": name,
            "apiGroup": "apps.kio.kasten.io",
            "apiVersion": "v1alpha1",
        },
        "responseStatus": {"metadata": {}, "code": 404},
        "requestReceivedTimestamp": "2027-01-15T08:00:00.000000Z",
        "stageTimestamp": "2027-01-15T08:00:00.001000Z",
        **more,
    }


def echo(of: Probe, **more: Any) -> dict[str, Any]:
    """The event about a request of our own."""
    uri = f"/apis/{of.group}/v1alpha1/namespaces/{of.namespace}/{of.resource}/{of.name}?canary={of.nonce}"
    return event(CANARY_NAME, user=ACCOUNT, uri=uri, **more)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def wrapped(inner: object, *, time: str = "08:00:00.001", pod: str = POD, **more: Any) -> bytes:
    """The envelope of the stand-in; a value of ``more`` that is None takes its member away."""
    line = {
        "File": "kasten.io/k10/kio/audit/backend.go",
        "K10Event": inner,
        "hostname": pod,
        "level": "info",
        "msg": "K10Event",
        "time": time,
        "version": "9.0.9",
        **more,
    }
    return compact({key: value for key, value in line.items() if value is not None}).encode()


def escaped(inner: object, *, time: str = "08:00:00.001", **more: Any) -> bytes:
    """An envelope that holds the event as text."""
    return compact({"level": "info", "msg": f"{compact(inner)}", "ts": time, "kind": "K10Event", **more}).encode()


def prefixed(inner: object, *, time: str = "08:00:00.001") -> bytes:
    """An envelope of plain words."""
    return f"I0115 {time} audit.go:55] K10Event {compact(inner)}".encode()


def bare(inner: object, *, time: str = "") -> bytes:
    """No envelope at all."""
    del time
    return compact(inner).encode()


def stamped(time: float, text: bytes) -> Line:
    return parse_line(format_time(time).encode() + b" " + text)


def knowledge(*probes: Probe, envelope: Envelope | None = None, proof: float | None = None) -> Knowledge:
    """What is known, with requests outstanding."""
    canary = Canary(account=ACCOUNT, last_proof=proof)
    for each in probes:
        canary.sent(each)
    return Knowledge(standing=Standing(began=START - 100, envelope=envelope, proof=proof), canary=canary)


def taught() -> Envelope:
    """The stand-in's envelope as two requests teach it."""
    known = knowledge(probe(1), probe(2))
    known.learn(wrapped(echo(probe(1)), time="08:00:01.1"), pods=[POD])
    known.learn(wrapped(echo(probe(2)), time="08:00:02.2"), pods=[POD])
    assert known.envelope is not None
    return known.envelope


def reader(known: Knowledge) -> Reader:
    return Reader(cluster="cluster-1", source="k10stream", pod=POD, redactor=Redactor(b"key"), knowledge=known)


def names(records: Iterable[Any]) -> list[str]:
    """Names of the objects that records are about."""
    return [record.event.object_ref.name for record in records]


def decoded(data: bytes) -> dict[str, Any]:
    return msgspec.json.decode(data, type=dict[str, Any])
