"""Facts of an installation in which all is well, to be changed one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from auditwatch.api.crd import GROUP, KINDS, definition
from auditwatch.doctor.facts import Facts, K10Found, Operator, Platform, Rights, Server, Stream
from auditwatch.k10.identity import K10Instance
from tests.k10.workloads import installation

NOW = 1_800_000_000.0
NAMESPACE = "k10-auditwatch"
RENEWED = "2027-01-15T07:59:55.000000Z"
NAMED = {"app.kubernetes.io/name": "k10-auditwatch"}
EVENT = b'{"msg":"K10Event","K10Event":{}}'


@cache
def established(kind: Any) -> dict[str, Any]:
    return {**definition(kind), "status": {"conditions": [{"type": "Established", "status": "True"}]}}


def aggregated_apis() -> dict[str, Any]:
    """K10's Deployment as the stand-in installs it."""
    (found,) = [
        each
        for each in installation(domain="kio.kasten.io", api_port=1)
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "aggregatedapis-svc"
    ]
    return found


def deployment(**spec: Any) -> dict[str, Any]:
    pod = {
        "serviceAccountName": "k10-auditwatch",
        "containers": [
            {
                "name": "auditwatch",
                "image": "k10-auditwatch:0.1.0",
                "args": ["run", "--config", "/etc/auditwatch/auditwatch.yaml"],
                "ports": [{"name": "probes", "containerPort": 8080}, {"name": "webhook", "containerPort": 8443}],
                "volumeMounts": [
                    {"name": "journal", "mountPath": "/var/lib/auditwatch"},
                    {"name": "configuration", "mountPath": "/etc/auditwatch"},
                ],
            }
        ],
        "volumes": [
            {"name": "configuration", "configMap": {"name": "settings"}},
            {"name": "journal", "persistentVolumeClaim": {"claimName": "journal"}},
        ],
    }
    return {
        "metadata": {"name": "k10-auditwatch", "labels": NAMED},
        "spec": {"replicas": 1, "selector": {"matchLabels": NAMED}, "template": {"spec": pod}, **spec},
        "status": {"readyReplicas": 1},
    }


def by_helm(release: str = "sentinel", **spec: Any) -> dict[str, Any]:
    """The same, as Helm marks it."""
    held = deployment(**spec)
    return held | {"metadata": {**held["metadata"], "annotations": {"meta.helm.sh/release-name": release}}}


def service(name: str, target: str | int, selector: Mapping[str, str] = NAMED) -> dict[str, Any]:
    ports = [{"name": "https", "port": 8443, "targetPort": target}]
    return {"metadata": {"name": name}, "spec": {"selector": dict(selector), "ports": ports}}


def watch(**status: Any) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": "True", "reason": "Fine", "message": ""}
        for kind in ("Ready", "Accepted", "SourcesAvailable", "Durable")
    ]
    backlogged = {"type": "Backlogged", "status": "False", "reason": "KeepingUp", "message": ""}
    sources = [{"name": "audit-webhook", "type": "Webhook", "state": "Live", "lagSeconds": 3}]
    whole = {
        "conditions": [*conditions, backlogged],
        "sources": sources,
        "ruleCount": 80,
        "visibility": {"full": 80, "partial": 0, "blind": 0},
    }
    return {"metadata": {"namespace": NAMESPACE, "name": "k10"}, "status": {**whole, **status}}


def configuration(*authorities: str) -> dict[str, Any]:
    return {"sources": [{"type": "State"}, {"type": "Webhook", "tls": {"caConfigMaps": list(authorities)}}]}


def found(**fields: Any) -> K10Found:
    stream = Stream(pods=1, lines=10, events=[EVENT])
    return replace(K10Found(instance=K10Instance(), deployment=aggregated_apis(), stream=stream), **fields)


def operator(**fields: Any) -> Operator:
    slices = [
        {
            "metadata": {"labels": {"kubernetes.io/service-name": "webhook"}},
            "endpoints": [{"conditions": {"ready": True}}],
        }
    ]
    whole = Operator(
        deployments=[deployment()],
        lease={"spec": {"holderIdentity": "auditwatch-1", "renewTime": RENEWED, "leaseDurationSeconds": 15}},
        configuration=configuration("agents/ca"),
        claims={"journal": {"status": {"phase": "Bound"}}},
        authorities={"agents/ca": {"data": {"ca.crt": "-----BEGIN CERTIFICATE-----"}}},
        services=[service("webhook", "webhook"), service("metrics", "probes")],
        slices=slices,
        agents=[
            {
                "metadata": {"namespace": "agents", "name": "agent"},
                "status": {"desiredNumberScheduled": 3, "numberReady": 3},
            }
        ],
    )
    return replace(whole, **fields)


def node(
    *, labels: Mapping[str, str] | None = None, provider: str = "", version: str = "v1.37.2", name: str = "a"
) -> Any:
    return {
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {"providerID": provider},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }


def api_server(*flags: str) -> dict[str, Any]:
    annotation = {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": "10.0.0.1:6443"}
    return {
        "metadata": {"name": "kube-apiserver-a", "annotations": annotation},
        "spec": {"containers": [{"command": ["kube-apiserver", *flags]}]},
    }


def facts(**fields: Any) -> Facts:
    whole = Facts(
        namespace=NAMESPACE,
        server=Server(version="v1.37.2", date=NOW, asked=NOW),
        definitions={f"{kind.plural}.{GROUP}": established(kind) for kind in KINDS},
        operator=operator(),
        watches=[watch()],
        k10s=[found(settings={"data": {"version": "9.0.4"}})],
        platform=Platform(nodes=[node()], api_servers=[api_server()]),
        rights=Rights(
            account="system:serviceaccount:k10-auditwatch:k10-auditwatch", is_operator=True, asked=90, missing={}
        ),
    )
    return replace(whole, **fields)
