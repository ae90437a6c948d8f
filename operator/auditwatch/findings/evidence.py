"""The activity an incident is made of, as it shows it: the first five pieces and the last five, each told for itself.

A row names whoever acted, from where, and under which id the audit log has it, so that a reader finds it there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection import texts
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Activity, Gap
from auditwatch.events.keys import gap_key
from auditwatch.findings import wording
from auditwatch.findings.state import EVIDENCE_HEAD, EVIDENCE_TAIL, EvidenceSeen, FindingState
from auditwatch.findings.targets import target_seen

KEY_CHARACTERS: Final = 16
"""Of a content key, as :attr:`FindingState.recent` keeps it."""

# Lengths of the API's fields (api/findingstatus.py).
ACTOR: Final = 512
WORD: Final = 63
VERB: Final = 32
NOTE: Final = 512
ADDRESS: Final = 64
AUDIT_ID: Final = 64
PATH: Final = 256

HINT: Final = "actor: field manager, a hint and not proof"
BORROWED: Final = "time: not in the log, that of the event beside it"
TIMELESS: Final = "time: not in the log"
_TIMES: Final = {"TimeBorrowed": BORROWED, "TimeUnknown": TIMELESS}
"""What is to be said of a time, by how the event is degraded."""
CANDIDATES: Final = "actor: everybody who may have done it, and not all of them did"


def event_key(signal: Signal) -> str:
    """The content key of what made the signal: 64 hex digits, or ``sequence-N`` where it carries neither."""
    if signal.activity is not None:
        return signal.activity.key
    return gap_key(signal.gap) if signal.gap is not None else f"sequence-{signal.sequence}"


def short_key(signal: Signal) -> str:
    """The front of the key, which is enough to tell 64 of them apart."""
    return event_key(signal)[:KEY_CHARACTERS]


def add_evidence(state: FindingState, signal: Signal) -> None:
    """The first five and the last five."""
    evidence = _of_gap(signal, signal.gap) if signal.gap is not None else _of(signal)
    if len(state.evidence_head) < EVIDENCE_HEAD:
        state.evidence_head.append(evidence)
    else:
        state.evidence_tail.append(evidence)
        del state.evidence_tail[:-EVIDENCE_TAIL]


def replace_evidence(state: FindingState, signal: Signal) -> None:
    """What is said of this activity, if it is among what is shown."""
    evidence = _of(signal)
    for shown in (state.evidence_head, state.evidence_tail):
        shown[:] = [evidence if each.key == evidence.key else each for each in shown]


def _of(signal: Signal) -> EvidenceSeen:
    activity = signal.activity
    if activity is None:
        return EvidenceSeen(key=event_key(signal), sequence=signal.sequence, time=signal.time)
    who, note = _who(activity)
    return EvidenceSeen(
        key=activity.key,
        sequence=signal.sequence,
        time=activity.time,
        not_before=activity.not_before,
        source=texts.shown(activity.source, WORD),
        kind=activity.evidence,
        verb=texts.shown(activity.verb, VERB),
        outcome=activity.outcome,
        actor=who,
        client_ip=_client_ip(activity),
        audit_id=_audit_id(activity),
        path=_path(activity),
        target=target_seen(activity.target, activity.time),
        note="; ".join(part for part in (note, _time_note(activity)) if part),
    )


def _time_note(activity: Activity) -> str:
    return next((_TIMES[word] for word in activity.degraded if word in _TIMES), "")


def times_lent(state: FindingState) -> list[str]:
    """What is said of times that are no event's own, one word for each of the shown pieces with one."""
    shown = (*state.evidence_head, *state.evidence_tail)
    return [note for each in shown if (note := each.note.rpartition("; ")[2]) in _TIMES.values()]


def _who(activity: Activity) -> tuple[str, str]:
    """Who acted, and what is to be said of that: a hint accuses nobody, nor does one of several."""
    names = dict.fromkeys(actor.id for actor in activity.suspects if actor.id)
    if len(names) > 1:
        return texts.cut(wording.either([texts.shown(name, ACTOR) for name in names]), ACTOR), CANDIDATES
    actor = activity.actor
    is_hint = bool(actor.manager) and not actor.id
    return texts.shown(actor.id or actor.manager, ACTOR), HINT if is_hint else ""


def _client_ip(activity: Activity) -> str:
    client = activity.client
    return "" if isinstance(client, msgspec.UnsetType) else texts.shown(client.ip, ADDRESS)


def _audit_id(activity: Activity) -> str:
    event = activity.event
    found = None if isinstance(event, msgspec.UnsetType) else event.get("auditID")
    return texts.shown(found, AUDIT_ID) if isinstance(found, str) else ""


def _path(activity: Activity) -> str:
    """Redacted where the event was read; parameters are left out, for anything may stand there."""
    request = activity.request
    return "" if isinstance(request, msgspec.UnsetType) else texts.shown(request.path, PATH)


def _of_gap(signal: Signal, gap: Gap) -> EvidenceSeen:
    return EvidenceSeen(
        key=gap_key(gap),
        sequence=signal.sequence,
        time=gap.end,
        not_before=gap.start,
        source=texts.shown(gap.source, WORD),
        kind="Gap",
        note=texts.shown(f"{gap.reason}: {gap.message} ({gap.subject})", NOTE),
    )
