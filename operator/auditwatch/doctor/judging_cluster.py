"""The API server, the clocks, our definitions and rights: what everything else stands on. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Final

from auditwatch.api.crd import GROUP, KINDS, VERSION, Kind, definition
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.lines import Line, ok, problem, unknown, warning

SKEW_SECONDS: Final = 5.0
"""Above it, ``± 2 s`` between a request and the change it made (rules of joining) no longer holds for sure."""
SKEW_PROBLEM_SECONDS: Final = 60.0
SHOWN: Final = 3


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
        yield (
            problem("permissions", told, _can_i(facts, held.account))
            if held.is_operator
            else unknown(
                "permissions",
                f"{told}; what the operator may do was not told",
                "kubectl auth can-i create subjectaccessreviews",
            )
        )


def _can_i(facts: Facts, account: str) -> str:
    return f"kubectl auth can-i --list --as {account} --namespace {facts.namespace}"
