"""Lines of audit logs, as kube-apiserver writes them, and scans over them."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditwatch.k10.view import InstalledK10
from auditwatch.scan.inputs import inputs_of
from auditwatch.scan.rules import Asked, rules_of
from auditwatch.scan.scanning import Match, Plan, Scan

K10 = InstalledK10()
KEY = b"scan tests"
DELETIONS = """
- name: policy-gone
  title: "{actor.id} deleted {target.name}"
  severity: High
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}
- name: policy-touched
  emit: Signal
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update, patch, delete]}
- name: many-policies-gone
  severity: Critical
  correlate:
    type: eventCount
    of: [{rule: policy-gone}]
    timespanSeconds: 600
    conditions: [{gte: 3}]
"""


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """Somebody called eve deletes a policy ``number`` seconds after 2026-01-01; ``None`` leaves a field out."""
    name = fields.pop("name", f"policy-{number}")
    moment = f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}.000000Z"
    written = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": f"a-{number}",
        "stage": "ResponseComplete",
        "requestURI": f"/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/{name}",
        "verb": "delete",
        "user": {"username": "eve", "groups": ["system:authenticated"]},
        "sourceIPs": ["10.1.2.3"],
        "userAgent": "kubectl/v1.37.2",
        "objectRef": {
            "resource": "policies",
            "namespace": "kasten-io",
            "name": name,
            "apiGroup": "config.kio.kasten.io",
            "apiVersion": "v1alpha1",
        },
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": moment,
        "stageTimestamp": moment,
        **fields,
    }
    return {name: value for name, value in written.items() if value is not None}


def noise(number: int = 0) -> dict[str, Any]:
    """A kubelet renews its lease."""
    reference = {"resource": "leases", "namespace": "kube-node-lease", "apiGroup": "coordination.k8s.io"}
    return event(number, verb="update", objectRef=reference, user={"username": "system:node:a"}, requestURI="/apis/x")


def line(written: dict[str, Any]) -> bytes:
    """As a line, without its end."""
    return json.dumps(written, separators=(",", ":")).encode()


def log(path: Path, *events: dict[str, Any] | bytes) -> Path:
    """A log of these events, or of lines as they are."""
    lines = [each if isinstance(each, bytes) else line(each) for each in events]
    path.write_bytes(b"".join(each + b"\n" for each in lines))
    return path


def plan(tmp_path: Path, rules: str = DELETIONS, **fields: Any) -> Plan:
    """A plan with rules written in a file."""
    file = tmp_path / "rules.yaml"
    file.write_text(rules, encoding="utf-8")
    in_force = rules_of(Asked(files=[file]), k10=K10, now=0.0)
    return Plan(**{"rule_sets": in_force.rule_sets, "k10": K10, "now": 0.0, "key": KEY, **fields})


@functools.cache
def shipped() -> Plan:
    """A plan with the shipped pack, made once."""
    return Plan(rule_sets=rules_of(Asked(), k10=K10, now=0.0).rule_sets, k10=K10, now=0.0, key=KEY)


def scanned(plan: Plan, *paths: Path) -> tuple[Scan, list[Match]]:
    """A finished scan, and its matches."""
    scan = Scan(plan)
    return scan, list(scan.run(inputs_of([str(path) for path in paths])))


def places(matches: Sequence[Match]) -> list[tuple[str, int, int]]:
    """(name of the file, line, item) of each."""
    return [(Path(match.file).name, match.line, match.item) for match in matches]
