"""A finding object read back as an incident: how counting goes on when the journal was lost.

Everything read here came over the API and may have been written by anybody who could, so nothing is trusted to have
a shape, and what cannot be read is left out. What decides (name, fingerprint) is computed again and must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditwatch.detection.signal import SEVERITIES
from auditwatch.events.activity import ATTRIBUTIONS, Attribution
from auditwatch.findings import identity, rendering
from auditwatch.findings.absorb import CERTAINTIES, CONFIDENCES
from auditwatch.findings.evidence import KEY_CHARACTERS
from auditwatch.findings.opening import FOLDED
from auditwatch.findings.reading import Reader
from auditwatch.findings.state import (
    ACTORS,
    ADDRESSES,
    CHANGES,
    CLIENTS,
    CREDENTIALS,
    EVIDENCE_HEAD,
    EVIDENCE_TAIL,
    RECENT_KEYS,
    TARGETS,
    ActorSeen,
    ChangeSeen,
    ClientSeen,
    EvidenceSeen,
    FindingState,
    TargetSeen,
)
from auditwatch.findings.targets import target_hash


def adopted(finding: Mapping[str, Any], *, journal_id: str, cluster: str) -> FindingState | None:
    """The incident of a finding that an earlier journal wrote, or ``None`` where it is none of ours to continue."""
    read = Reader(finding)
    spec, status = read.child("spec"), read.child("status")
    mark = status.child("watermark")
    writer = mark.text("journalID")
    group = tuple((item.text("field"), item.text("value")) for item in spec.children("groupBy"))
    watch = f"{spec.child('watchRef').text('namespace')}/{spec.child('watchRef').text('name')}"
    first = status.time("firstSeenTime")
    wanted = identity.fingerprint(cluster=cluster, watch=watch, rule=spec.text("rule"), group=group)
    if not writer or writer == journal_id or first is None or spec.text("fingerprint") != wanted:
        return None
    state = _state(read, journal_id=journal_id, cluster=cluster, watch=watch, group=group, first=first)
    state.title = rendering.own_title(state.title, state.rule)
    state.description = rendering.own_description(state.description, state)
    return state


def _state(
    read: Reader, *, journal_id: str, cluster: str, watch: str, group: identity.Group, first: float
) -> FindingState:
    meta, spec, status = read.child("metadata"), read.child("spec"), read.child("status")
    severity = status.word("severity", SEVERITIES, "Low")
    known = status.word("attribution", ATTRIBUTIONS, "Unknown")
    targets = [_target(item, first) for item in status.children("targets")][:TARGETS]
    evidence = [_evidence(item, first) for item in status.children("evidence")][: EVIDENCE_HEAD + EVIDENCE_TAIL]
    return FindingState(
        key=f"{meta.text('namespace')}/{meta.text('name')}",
        name=meta.text("name"),
        namespace=meta.text("namespace"),
        fingerprint=spec.text("fingerprint"),
        journal_id=journal_id,
        cluster=cluster,
        watch=watch,
        rule=spec.text("rule"),
        pack=spec.text("pack"),
        group=group,
        epoch=max(1, spec.number("epoch")),
        initial_severity=spec.word("initialSeverity", SEVERITIES, severity),
        attack=tuple(spec.texts("attack")),
        runbook=spec.text("runbookURL"),
        target=_target(spec.child("target"), first) if spec.child("target").raw else None,
        folded_since=first if group == FOLDED else None,
        severity=severity,
        confidence=status.word("confidence", CONFIDENCES, "Low"),
        certainty=status.word("certainty", CERTAINTIES, "Attempted"),
        attribution=known,
        title=status.text("title"),
        description=status.text("description"),
        remediation=status.text("remediation"),
        count=max(1, status.number("count")),
        first_seen=first,
        last_seen=max(first, status.time("lastSeenTime") or first),
        detected=status.time("detectedTime") or first,
        actors=[_actor(item, first, known) for item in status.children("actors")][:ACTORS],
        clients=[_client(item) for item in status.children("clients")][:CLIENTS],
        targets=targets,
        target_count=max(len(targets), status.number("targetCount")),
        target_hashes={target_hash(target) for target in targets},
        changes=[_change(item, first) for item in status.children("changes")][:CHANGES],
        evidence_head=evidence[:EVIDENCE_HEAD],
        evidence_tail=evidence[EVIDENCE_HEAD:],
        recent=[item.key[:KEY_CHARACTERS] for item in evidence][-RECENT_KEYS:],
    )


def _actor(item: Reader, first: float, known: Attribution) -> ActorSeen:
    """``known``: what the finding says; an actor of an earlier version does not say how they are known."""
    hint: Attribution = "FieldManager" if item.text("manager") else "Unknown"
    return ActorSeen(
        id=item.text("id"),
        name=item.text("name") or item.text("id"),
        kind=item.text("kind"),
        via=item.text("via"),
        manager=item.text("manager"),
        impersonator=item.text("impersonator"),
        attribution=item.word("attribution", ATTRIBUTIONS, known if item.text("id") else hint),
        credential_ids=tuple(item.texts("credentialIDs"))[:CREDENTIALS],
        client_ips=tuple(item.texts("clientIPs"))[:ADDRESSES],
        pod=item.text("pod"),
        node=item.text("node"),
        time=first,
    )


def _client(item: Reader) -> ClientSeen:
    return ClientSeen(ip=item.text("ip"), agent=item.text("agent"))


def _target(item: Reader, first: float) -> TargetSeen:
    return TargetSeen(
        group=item.text("group"),
        resource=item.text("resource"),
        namespace=item.text("namespace"),
        name=item.text("name"),
        uid=item.text("uid"),
        time=item.time("time") or first,
    )


def _change(item: Reader, first: float) -> ChangeSeen:
    old, new = (item.text(side) if side in item.raw else None for side in ("old", "new"))
    return ChangeSeen(path=item.text("path"), old=old, new=new, time=first)


def _evidence(item: Reader, first: float) -> EvidenceSeen:
    return EvidenceSeen(
        key=item.text("key"),
        sequence=item.number("sequence"),
        time=item.time("time") or first,
        source=item.text("source"),
        verb=item.text("verb"),
        outcome=item.text("outcome"),
        actor=item.text("actor"),
        client_ip=item.text("clientIP"),
        audit_id=item.text("auditID"),
        path=item.text("requestPath"),
        target=_target(item, first) if item.text("resource") else None,
        note=item.text("note"),
    )
