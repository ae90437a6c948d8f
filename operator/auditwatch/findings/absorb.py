"""A signal goes into an incident: what is kept, what only counts, and what may only rise.

Everything is bounded here, because the rate and the size of objects must never follow the rate of what an intruder
does. What a bound leaves out is counted beside it.
"""

from __future__ import annotations

from typing import Final, TypeVar

from auditwatch.detection import texts
from auditwatch.detection.changes import Change
from auditwatch.detection.signal import SEVERITIES, Certainty, Confidence, Signal
from auditwatch.detection.values import MISSING
from auditwatch.events.activity import ATTRIBUTIONS, Activity, Actor, Gap, Target
from auditwatch.events.keys import gap_key
from auditwatch.findings.identity import digest
from auditwatch.findings.state import (
    ACTORS,
    CHANGES,
    COUNTED_TARGETS,
    EVIDENCE_HEAD,
    EVIDENCE_TAIL,
    RECENT_KEYS,
    TARGETS,
    ActorSeen,
    ChangeSeen,
    EvidenceSeen,
    FindingState,
    TargetSeen,
)

CONFIDENCES: Final[tuple[Confidence, ...]] = ("Low", "Medium", "High")
CERTAINTIES: Final[tuple[Certainty, ...]] = ("Attempted", "OutcomeUnknown", "Observed")
"""Rising order: once it was seen to happen, further attempts do not make it less certain."""

KEY_CHARACTERS: Final = 16
"""Of a content key, as :attr:`FindingState.recent` keeps it."""

# Lengths of the API's fields (api/findingstatus.py).
TITLE: Final = 256
DESCRIPTION: Final = 4096
REMEDIATION: Final = 2048
NAME: Final = 253
ACTOR: Final = 512
WORD: Final = 63
VALUE: Final = 256

_Word = TypeVar("_Word", bound=str)


def event_key(signal: Signal) -> str:
    """The content key of what made the signal: 64 hex digits, or ``sequence-N`` where it carries neither."""
    if signal.activity is not None:
        return signal.activity.key
    return gap_key(signal.gap) if signal.gap is not None else f"sequence-{signal.sequence}"


def short_key(signal: Signal) -> str:
    """The front of the key, which is enough to tell 64 of them apart."""
    return event_key(signal)[:KEY_CHARACTERS]


def absorb(state: FindingState, signal: Signal) -> None:
    """Count ``signal`` into ``state``. The caller has decided that it belongs there and is not there yet."""
    novel = _raise_words(state, signal)
    activity = signal.activity
    if activity is not None:
        novel |= _add_actor(state, activity)
        novel |= _add_target(state, activity.target, signal.time)
    for change in signal.changes:
        _add_change(state, change, signal.time)
    _add_evidence(state, signal)
    state.recent = [*state.recent, short_key(signal)][-RECENT_KEYS:]
    state.count += max(1, signal.count)
    state.first_seen = min(state.first_seen, signal.time)
    state.last_seen = max(state.last_seen, signal.time)
    state.revision = signal.sequence
    if novel:
        state.novel = signal.sequence


def amend(state: FindingState, signal: Signal) -> None:
    """Put into ``state`` what became known late of an activity it has counted: it counts nothing and lowers nothing."""
    activity = signal.activity
    novel = _raise_words(state, signal)
    if activity is not None:
        novel |= _add_actor(state, activity)
        _replace_evidence(state, signal)
    for change in signal.changes:
        _add_change(state, change, signal.time)
    state.revision = signal.sequence
    if novel:
        state.novel = signal.sequence


def target_seen(target: Target, time: float) -> TargetSeen:
    """The target as findings keep it: every part escaped and cut."""
    return TargetSeen(
        group=_text(target.group, NAME),
        version=_text(target.version, WORD),
        resource=_text(f"{target.resource}/{target.subresource}" if target.subresource else target.resource, WORD),
        namespace=_text(target.namespace, WORD),
        name=_text(target.name, NAME),
        uid=_text(target.uid, 64),
        time=time,
    )


def target_hash(target: TargetSeen) -> int:
    """64 bits that tell targets apart: by name, and by uid only where there is no name."""
    return int(digest(target.group, target.resource, target.namespace, target.name or target.uid), 16)


def _raise_words(state: FindingState, signal: Signal) -> bool:
    """Severity, confidence, certainty and attribution only rise; the words follow the strongest, then the latest."""
    attribution = signal.activity.attribution if signal.activity is not None else "Unknown"
    rank = (SEVERITIES.index(signal.severity), ATTRIBUTIONS.index(attribution))
    if rank >= (SEVERITIES.index(state.severity), ATTRIBUTIONS.index(state.attribution)) or state.count == 0:
        state.title = texts.cut(signal.title, TITLE)
        state.description = texts.cut(signal.description, DESCRIPTION)
        state.remediation = texts.cut(signal.remediation, REMEDIATION)
    risen = rank[0] > SEVERITIES.index(state.severity)
    state.severity = _higher(SEVERITIES, state.severity, signal.severity)
    state.confidence = _higher(CONFIDENCES, state.confidence, signal.confidence)
    state.certainty = _higher(CERTAINTIES, state.certainty, signal.certainty)
    state.attribution = _higher(ATTRIBUTIONS, state.attribution, attribution)
    return risen


def _higher(order: tuple[_Word, ...], left: _Word, right: _Word) -> _Word:
    return max(left, right, key=order.index)


def _add_actor(state: FindingState, activity: Activity) -> bool:
    """Whether somebody new was named: who did it or, where that is not told apart, everybody who may have."""
    actors = activity.suspects or (activity.actor,)
    added = [_add_one_actor(state, actor, activity.time) for actor in actors]
    return any(added)


def _add_one_actor(state: FindingState, actor: Actor, time: float) -> bool:
    """Whether this is somebody new. The same field manager under no name is the same unknown actor."""
    seen = ActorSeen(
        id=_text(actor.id, ACTOR),
        name=_text(actor.name, ACTOR),
        kind=_text(actor.kind, WORD),
        via=_text(actor.via, WORD),
        manager=_text(actor.manager, 128),
        time=time,
    )
    if not (seen.id or seen.manager) or any(_same_actor(known, seen) for known in state.actors):
        return False
    if len(state.actors) >= ACTORS:
        state.actors_cut += 1
    else:
        state.actors.append(seen)
    return True


def _same_actor(one: ActorSeen, other: ActorSeen) -> bool:
    return (one.id, one.via) == (other.id, other.via) if one.id or other.id else one.manager == other.manager


def _add_target(state: FindingState, target: Target, time: float) -> bool:
    """Whether an object was touched that the incident did not hold. A recreated object of the same name is the same."""
    seen = target_seen(target, time)
    hashed = target_hash(seen)
    if hashed in state.target_hashes:
        return False
    if len(state.target_hashes) < COUNTED_TARGETS:
        state.target_hashes.add(hashed)
    if len(state.targets) < TARGETS:
        state.targets.append(seen)
    state.target_count += max(1, target.count or 1)
    return True


def _add_change(state: FindingState, change: Change, time: float) -> None:
    """The latest change per path, in order of first sight; the eleventh path is counted and not kept."""
    seen = ChangeSeen(path=_text(change.path, VALUE), old=_side(change.old), new=_side(change.new), time=time)
    for index, known in enumerate(state.changes):
        if known.path == seen.path:
            state.changes[index] = seen
            return
    if len(state.changes) >= CHANGES:
        state.changes_cut += 1
    else:
        state.changes.append(seen)


def _side(value: object) -> str | None:
    return None if value is MISSING else texts.shown(value, VALUE)


def _add_evidence(state: FindingState, signal: Signal) -> None:
    """The first five and the last five."""
    evidence = _evidence_of_gap(signal, signal.gap) if signal.gap is not None else _evidence(signal)
    if len(state.evidence_head) < EVIDENCE_HEAD:
        state.evidence_head.append(evidence)
    else:
        state.evidence_tail = [*state.evidence_tail, evidence][-EVIDENCE_TAIL:]


def _replace_evidence(state: FindingState, signal: Signal) -> None:
    """What is said of this activity, if it is among what is shown."""
    evidence = _evidence(signal)
    for shown in (state.evidence_head, state.evidence_tail):
        shown[:] = [evidence if each.key == evidence.key else each for each in shown]


def _evidence(signal: Signal) -> EvidenceSeen:
    activity = signal.activity
    if activity is None:
        return EvidenceSeen(key=event_key(signal), sequence=signal.sequence, time=signal.time)
    return EvidenceSeen(
        key=activity.key,
        sequence=signal.sequence,
        time=activity.time,
        not_before=activity.not_before,
        source=_text(activity.source, WORD),
        kind=activity.evidence,
        verb=_text(activity.verb, 32),
        outcome=activity.outcome,
        actor=_text(activity.actor.id or activity.actor.manager, ACTOR),
        target=target_seen(activity.target, activity.time),
        note="" if activity.actor.id or not activity.actor.manager else "actor: field manager, a hint and not proof",
    )


def _evidence_of_gap(signal: Signal, gap: Gap) -> EvidenceSeen:
    return EvidenceSeen(
        key=gap_key(gap),
        sequence=signal.sequence,
        time=gap.end,
        not_before=gap.start,
        source=_text(gap.source, WORD),
        kind="Gap",
        note=_text(f"{gap.reason}: {gap.message} ({gap.subject})", 512),
    )


def object_phrase(target: TargetSeen) -> str:
    """``resource/name``, with its namespace in front where it has one: ``kasten-io/policies/daily``."""
    return "/".join(part for part in (target.namespace, target.resource, target.name) if part)


def _text(raw: str, limit: int) -> str:
    return texts.cut(texts.escaped(raw[: limit + 1]), limit)
