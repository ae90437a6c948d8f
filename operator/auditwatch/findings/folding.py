"""Incidents that tell the same as a story's: folded under it, so that one act is one finding.

What a story has counted, or what happened to the same objects, is told once, by the story's incident. It inherits
whom and what the others name, so nothing is lost with them; they name it in turn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from auditwatch.detection.compiled import UNKNOWN_GROUP
from auditwatch.detection.signal import SEVERITIES, Signal
from auditwatch.events.activity import ATTRIBUTIONS
from auditwatch.findings.actors import correct_actors, inherit_actors
from auditwatch.findings.state import CHANGES, FindingState
from auditwatch.findings.targets import inherit_targets

_NOTHING = frozenset({"", UNKNOWN_GROUP})
"""Values of a group that say nothing: they are the same as no other."""
_Kind = tuple[str, str]
"""(watch, rule)."""


class Kin:
    """Which incidents may be folded under which: found by watch and rule."""

    def __init__(self) -> None:
        self._of: defaultdict[_Kind, dict[str, FindingState]] = defaultdict(dict)
        self._over: defaultdict[_Kind, dict[str, FindingState]] = defaultdict(dict)

    def enter(self, state: FindingState) -> None:
        """Know this incident, or what it absorbs by now."""
        self._of[state.watch, state.rule][state.key] = state
        for rule, _, _ in state.absorbs:
            self._over[state.watch, rule][state.key] = state

    def leave(self, state: FindingState) -> None:
        """Forget it."""
        for table in (self._of, self._over):
            for kind in [kind for kind, known in table.items() if state.key in known]:
                del table[kind][state.key]
                if not table[kind]:
                    del table[kind]

    def under(self, story: FindingState, signal: Signal) -> list[tuple[FindingState, frozenset[int] | None]]:
        """What the story's signal folds: (incident, log sequences of what the story counted of it, or all)."""
        found: list[tuple[FindingState, frozenset[int] | None]] = []
        for rule, seconds, join in story.absorbs:
            sequences = None if join else frozenset(signal.contributors)
            found += [
                (other, sequences)
                for other in self._of.get((story.watch, rule), {}).values()
                if other is not story and (not join or _is_joined(story, other, seconds, join))
            ]
        return found

    def over(self, other: FindingState) -> Iterator[FindingState]:
        """Stories' incidents of the same objects that ``other`` belongs under."""
        for story in list(self._over.get((other.watch, other.rule), {}).values()):
            for rule, seconds, join in story.absorbs:
                if rule == other.rule and join and story is not other and _is_joined(story, other, seconds, join):
                    yield story


def fold(story: FindingState, other: FindingState, sequences: frozenset[int] | None, *, sequence: int) -> bool:
    """Fold what ``sequences`` (all: ``None``) counted in ``other`` under ``story``; whether there was anything.

    ``sequence`` is the log's, of the signal that made it so.
    """
    taken = other.rows if sequences is None else [row for row in other.rows if row[0] in sequences]
    gone = sum(count for _, count in taken) if sequences is not None else other.count - other.superseded
    if gone <= 0:
        return False
    other.rows = [row for row in other.rows if row not in taken]
    other.superseded += gone
    other.superseded_by = story.name
    other.revision = max(other.revision, sequence)
    if is_superseded(other):
        _inherit(story, other, sequence)
    return True


def correct(story: FindingState, signal: Signal) -> None:
    """What became known late of an activity that an incident under the story has counted."""
    if signal.activity is None:
        return
    if correct_actors(story, signal.former, signal.activity):
        story.novel = signal.sequence
    story.attribution = max(story.attribution, signal.activity.attribution, key=ATTRIBUTIONS.index)
    story.revision = max(story.revision, signal.sequence)


def is_superseded(state: FindingState) -> bool:
    """Whether all it counted is told by another incident, which knows more."""
    return bool(state.superseded_by) and state.superseded >= state.count


def _is_joined(story: FindingState, other: FindingState, seconds: float, join: tuple[tuple[str, str], ...]) -> bool:
    """Whether both are about the same, at about the same time, and ``other`` about nothing from long before."""
    ours, theirs = dict(story.group), dict(other.group)
    is_same = all(ours.get(own) == theirs.get(its) and ours.get(own, "") not in _NOTHING for own, its in join)
    return is_same and story.first_seen - seconds <= other.first_seen and other.last_seen <= story.last_seen + seconds


def _inherit(story: FindingState, other: FindingState, sequence: int) -> None:
    """Whom and what the other names, and the most it claims. Nothing is counted: the story has its own count."""
    is_graver = SEVERITIES.index(other.severity) > SEVERITIES.index(story.severity)
    is_novel = [inherit_actors(story, other), inherit_targets(story, other), is_graver]
    story.severity = max(story.severity, other.severity, key=SEVERITIES.index)
    story.attribution = max(story.attribution, other.attribution, key=ATTRIBUTIONS.index)
    story.first_seen = min(story.first_seen, other.first_seen)
    story.last_seen = max(story.last_seen, other.last_seen)
    known = {change.path for change in story.changes}
    fresh = [change for change in other.changes if change.path not in known]
    room = CHANGES - len(story.changes)
    story.changes += fresh[:room]
    story.changes_cut += len(fresh[room:])
    story.revision = max(story.revision, sequence)
    if any(is_novel):
        story.novel = sequence
