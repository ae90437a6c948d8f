"""Short ways to the real things: activities settled from state changes, rules compiled from YAML, detectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import yaml

from auditwatch.api.problems import Problem
from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.scope import Scope
from auditwatch.detection.settle import settle
from auditwatch.detection.signal import Signal
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.k10.view import InstalledK10

K10 = InstalledK10()
REDACTOR = Redactor(b"tests")
POLICIES = "config.kio.kasten.io/policies"
MATCH_POLICIES = "{apiGroups: [config.kio.kasten.io], resources: [policies]}"


def change(
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
    *,
    kind: str = POLICIES,
    name: str = "daily",
    namespace: str = "kasten-io",
    time: float = 1000.0,
    manager: str = "kubectl-edit",
) -> Activity:
    """The row of the log for one change of one object."""
    group, _, resource = kind.rpartition("/")
    verb: Any = "create" if old is None else "delete" if new is None else "update"
    row = settle(
        StateChange(
            cluster="prod",
            group=group,
            version="v1alpha1",
            resource=resource,
            namespace=namespace,
            name=name,
            uid=f"uid-{name}",
            verb=verb,
            old=old,
            new=new,
            observed=time,
            manager=manager,
        )
    )
    assert isinstance(row, Activity)
    return row


def altered(activity: Activity, **fields: Any) -> Activity:
    """The same activity with other fields."""
    return msgspec.structs.replace(activity, **fields)


def scope(activity: Activity | None = None, **fields: Any) -> Scope:
    """A scope over an activity, or over a change between ``old`` and ``new``."""
    return Scope(activity or change(fields.get("old", {}), fields.get("new", {})), K10)


def compiled(rules: str, *, k10: InstalledK10 = K10, **source: Any) -> tuple[RuleSet, tuple[Problem, ...]]:
    """Rules of a YAML list, in force for the watch ``team/watch``, with every problem."""
    written = [(f"spec.rules[{index}]", rule) for index, rule in enumerate(yaml.safe_load(rules))]
    return compile_watch(RuleSource(watch="team/watch", rules=written, **source), k10=k10, now=0.0)


def rule_set(rules: str, **source: Any) -> RuleSet:
    """The same, of rules without a problem."""
    found, problems = compiled(rules, **source)
    assert problems == ()
    return found


def detector(rules: str, **source: Any) -> Detector:
    """A detector with these rules in force from the beginning of the log."""
    made = Detector()
    made.install(rule_set(rules, **source), in_force_from={})
    return made


def signals(rules: str, *rows: Activity, **source: Any) -> list[Signal]:
    """What the rules say of the rows."""
    made = detector(rules, **source)
    return [signal for sequence, row in enumerate(rows, start=1) for signal in made.observe(sequence, row)]


def spec(**fields: Any) -> dict[str, Any]:
    """An object with this spec."""
    return {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": fields}


def rule_with(where: str, **others: str) -> str:
    """A rule about policies with this ``where`` (a YAML flow list) and other fields as YAML."""
    lines = [f"- name: probe\n  match: {MATCH_POLICIES}", f"  where: {where}"]
    return "\n".join([*lines, *(f"  {name}: {text}" for name, text in others.items())])


def paths(problems: Sequence[Problem]) -> list[str]:
    """Where the problems are."""
    return [problem.path for problem in problems]


POLICY_REFERENCE = {
    "apiGroup": "config.kio.kasten.io",
    "apiVersion": "v1alpha1",
    "resource": "policies",
    "namespace": "kasten-io",
    "name": "daily",
}
K10_ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"
POD = "authentication.kubernetes.io/pod-uid"
CREDENTIAL = "authentication.kubernetes.io/credential-id"


def record(event: dict[str, Any] | None = None, *, evidence: Any = "Audited", **fields: Any) -> AuditRecord:
    """The record of an audit event: eve patched a policy at 2026-01-01, unless said otherwise."""
    written = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": "a-1",
        "stage": "ResponseComplete",
        "requestURI": "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily",
        "verb": "patch",
        "user": {"username": "eve", "groups": ["dev", "system:authenticated"]},
        "sourceIPs": ["10.1.2.3"],
        "userAgent": "kubectl/v1.34.0",
        "objectRef": POLICY_REFERENCE,
        "responseStatus": {"code": 200},
        "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z",
        "stageTimestamp": "2026-01-01T00:00:00.250000Z",
        **(event or {}),
        **fields,
    }
    decoded = decode(json.dumps({name: value for name, value in written.items() if value is not None}).encode())
    return record_of(decoded, cluster="prod", source="audit-log", evidence=evidence, received=1.0, redactor=REDACTOR)


def audited(event: dict[str, Any] | None = None, **fields: Any) -> Activity:
    """The row of the log for one audit event; ``pods`` and ``trusted_proxies`` say what it is read with."""
    circumstances = {name: fields.pop(name) for name in ("pods", "trusted_proxies", "k10") if name in fields}
    return activity_of(record(event, **fields), Circumstances(**{"k10": K10, "pods": AnyPod(), **circumstances}))


PAUSED = rule_with(
    "[{field: object.spec.paused, operator: ChangedTo, values: ['true']}]", attack="[T1490]", tags="[weakening]"
)
PAUSING = change(spec(paused=False), spec(paused=True))
