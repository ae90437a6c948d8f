"""At which level each source was lately seen to log what: the proof of visibility where no policy is known.

Bounded, and a function of the records it was shown. A client can ask for kinds that do not exist; those are answered
with an error and prove nothing about others, so only kinds somebody asked about are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.auditsight import verb_class
from auditwatch.detection.fields import compile_field
from auditwatch.detection.scope import K10View, Scope
from auditwatch.detection.sight import AUDIT_LEVELS, AuditLevel, VerbClass
from auditwatch.detection.values import MISSING, is_present
from auditwatch.events.activity import Activity, Evidence
from auditwatch.events.audit import AuditEvent

PROOF_SECONDS: Final = 30 * 86_400.0
"""How long an event proves that others like it are logged."""
_LEVELS: Final[Mapping[str, AuditLevel]] = {level: level for level in AUDIT_LEVELS}

_Key = tuple[str, str, VerbClass]

ObservedRow = tuple[str, str, VerbClass, AuditLevel, float]
"""Group, resource, class of verbs, level, and when it was last seen (seconds since the epoch)."""


class ObservedLevels:
    """When each level was last seen, by kind and class of verbs. For one source."""

    def __init__(self, kinds: Iterable[tuple[str, str]]) -> None:
        self._kinds = frozenset(kinds)
        self._seen: dict[_Key, dict[AuditLevel, float]] = {}

    def ask(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Keep these kinds (group, resource with ``/subresource``) from now on; others are forgotten."""
        self._kinds = frozenset(kinds)
        self._seen = {key: levels for key, levels in self._seen.items() if key[:2] in self._kinds}

    def note(self, event: AuditEvent, time: float) -> None:
        """Take up one event; ``time`` is seconds since the epoch."""
        reference = event.object_ref
        level = _LEVELS.get(event.level)
        if reference is None or level is None:
            return
        resource = f"{reference.resource}/{reference.subresource}" if reference.subresource else reference.resource
        verbs = verb_class(event.verb, reference.subresource)
        if verbs is None or (reference.api_group, resource) not in self._kinds:
            return
        levels = self._seen.setdefault((reference.api_group, resource, verbs), {})
        levels[level] = max(time, levels.get(level, time))

    def rows(self) -> list[ObservedRow]:
        """Everything that was seen, to be kept over a restart."""
        return [(*key, level, time) for key, levels in self._seen.items() for level, time in levels.items()]

    def restore(self, rows: Iterable[ObservedRow]) -> None:
        """Take up what :meth:`rows` gave; kinds nobody asks about are forgotten with the next :meth:`ask`."""
        for group, resource, verbs, level, time in rows:
            levels = self._seen.setdefault((group, resource, verbs), {})
            levels[level] = max(time, levels.get(level, time))

    def level(self, group: str, resource: str, verbs: VerbClass, now: float) -> AuditLevel | None:
        """The highest level seen lately; ``None`` where nothing was."""
        levels = self._seen.get((group, resource, verbs), {})
        recent = (level for level, time in levels.items() if time >= now - PROOF_SECONDS)
        return max(recent, key=AUDIT_LEVELS.index, default=None)


class ObservedFields:
    """Which of the fields that rules require have been seen to have a value."""

    def __init__(self, k10: K10View, names: Iterable[str] = ()) -> None:
        self._k10 = k10
        self._readers = {name: compile_field(name).read for name in names}
        self._seen: set[str] = set()

    @property
    def unseen(self) -> frozenset[str]:
        """Fields no event has shown yet."""
        return frozenset(self._readers.keys() - self._seen)

    def note(self, activity: Activity) -> None:
        """Take up one activity."""
        if activity.evidence == "State" or not self.unseen:
            return
        scope = Scope(activity, self._k10)
        self._seen |= {name for name in self.unseen if is_present(self._readers[name](scope, MISSING))}


Policy = Callable[[str, str, VerbClass], AuditLevel | None]
"""(group, resource, class of verbs) → the level a known policy gives it; ``None`` where that depends on who asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSight:
    """One audit source at one moment, as visibility asks for it (``sight.AuditView``)."""

    name: str
    evidence: Evidence = "Audited"
    silence: str = ""
    observed: ObservedLevels
    now: float
    policy: Policy | None = None
    is_past: bool = False

    def level(self, group: str, resource: str, verb_class: VerbClass) -> AuditLevel | None:
        """By the policy where one is known and decides, else by what was seen."""
        known = self.policy(group, resource, verb_class) if self.policy is not None else None
        return known if known is not None else self.observed.level(group, resource, verb_class, self.now)
