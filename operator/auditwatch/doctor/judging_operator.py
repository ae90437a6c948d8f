"""The operator itself: its pod, its Lease, its journal, its webhook and its agents. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from shlex import quote

from auditwatch.doctor.commands import install, installation_of
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.installed import called, claims_of, configured, leads_to_webhook
from auditwatch.doctor.lines import Line, ok, problem, unknown, warning


def deployment(facts: Facts) -> Iterator[Line]:
    """Whether its pod is ready."""
    held = facts.operator.deployments
    if isinstance(held, Unread):
        yield unknown("operator", held.reason, f"kubectl --namespace {facts.namespace} get deployments")
    elif not held and facts.operator.elsewhere:
        others = ", ".join(facts.operator.elsewhere)
        told = f"no Deployment of k10-auditwatch in namespace {facts.namespace}, but in {others}"
        yield problem("operator", told, f"auditwatch doctor --namespace {facts.operator.elsewhere[0]}")
    elif not held:
        told = f"no Deployment of k10-auditwatch in namespace {facts.namespace} (--namespace says where to look)"
        yield problem("operator", told, install(facts.namespace))
    for each in () if isinstance(held, Unread) else held:
        yield _deployment(facts.namespace, each)


def _deployment(namespace: str, held: JSONObject) -> Line:
    name = held["metadata"]["name"]
    image = held["spec"]["template"]["spec"]["containers"][0].get("image", "")
    if held["spec"].get("replicas") == 0:
        command = f"kubectl --namespace {namespace} scale deployment {name} --replicas 1"
        return problem("operator", f"Deployment {name} is scaled to zero: nothing is watched", command)
    if (held.get("status") or {}).get("readyReplicas"):
        return ok("operator", f"Deployment {name} is ready, image {image}")
    command = f"kubectl --namespace {namespace} logs deployment/{name} --tail 50"
    return problem("operator", f"Deployment {name} has no ready pod", command)


def lease(facts: Facts) -> Iterator[Line]:
    """Whether somebody holds it now, by the API server's clock."""
    held = facts.operator.lease
    if isinstance(held, Unread):
        name = configured(facts.operator.configuration).lease
        yield unknown("lease", held.reason, f"kubectl --namespace {facts.namespace} get lease {name}")
        return
    spec = (held or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity"), _seconds(spec.get("renewTime"))
    now = None if isinstance(facts.server, Unread) else facts.server.date
    logs = f"kubectl --namespace {facts.namespace} logs deployment/{called(facts.operator.deployments)} --tail 50"
    if not holder or renewed is None:
        yield problem("lease", "nobody holds the Lease: no operator is at work", logs)
    elif now is not None and now - renewed > int(spec.get("leaseDurationSeconds") or 15) + 1:
        yield problem("lease", f"{holder} has not renewed the Lease for {now - renewed:.0f} s", logs)
    else:
        yield ok("lease", f"held by {holder}")


def journal(facts: Facts) -> Iterator[Line]:
    """Whether what was seen outlives the pod."""
    held = facts.operator.deployments
    if isinstance(held, Unread) or not held:
        return
    claims = claims_of(held)
    if not claims:
        told = "the journal lies in the pod: what was not yet told is lost with it"
        place = installation_of(held, facts.namespace)
        yield warning("journal", told, place.change("persistence.enabled=true", manifest="--kustomize manifests"))
    for name in claims:
        yield _claim(facts.namespace, name, facts.operator.claims.get(name))


def _claim(namespace: str, name: str, held: JSONObject | Unread | None) -> Line:
    command = f"kubectl --namespace {namespace} describe persistentvolumeclaim {name}"
    if isinstance(held, Unread):
        return unknown("journal", held.reason, command)
    phase = ((held or {}).get("status") or {}).get("phase") or "not there"
    if phase == "Bound":
        return ok("journal", f"on PersistentVolumeClaim {name}, which is bound")
    return problem("journal", f"PersistentVolumeClaim {name} is {phase}", command)


def webhook(facts: Facts) -> Iterator[Line]:
    """Where one is configured: whether it can be reached, and its CA be found."""
    if "Webhook" not in configured(facts.operator.configuration).types:
        return
    yield _reachable(facts)
    for place, held in facts.operator.authorities.items():
        namespace, _, name = place.partition("/")
        command = f"kubectl --namespace {quote(namespace)} get configmap {quote(name)} --output yaml"
        if isinstance(held, Unread):
            yield unknown("webhook-ca", held.reason, command)
        elif "BEGIN CERTIFICATE" not in str(((held or {}).get("data") or {}).get("ca.crt") or ""):
            yield problem("webhook-ca", f"ConfigMap {place} does not hold the CA under ca.crt", command)
        else:
            yield ok("webhook-ca", f"published in ConfigMap {place}")


def _reachable(facts: Facts) -> Line:
    operator = facts.operator
    command = f"kubectl --namespace {facts.namespace} get services,endpointslices"
    if isinstance(operator.services, Unread) or isinstance(operator.slices, Unread):
        unread = operator.services if isinstance(operator.services, Unread) else operator.slices
        return unknown("webhook", unread.reason if isinstance(unread, Unread) else "", command)
    ports = configured(operator.configuration).ports
    names = {
        each["metadata"]["name"] for each in operator.services if leads_to_webhook(each, operator.deployments, ports)
    }
    if not names:
        return problem("webhook", "a webhook is configured and no Service leads to it", command)
    if not any(_leads_on(each, names) for each in operator.slices):
        return problem("webhook", f"Service {', '.join(sorted(names))} leads to no ready pod", command)
    return ok("webhook", f"Service {', '.join(sorted(names))} leads to a ready pod")


def _leads_on(held: JSONObject, services: set[str]) -> bool:
    of = (held["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
    ready = any((each.get("conditions") or {}).get("ready") is not False for each in held.get("endpoints") or ())
    return of in services and ready


def agents(facts: Facts) -> Iterator[Line]:
    """Whether an agent runs on every node it should."""
    held = facts.operator.agents
    for each in () if isinstance(held, Unread) else held:
        metadata, status = each["metadata"], each.get("status") or {}
        where = f"{metadata['namespace']}/{metadata['name']}"
        wanted, ready = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
        command = (
            f"kubectl --namespace {metadata['namespace']} rollout status daemonset/{metadata['name']} --timeout 60s"
        )
        if not wanted:
            yield problem("agent", f"DaemonSet {where} fits no node: look at its nodeSelector and tolerations", command)
        elif ready < wanted:
            yield problem("agent", f"DaemonSet {where} is ready on {ready} of {wanted} nodes", command)
        else:
            yield ok("agent", f"DaemonSet {where} is ready on all {wanted} nodes")


def _seconds(time: object) -> float | None:
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return None
