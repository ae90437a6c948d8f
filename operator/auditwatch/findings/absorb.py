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
from auditwatch.events.activity import ATTRIBUTIONS, Gap
from auditwatch.findings.actors import add_actors, correct_actors
from auditwatch.findings.evidence import add_evidence, replace_evidence, short_key
from auditwatch.findings.losses import is_shared, loss_of
from auditwatch.findings.state import CHANGES, RECENT_KEYS, ChangeSeen, FindingState
from auditwatch.findings.targets import add_target

CONFIDENCES: Final[tuple[Confidence, ...]] = ("Low", "Medium", "High")
CERTAINTIES: Final[tuple[Certainty, ...]] = ("Attempted", "OutcomeUnknown", "Observed")
"""Rising order: once it was seen to happen, further attempts do not make it less certain."""

# Lengths of the API's fields (api/findingstatus.py).
TITLE: Final = 256
DESCRIPTION: Final = 4096
REMEDIATION: Final = 2048
VALUE: Final = 256

_Word = TypeVar("_Word", bound=str)


def absorb(state: FindingState, signal: Signal) -> None:
    """Count ``signal`` into ``state``. The caller has decided that it belongs there and is not there yet."""
    novel = _raise_words(state, signal)
    activity = signal.activity
    if activity is not None:
        novel |= add_actors(state, activity)
        novel |= add_target(state, activity.target, signal.time)
    for change in signal.changes:
        _add_change(state, change, signal.time)
    state.recent.append(short_key(signal))
    del state.recent[:-RECENT_KEYS]
    if signal.gap is None or not _is_told(state, signal.gap):
        add_evidence(state, signal)
        state.count += max(1, signal.count)
        state.rows.append((signal.sequence, max(1, signal.count)))
        del state.rows[:-RECENT_KEYS]
    state.absorbs = tuple((each.rule, each.seconds, each.join) for each in signal.absorbs)
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
        novel |= correct_actors(state, signal.former, activity)
        replace_evidence(state, signal)
    for change in signal.changes:
        _add_change(state, change, signal.time)
    state.revision = signal.sequence
    if novel:
        state.novel = signal.sequence


def _is_told(state: FindingState, gap: Gap) -> bool:
    """Whether the loss a gap tells of is counted: then it is told as one that hid this as well."""
    loss = state.losses.get(gap.reason)
    if loss is None or not loss.is_told_by(gap):
        if is_shared(gap):
            state.losses[gap.reason] = loss_of(gap)
        return False
    loss.add(gap)
    state.title, state.description = loss.title, loss.description(gap)
    return True


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


def _add_change(state: FindingState, change: Change, time: float) -> None:
    """The latest change per path, in order of first sight; the eleventh path is counted and not kept."""
    seen = ChangeSeen(path=texts.shown(change.path, VALUE), old=_side(change.old), new=_side(change.new), time=time)
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
