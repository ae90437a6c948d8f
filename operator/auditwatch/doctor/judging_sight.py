"""What is seen: the platform's audit log, and what AuditWatches say of their sources and rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from auditwatch.detection.texts import counted
from auditwatch.doctor.commands import installation_of
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.installed import PRODUCT, called, configured, settings_of
from auditwatch.doctor.lines import Line, ok, problem, unknown, warning
from auditwatch.doctor.platforms import WAYS, Name, Way, flags_of, name_of

GUIDE: Final = "docs/how-to/connect-the-audit-log.md"
LAG_SECONDS: Final = 120
_GOOD: Final = {
    "Ready": "True",
    "Accepted": "True",
    "SourcesAvailable": "True",
    "Durable": "True",
    "Backlogged": "False",
}
_SERIOUS: Final = frozenset({"Ready", "Accepted", "SourcesAvailable"})
_AUDIT: Final = frozenset({"File", "Webhook"})
_AWAITED: Final = "WaitingForFirstSender"


def audit_log(facts: Facts) -> Iterator[Line]:
    """How this cluster is run, and whether its audit log is connected, or how it can be."""
    version = "" if isinstance(facts.server, Unread) else facts.server.version
    name = name_of(facts.platform, version=version)
    if name == "unknown":
        why = next(
            (each.reason for each in (facts.platform.nodes,) if isinstance(each, Unread)), "no mark of any known one"
        )
        yield unknown("platform", f"not recognised: {why}", "kubectl get nodes --output yaml")
    else:
        yield ok("platform", name)
    connected = [each for each in _sources(facts) if each.get("type") in _AUDIT]
    awaited = sorted({str(each.get("name")) for each in connected if each.get("reason") == _AWAITED})
    if awaited and all(each.get("reason") == _AWAITED for each in connected):
        told = f"{', '.join(awaited)} listens, and nobody has posted yet: tell the API server, see {GUIDE}"
        yield warning("audit-log", told, _webhook_command(WAYS.get(name)))
    elif connected:
        told = ", ".join(sorted({f"{each.get('name')} ({each.get('type')})" for each in connected}))
        yield ok("audit-log", f"connected as {told}; how it does is told below")
    else:
        yield _unconnected(facts, name)


def _unconnected(facts: Facts, name: Name) -> Line:
    way = WAYS.get(name)
    if way is None:
        return warning("audit-log", f"not connected: see {GUIDE}", "auditwatch policy render > policy.yaml")
    if way.by == "none":
        return warning(
            "audit-log", f"{name} gives neither files nor flags: not yet; watched state and K10's stream remain"
        )
    flags = flags_of(facts.platform)
    has = (
        f"; the API server has {', '.join(f'--{key}={value}' for key, value in sorted(flags.items()))}" if flags else ""
    )
    if way.by == "webhook":
        told = f"not connected; on {name} by webhook{has}: see {GUIDE}"
        return warning("audit-log", told, _webhook_command(way))
    if (
        facts.platform.api_servers
        and not isinstance(facts.platform.api_servers, Unread)
        and "audit-log-path" not in flags
    ):
        told = f"the API server writes no audit log: give it a policy and --audit-log-path={way.log} first, see {GUIDE}"
        return warning("audit-log", told, "auditwatch policy render > policy.yaml")
    log = flags.get("audit-log-path") or way.log
    told = f"not connected; on {name} by agent, from {log} of control-plane nodes{has}: see {GUIDE}"
    held = facts.operator.deployments
    place = installation_of(held, facts.namespace)
    if held and not isinstance(held, Unread) and not place.release:
        told = f"{told}; it needs a source of type Webhook in the configuration (the Helm chart sets both up)"
        edit = f"kubectl --namespace {facts.namespace} edit configmap {settings_of(held) or PRODUCT}"
        return warning("audit-log", told, edit)
    helm = place if place.release else replace(place, release=PRODUCT)
    return warning("audit-log", told, helm.change("agent.enabled=true", f"agent.auditLog.path={log}", manifest=""))


def _webhook_command(way: Way | None) -> str:
    platform = f" --platform {way.config}" if way is not None and way.config else ""
    return f"auditwatch webhook-config{platform} --server https://ADDRESS:8443 --ca-file ca.crt --token-file TOKEN"


def watches(facts: Facts) -> Iterator[Line]:
    """Every AuditWatch: its conditions, its sources, and how many of its rules are blind."""
    if isinstance(facts.watches, Unread):
        yield unknown("auditwatch", facts.watches.reason, "kubectl get auditwatches --all-namespaces")
    else:
        yield from _absent(facts, facts.watches)
    for watch in () if isinstance(facts.watches, Unread) else facts.watches:
        yield from _watch(watch)


def _absent(facts: Facts, held: Sequence[JSONObject]) -> Iterator[Line]:
    """Whether there is none at all, or not the one that the operator makes by itself."""
    namespace, name = facts.namespace, configured(facts.operator.configuration).default_watch
    if name and (namespace, name) not in {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in held}:
        told = f"{namespace}/{name}, the default one, is not there: not made yet, refused, or deleted by somebody"
        log = f"kubectl --namespace {namespace} logs deployment/{called(facts.operator.deployments)}"
        say = warning if held else problem
        yield say("auditwatch", told, f"{log} | grep 'AuditWatch'")
    elif not held:
        example = f"kubectl --namespace {namespace} apply --filename examples/minimal.yaml"
        yield problem("auditwatch", "there is no AuditWatch: nothing is looked for", example)


def _watch(watch: JSONObject) -> Iterator[Line]:
    namespace, name = watch["metadata"]["namespace"], watch["metadata"]["name"]
    describe = f"kubectl --namespace {namespace} describe auditwatch {name}"
    status = watch.get("status") or {}
    if not status.get("conditions"):
        yield problem("auditwatch", f"{namespace}/{name}: no operator has taken note of it", describe)
        return
    told = [
        each for each in status["conditions"] if _GOOD.get(each.get("type"), each.get("status")) != each.get("status")
    ]
    for each in told:
        say = problem if each["type"] in _SERIOUS and each["status"] == "False" else warning
        yield say(
            "auditwatch",
            f"{namespace}/{name}: {each['type']} is {each['status']} ({each['reason']}): {each['message']}",
            describe,
        )
    if not told:
        rules = counted(int(status.get("ruleCount") or 0), "rule")
        yield ok("auditwatch", f"{namespace}/{name}: Ready, {rules} in force")
    yield from (_source(f"{namespace}/{name}", each, describe) for each in status.get("sources") or ())
    yield _blind(f"{namespace}/{name}", status.get("visibility") or {}, namespace, name)


def _source(watch: str, source: Mapping[str, Any], command: str) -> Line:
    state, lag = source.get("state"), source.get("lagSeconds")
    behind = f", last proof of life {lag} s ago" if lag is not None else ""
    told = f"{watch}: {source.get('name')} ({source.get('type')}) is {state}{behind}"
    if message := source.get("message"):
        told = f"{told}: {message}"
    if state == "Unavailable":
        return problem("source", told, command)
    if state != "Live" or (lag or 0) > LAG_SECONDS:
        return warning("source", told, command)
    return ok("source", told)


def _blind(watch: str, seen: Mapping[str, int], namespace: str, name: str) -> Line:
    told = ", ".join(f"{seen.get(level, 0)} {level}" for level in ("full", "partial", "blind"))
    if not seen.get("blind"):
        return ok("rules", f"{watch}: {told}")
    path = '{range .status.rules[?(@.visibility=="Blind")]}{.name}{"\\t"}{.reason}{"\\n"}{end}'
    command = f"kubectl --namespace {namespace} get auditwatch {name} --output jsonpath='{path}'"
    return warning("rules", f"{watch}: {told}; the command names those that see nothing, and why", command)


def _sources(facts: Facts) -> Iterator[JSONObject]:
    for watch in () if isinstance(facts.watches, Unread) else facts.watches:
        yield from (watch.get("status") or {}).get("sources") or ()
