"""K10: where it is, which version, and whether its own audit stream is on. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditwatch.detection.texts import counted
from auditwatch.doctor.commands import release_of
from auditwatch.doctor.facts import Facts, K10Found, Unread
from auditwatch.doctor.k10versions import stream_is_on, version_of
from auditwatch.doctor.lines import Line, ok, problem, unknown, warning

SWITCH_ON: Final = "helm upgrade {} kasten/k10 --namespace {} --reuse-values --set siem.logging.cluster.enabled=true"
FIND: Final = "kubectl get deployments --all-namespaces --field-selector metadata.name=aggregatedapis-svc"


def k10(facts: Facts) -> Iterator[Line]:
    """Every K10 that was found, each with its version and its stream."""
    if isinstance(facts.k10s, Unread):
        yield unknown("k10", facts.k10s.reason, FIND)
        return
    if not facts.k10s:
        yield problem("k10", "no K10 was found: no Deployment aggregatedapis-svc in any namespace", FIND)
    for found in facts.k10s:
        of = found.instance
        told = f"in namespace {of.namespace}, account {of.account}, API domain {of.api_domain}"
        yield ok("k10", told)
        yield _version(found)
        yield _stream(found)


def _version(found: K10Found) -> Line:
    version, where = version_of(found)
    if version:
        return ok("k10-version", f"{version} ({where})")
    command = f"helm list --namespace {found.instance.namespace}"
    return unknown("k10-version", "neither its settings, its labels nor its images tell a version", command)


def _stream(found: K10Found) -> Line:
    namespace, stream, is_on = found.instance.namespace, found.stream, stream_is_on(found)
    logs = f"kubectl --namespace {namespace} logs deployment/aggregatedapis-svc --tail 2000 | grep -c K10Event"
    shipped = _shipped(found)
    if not isinstance(stream, Unread) and stream.events:
        seen = f"{counted(len(stream.events), 'event')} in the last {counted(stream.lines, 'line')}"
        return ok("k10-stream", f"on: {seen} of its log{shipped}")
    if is_on is False:
        told = "off: K10's API server is started without audit flags, so nobody sees what passes it alone"
        return problem(
            "k10-stream", f"{told}{shipped}", SWITCH_ON.format(release_of(found.deployment) or "k10", namespace)
        )
    if isinstance(stream, Unread):
        return unknown("k10-stream", f"{stream.reason}{shipped}", logs)
    if not stream.pods:
        return problem(
            "k10-stream", "no pod of aggregatedapis-svc runs: K10 is down", f"kubectl -n {namespace} get pods"
        )
    told = f"no event in the last {counted(stream.lines, 'line')} of its log; provoke one and look again"
    provoke = f"kubectl --namespace {namespace} get restorepoints.apps.{found.instance.api_domain} nothing; {logs}"
    return warning("k10-stream", f"{told}{shipped}", provoke)


def _shipped(found: K10Found) -> str:
    configs = found.audit_configs
    if isinstance(configs, Unread) or not configs:
        return ""
    return f"; {len(configs)} AuditConfig{'s' if len(configs) > 1 else ''} ship it to object storage too"
