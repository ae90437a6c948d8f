"""An incident as the API shows it: absolute values only, so that writing it twice, or by two writers, is the same.

``manifest`` is what is created and never changes (the spec is immutable); ``status`` is everything that is learnt.
"""

from __future__ import annotations

from typing import Any, Final

from auditwatch.detection import texts
from auditwatch.findings import attribution
from auditwatch.findings.absorb import DESCRIPTION, TITLE
from auditwatch.findings.identity import label_value, watch_label
from auditwatch.findings.lifecycle import Lifecycle, Watermark, condition_body
from auditwatch.findings.state import ActorSeen, ChangeSeen, EvidenceSeen, FindingState, TargetSeen
from auditwatch.findings.times import rfc3339

API_VERSION: Final = "k10auditwatch.io/v1alpha1"
KIND: Final = "K10SecurityFinding"
MANAGED_BY: Final = "k10-auditwatch"
SEVERITY_LABEL: Final = "k10auditwatch.io/severity"

JSONObject = dict[str, Any]


def manifest(state: FindingState) -> JSONObject:
    """The whole object for a create, without status (the server drops it there)."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": state.name, "namespace": state.namespace, "labels": labels(state)},
        "spec": _spec(state),
    }


def labels(state: FindingState) -> dict[str, str]:
    """What people select by. Severity moves when it rises; the rest stays."""
    return {
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "k10auditwatch.io/rule": label_value(state.rule),
        SEVERITY_LABEL: state.severity,
        "k10auditwatch.io/watch": watch_label(state.watch),
    }


def watermark(state: FindingState) -> Watermark:
    """Up to where this state counts."""
    return Watermark(state.journal_id, state.revision)


def status(state: FindingState, lifecycle: Lifecycle | None = None) -> JSONObject:
    """The body of ``status``: absolute values. Without a lifecycle nobody has triaged."""
    life = lifecycle or Lifecycle()
    return {
        "title": title(state),
        "description": description(state),
        "severity": state.severity,
        "confidence": state.confidence,
        "certainty": state.certainty,
        "attribution": state.attribution,
        "disposition": "Open",
        "state": life.phase,
        "actors": [_actor(actor) for actor in state.actors],
        "targets": [_target(target) for target in state.targets],
        "targetCount": state.target_count,
        "changes": [_change(change) for change in state.changes],
        "count": state.count,
        "firstSeenTime": rfc3339(state.first_seen),
        "lastSeenTime": rfc3339(state.last_seen),
        "detectedTime": rfc3339(state.detected),
        "evidence": [_evidence(evidence) for evidence in (*state.evidence_head, *state.evidence_tail)],
        "triagedThrough": _watermark(life.through) if life.through is not None else None,
        "watermark": {**_watermark(watermark(state)), "recentKeys": state.recent},
        "remediation": state.remediation,
        "conditions": [condition_body(condition, life.observed_generation) for condition in life.conditions],
        "observedGeneration": life.observed_generation,
    }


def title(state: FindingState) -> str:
    """One line; a roll-up says that it is one."""
    if state.folded_since is None:
        return state.title
    return texts.cut(f"{state.rule}: incidents beyond the cap, folded; the latest: {state.title}", TITLE)


def description(state: FindingState) -> str:
    """What happened, how the actor is known, and what the bounds of this object left out."""
    own = [part for part in (_folded(state), attribution.sentence(state), _left_out(state)) if part]
    tail = "\n".join(own)
    return "\n".join(part for part in (texts.cut(state.description, DESCRIPTION - len(tail) - 1), tail) if part)


def _folded(state: FindingState) -> str:
    if state.folded_since is None:
        return ""
    cap = f"{state.folded_cap} incidents" if state.folded_cap else "as many incidents as findings.maxPerRule allows"
    return (
        f"Rule {state.rule} has {cap} open (Critical: twice as many): what has found no room since "
        f"{rfc3339(state.folded_since)} is counted here, so far {state.count} activities on {state.target_count} "
        "objects. Stop the cause, or raise findings.maxPerRule."
    )


def _left_out(state: FindingState) -> str:
    """Nothing is cut silently."""
    targets = state.target_count - len(state.targets)
    parts = [
        f"{targets} further targets" if targets > 0 and len(state.targets) > 1 else "",
        f"{state.actors_cut} sightings of further actors" if state.actors_cut else "",
        f"{state.changes_cut} sightings of further changed fields" if state.changes_cut else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"Not listed here: {said}." if said else ""


def _spec(state: FindingState) -> JSONObject:
    namespace, _, name = state.watch.partition("/")
    spec: JSONObject = {
        "rule": state.rule,
        "pack": state.pack,
        "watchRef": {"namespace": namespace, "name": name},
        "cluster": state.cluster,
        "fingerprint": state.fingerprint,
        "groupBy": [
            {"field": field, "value": texts.shown(value, 512) if value else ""} for field, value in state.group
        ],
        "epoch": state.epoch,
        "initialSeverity": state.initial_severity,
        "attack": list(state.attack),
        "runbookURL": state.runbook,
    }
    if state.target is not None:
        spec["target"] = _reference(state.target)
    return spec


def _reference(target: TargetSeen) -> JSONObject:
    parts = {
        "group": target.group,
        "version": target.version,
        "resource": target.resource,
        "namespace": target.namespace,
        "name": target.name,
        "uid": target.uid,
    }
    return {name: part for name, part in parts.items() if part}


def _target(target: TargetSeen) -> JSONObject:
    return {**_reference(target), "time": rfc3339(target.time)}


def _actor(actor: ActorSeen) -> JSONObject:
    parts = {
        "id": actor.id,
        "name": actor.name,
        "kind": actor.kind,
        "via": actor.via,
        "fieldManager": actor.manager,
    }
    return {**{name: part for name, part in parts.items() if part}, "time": rfc3339(actor.time)}


def _change(change: ChangeSeen) -> JSONObject:
    return {"path": change.path, "old": change.old, "new": change.new, "time": rfc3339(change.time)}


def _evidence(evidence: EvidenceSeen) -> JSONObject:
    parts = {
        "key": evidence.key[:16],
        "notBeforeTime": rfc3339(evidence.not_before) if evidence.not_before is not None else "",
        "source": evidence.source,
        "evidence": evidence.kind,
        "verb": evidence.verb,
        "outcome": evidence.outcome,
        "actor": evidence.actor,
        "fieldManager": evidence.manager,
        "target": evidence.target,
    }
    return {**{name: part for name, part in parts.items() if part}, "time": rfc3339(evidence.time)}


def _watermark(mark: Watermark) -> JSONObject:
    return {"journalID": mark.journal_id, "sequence": mark.sequence}
