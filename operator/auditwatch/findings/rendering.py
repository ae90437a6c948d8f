"""An incident as the API shows it: absolute values only, so that writing it twice, or by two writers, is the same.

``manifest`` is what is created and never changes (the spec is immutable); ``status`` is everything that is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from auditwatch.api.finding import Label
from auditwatch.api.findingstatus import ACTOR_WIDTH, TARGET_WIDTH
from auditwatch.detection import texts
from auditwatch.findings import attribution
from auditwatch.findings.absorb import DESCRIPTION, TITLE
from auditwatch.findings.evidence import BORROWED, times_lent
from auditwatch.findings.folding import is_superseded
from auditwatch.findings.identity import label_value, watch_label
from auditwatch.findings.lifecycle import Lifecycle
from auditwatch.findings.state import ActorSeen, ChangeSeen, ClientSeen, EvidenceSeen, FindingState, TargetSeen
from auditwatch.findings.times import rfc3339

API_VERSION: Final = "k10auditwatch.io/v1alpha1"
KIND: Final = "K10SecurityFinding"
MANAGED_BY: Final = "k10-auditwatch"
GROUP_VALUE: Final = 1024
NOTE: Final = 512

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
        Label.MANAGED_BY.value: MANAGED_BY,
        Label.RULE.value: label_value(state.rule),
        Label.SEVERITY.value: state.severity,
        Label.WATCH.value: watch_label(state.watch),
    }


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
        "disposition": "Superseded" if is_superseded(state) else "Open",
        "supersededBy": state.superseded_by if is_superseded(state) else None,
        "summary": summary(state),
        "actors": [_actor(actor) for actor in state.actors],
        "clients": [_client(client) for client in state.clients],
        "targets": [_target(target) for target in state.targets],
        "targetCount": state.target_count,
        "changes": [_change(change) for change in state.changes],
        "count": state.count,
        "firstSeenTime": rfc3339(state.first_seen),
        "lastSeenTime": rfc3339(state.last_seen),
        "detectedTime": rfc3339(state.detected),
        "evidence": [_evidence(evidence) for evidence in (*state.evidence_head, *state.evidence_tail)],
        "watermark": {"journalID": state.journal_id, "sequence": state.revision},
        "remediation": state.remediation,
        **lifecycle_body(life),
    }


def lifecycle_body(lifecycle: Lifecycle) -> JSONObject:
    """The fields of ``status`` that follow triage."""
    return {
        "state": lifecycle.state,
        "conditions": [dict(condition) for condition in lifecycle.conditions],
        "observedGeneration": lifecycle.observed_generation,
    }


def title(state: FindingState) -> str:
    """One line; a roll-up says that it is one."""
    if state.folded_since is None:
        return state.title
    return texts.cut(_folded_title(state.rule) + state.title, TITLE)


def own_title(shown: str, rule: str) -> str:
    """The title before :func:`title` made it a roll-up's."""
    return shown.removeprefix(_folded_title(rule))


def own_description(shown: str, state: FindingState) -> str:
    """The description before :func:`description` added to it."""
    return attribution.without_sentence(shown.partition("\n" + _folded_start(state.rule))[0])


def _folded_title(rule: str) -> str:
    return f"{rule}: incidents beyond the cap, folded; the latest: "


def _folded_start(rule: str) -> str:
    return f"Rule {rule} has "


def description(state: FindingState) -> str:
    """What happened, how the actor is known, and what the bounds of this object left out."""
    parts = _folded(state), attribution.sentence(state), _times(state), _left_out(state)
    own = [part for part in parts if part]
    tail = "\n".join(own)
    return "\n".join(part for part in (texts.cut(state.description, DESCRIPTION - len(tail) - 1), tail) if part)


def _folded(state: FindingState) -> str:
    if state.folded_since is None:
        return ""
    cap = f"{state.folded_cap} incidents" if state.folded_cap else "as many incidents as findings.maxPerRule allows"
    return (
        f"{_folded_start(state.rule)}{cap} open (Critical: twice as many): what has found no room since "
        f"{rfc3339(state.folded_since)} is counted here, so far {state.count} activities on {state.target_count} "
        "objects. Stop the cause, or raise findings.maxPerRule."
    )


def _times(state: FindingState) -> str:
    """Nobody may take a neighbour's time for the event's own."""
    lent = times_lent(state)
    if not lent:
        return ""
    known = "that of the event beside it stands here" if BORROWED in lent else "when it was is not known"
    return f"The log does not hold the time of {texts.counted(len(lent), 'event')} of this: {known}."


def _left_out(state: FindingState) -> str:
    """Nothing is cut silently."""
    targets = state.target_count - len(state.targets)
    parts = [
        f"{targets} further targets" if targets > 0 and len(state.targets) > 1 else "",
        f"{state.actors_cut} sightings of further actors" if state.actors_cut else "",
        f"{state.clients_cut} sightings of further clients" if state.clients_cut else "",
        f"{state.credentials_cut} sightings of further credentials" if state.credentials_cut else "",
        f"{state.changes_cut} sightings of further changed fields" if state.changes_cut else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"Not listed here: {said}." if said else ""


def _spec(state: FindingState) -> JSONObject:
    namespace, _, name = state.watch.partition("/")
    return {
        "rule": state.rule,
        "pack": state.pack[:128],
        "watchRef": {"namespace": namespace, "name": name},
        "cluster": state.cluster,
        "fingerprint": state.fingerprint,
        "groupBy": [
            {"field": field, "value": texts.cut(texts.escaped(value[:GROUP_VALUE]), GROUP_VALUE)}
            for field, value in state.group
        ],
        "epoch": state.epoch,
        "initialSeverity": state.initial_severity,
        "attack": list(dict.fromkeys(state.attack))[:8],
        "runbookURL": texts.cut(state.runbook, 512),
        "target": _reference(state.target),
    }


def summary(state: FindingState) -> JSONObject:
    """What the table of ``kubectl get`` has room for."""
    more = f" +{state.target_count - 1}" if state.target_count > 1 else ""
    name = next((name for target in state.targets if (name := target.name or target.resource)), "")
    return {
        "actor": attribution.column(state, ACTOR_WIDTH),
        "target": texts.cut(name, TARGET_WIDTH - len(more)) + more,
    }


def _reference(target: TargetSeen | None) -> JSONObject:
    if target is None:
        return {}
    parts = {
        "group": target.group,
        "resource": target.resource,
        "namespace": target.namespace,
        "name": target.name,
        "uid": target.uid,
    }
    return _present(parts)


def _target(target: TargetSeen) -> JSONObject:
    return {**_reference(target), "time": rfc3339(target.time)}


def _actor(actor: ActorSeen) -> JSONObject:
    parts = {
        "id": actor.id,
        "name": actor.name if actor.name != actor.id else "",
        "via": actor.via,
        "kind": actor.kind,
        "manager": actor.manager,
        "impersonator": actor.impersonator,
        "pod": actor.pod,
        "node": actor.node,
    }
    lists = {"credentialIDs": list(actor.credential_ids), "clientIPs": list(actor.client_ips)}
    known = {} if actor.attribution == "Unknown" else {"attribution": actor.attribution}
    return {**_present(parts), **known, **{name: items for name, items in lists.items() if items}}


def _client(client: ClientSeen) -> JSONObject:
    return _present({"ip": client.ip, "agent": client.agent})


def _change(change: ChangeSeen) -> JSONObject:
    sides = {"old": change.old, "new": change.new}
    return {"path": change.path, **{side: value for side, value in sides.items() if value is not None}}


def _evidence(evidence: EvidenceSeen) -> JSONObject:
    parts = {
        "verb": evidence.verb,
        "outcome": evidence.outcome,
        "actor": evidence.actor,
        "clientIP": evidence.client_ip,
        "auditID": evidence.audit_id,
        "requestPath": evidence.path,
        "source": evidence.source,
        "note": _evidence_note(evidence),
    }
    where = _reference(evidence.target)
    fixed = {"key": evidence.key, "time": rfc3339(evidence.time), "sequence": evidence.sequence}
    return {**fixed, **_present(parts), **where}


def _evidence_note(evidence: EvidenceSeen) -> str:
    """What its own fields do not say, and since when it may have been so."""
    parts = [evidence.note]
    if evidence.not_before is not None and evidence.not_before < evidence.time:
        parts.append(f"not before {rfc3339(evidence.not_before)}")
    return texts.cut("; ".join(part for part in parts if part), NOTE)


def _present(parts: Mapping[str, str]) -> JSONObject:
    return {name: part for name, part in parts.items() if part}
