"""The API server, the clocks, our definitions and rights: what everything else stands on. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from auditwatch.api.crd import GROUP, KINDS, VERSION, Kind, definition
from auditwatch.cluster.access import Permission
from auditwatch.doctor.commands import installation_of, k10_values
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.lines import Line, ok, problem, unknown, warning
from auditwatch.doctor.rights import MULTICLUSTER

SKEW_SECONDS: Final = 5.0
"""Above it, ``± 2 s`` between a request and the change it made (rules of joining) no longer holds for sure."""
SKEW_PROBLEM_SECONDS: Final = 60.0
SHOWN: Final = 3
_MANIFESTS: Final[Mapping[str, str]] = {
    "findings": "rbac-own.yaml",
    "default AuditWatch": "rbac-own.yaml",
    "packs and lists": "rbac-own.yaml",
    "finding K10": "rbac-k10.yaml",
    "watched state": "rbac-k10.yaml",
    MULTICLUSTER: "rbac-multicluster.yaml",
    "K10's audit stream": "rbac-k10.yaml",
    "proof of the audit log": "rbac-audit.yaml",
    "webhook": "rbac-audit.yaml",
}
"""Where the rights of each feature are, for who installed without Helm."""


def api_server(facts: Facts) -> Iterator[Line]:
    """Whether it answers, and in which version."""
    if isinstance(facts.server, Unread):
        yield problem("api-server", facts.server.reason, "kubectl cluster-info")
    else:
        yield ok("api-server", f"answers, version {facts.server.version or 'not told'}")


def clock(facts: Facts) -> Iterator[Line]:
    """How far our clock is from the server's; its header tells whole seconds."""
    if isinstance(facts.server, Unread) or facts.server.date is None:
        yield unknown("clock", "the API server does not tell its time")
        return
    skew = facts.server.asked - facts.server.date
    away = max(abs(skew) - 1.0, 0.0)
    told = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the API server's"
    if away <= SKEW_SECONDS:
        yield ok("clock", "this machine and the API server agree on the time, within the second or so that can be told")
    elif away <= SKEW_PROBLEM_SECONDS:
        yield warning("clock", told, "timedatectl timesync-status")
    else:
        yield problem("clock", f"{told}: times of findings and tokens will be wrong", "timedatectl timesync-status")


def definitions(facts: Facts) -> Iterator[Line]:
    """Whether both CustomResourceDefinitions are there, served, and of this version."""
    for kind in KINDS:
        name = f"{kind.plural}.{GROUP}"
        yield _definition(kind, name, facts.definitions.get(name))


def _definition(kind: Kind, name: str, held: JSONObject | Unread | None) -> Line:
    apply = "auditwatch crds | kubectl apply --server-side --filename -"
    if isinstance(held, Unread):
        return unknown("crds", f"{name}: {held.reason}", f"kubectl get crd {name}")
    if held is None:
        return problem("crds", f"{name} is not installed", apply)
    conditions = (held.get("status") or {}).get("conditions") or ()
    if not any(each.get("type") == "Established" and each.get("status") == "True" for each in conditions):
        return problem("crds", f"{name} is not established", f"kubectl describe crd {name}")
    if not _is_current(kind, held):
        return warning("crds", f"{name} is of another version than this program", apply)
    return ok("crds", f"{name} is established, {VERSION} as in this version")


def _is_current(kind: Kind, held: JSONObject) -> bool:
    schemas = [each.get("schema") for each in held["spec"]["versions"] if each.get("name") == VERSION]
    return [_text(each) for each in schemas] == [_wanted(kind)]


@cache
def _wanted(kind: Kind) -> str:
    return _text(definition(kind)["spec"]["versions"][0]["schema"])


def _text(schema: object) -> str:
    return json.dumps(schema, sort_keys=True)


def rights(facts: Facts) -> Iterator[Line]:
    """What is missing, by feature, and of whom that was asked."""
    held = facts.rights
    if isinstance(held, Unread):
        yield unknown("permissions", held.reason, "kubectl auth can-i --list")
        return
    whose = held.account if held.is_operator else f"{held.account} (you, not the operator)"
    if not held.missing:
        yield ok("permissions", f"{whose} has all {held.asked} rights that were asked about")
    for feature, gone in held.missing.items():
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        told = f"{feature}: {whose} may not {', '.join(map(str, gone[:SHOWN]))}{more}"
        if held.is_operator:
            say = warning if feature == MULTICLUSTER else problem
            yield say("permissions", told, _grant(facts, feature, gone))
        else:
            told = f"{told}; what the operator may do was not told"
            yield unknown("permissions", told, "kubectl auth can-i create subjectaccessreviews")


def _grant(facts: Facts, feature: str, gone: Sequence[Permission]) -> str:
    """What gives the rights of a feature. Where K10's namespace is not bound, Helm has to be told where K10 is."""
    place = installation_of(facts.operator.deployments, facts.namespace)
    instances = [] if isinstance(facts.k10s, Unread) else [each.instance for each in facts.k10s]
    ours = {name for each in instances for name in each.namespaces}
    where = k10_values(instances, facts.multicluster) if any(each.namespace in ours for each in gone) else []
    return place.change("rbac.create=true", *where, manifest=f"--filename manifests/{_MANIFESTS[feature]}")
