"""What audit sources show of a rule, together with watched state: judged per kind and class of verbs, then as a whole.

Seen counts only where it is proven: by a policy that is known, or by an event of that kind not long ago, and while the
source answers for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.compiled import CompiledRule
from auditwatch.detection.matching import CONNECTING
from auditwatch.detection.sight import (
    LEVELS,
    SEEN,
    AuditView,
    KindView,
    SourcesView,
    VerbClass,
    Visibility,
)
from auditwatch.detection.statesight import Kind, hidden, in_part, selected, why

FULL: Final = Visibility("Full")

_CLASSES: Final[Mapping[VerbClass, frozenset[str]]] = {
    "write": frozenset({"create", "update", "patch"}),
    "delete": frozenset({"delete", "deletecollection"}),
    "read": frozenset({"get", "list", "watch"}),
}
_CLASS_OF: Final[Mapping[str, VerbClass]] = {verb: name for name, verbs in _CLASSES.items() for verb in verbs}
_UNTOLD_BY_K10: Final = ("user.", "actor.via", "actor.impersonator", "actor.credentialID", "actor.pod", "actor.node")
"""Beginnings of fields that K10's own record of a request does not know."""
NOBODYS: Final = frozenset({"actor.grantedBy"})
"""Fields of the language that no source of this version provides."""
_FIX: Final = "connect the audit log"
_OLD: Final = ("changes", "oldObject")
"""Beginnings of fields that ask what was there before."""


def by_audit(rule: CompiledRule, sources: SourcesView, is_built_in: Callable[[str], bool]) -> Visibility:
    """What a match rule sees with audit sources and watched state; there is at least one audit source."""
    unseen = [name for name in rule.source.requires_fields if name in sources.unseen_fields]
    if unseen:
        return Visibility("Blind", "FieldNotSeen", f"no audit event of this cluster has shown {', '.join(unseen)} yet")
    kinds = dict(selected(rule, sources))
    if not kinds:
        return _of_no_kind(rule, sources)
    seen = [
        _best(_ways(_Look(rule, kind, kinds[kind], verbs), sources, is_built_in))
        for kind in sorted(kinds)
        for verbs in verb_classes(rule, kind)
    ]
    return _summed(seen)


def verb_class(verb: str, subresource: str = "") -> VerbClass | None:
    """The class of a request verb; ``None`` for verbs that occur on URLs alone."""
    if subresource in CONNECTING:
        return "connect"
    return _CLASS_OF.get(verb)


def verb_classes(rule: CompiledRule, kind: Kind) -> tuple[VerbClass, ...]:
    """The classes a rule looks at, of a kind."""
    if kind[1].partition("/")[2] in CONNECTING:
        return ("connect",)
    verbs = rule.selector.verbs
    return tuple(name for name, members in _CLASSES.items() if verbs is None or not members.isdisjoint(verbs))


def _of_no_kind(rule: CompiledRule, sources: SourcesView) -> Visibility:
    """A rule about users, URLs or a pattern of kinds: whether it is all logged, nobody can tell."""
    message = "it names no kind: whether all it looks at is logged is not known"
    return _best(
        _silent(audit) or Visibility("Partial", "NotYetObserved", message) for audit in _feeding(rule, sources)
    )


def _feeding(rule: CompiledRule, sources: SourcesView) -> Iterator[AuditView]:
    """The audit sources whose evidence the rule takes."""
    match = rule.source.match
    wanted = match.evidence if match is not None else None
    return (audit for audit in sources.audits if wanted is None or audit.evidence in wanted)


@dataclass(frozen=True, slots=True)
class _Look:
    """One kind and class of verbs a rule looks at, and how watched state sees the kind."""

    rule: CompiledRule
    kind: Kind
    view: KindView
    verbs: VerbClass

    @property
    def written(self) -> str:
        group, resource = self.kind
        return f"{resource}.{group}" if group else resource

    @property
    def what(self) -> str:
        return f"{self.verbs} of {self.written}"


def _ways(look: _Look, sources: SourcesView, is_built_in: Callable[[str], bool]) -> Iterator[Visibility]:
    """How each source sees one kind and class of verbs."""
    for audit in _feeding(look.rule, sources):
        if audit.evidence == "K10Stream" and is_built_in(look.kind[0]):
            continue  # K10 records what its own server is asked, and this kind is another's
        has_bodies = audit.evidence == "K10Stream" or is_built_in(look.kind[0])
        yield _silent(audit) or _unlogged(look, audit) or _logged(look, audit, has_bodies=has_bodies)
    yield _watched(look)


def _silent(audit: AuditView) -> Visibility | None:
    if not audit.silence:
        return None
    return Visibility("Blind", "SourceUnavailable", f"source {audit.name} gives no sign of life: {audit.silence}")


def _unlogged(look: _Look, audit: AuditView) -> Visibility | None:
    """Why a source that is alive does not show these requests, or not who made them; ``None`` where it does."""
    level = audit.level(*look.kind, look.verbs)
    if level is None:
        is_over = f"{audit.name} shows no {look.what}"
        message = is_over if audit.is_past else f"source {audit.name} has not shown {look.what} yet"
        return Visibility("Partial", "NotYetObserved", message)
    if level == "None":
        return Visibility("Blind", "NotLogged", f"the audit policy of {audit.name} does not log {look.what}")
    if NOBODYS & look.rule.needs:
        return Visibility("Blind", "NotProvided", f"no source of this version tells {', '.join(NOBODYS)}")
    if audit.evidence == "K10Stream" and any(need.startswith(_UNTOLD_BY_K10) for need in look.rule.needs):
        return Visibility("Blind", "NeedsAuditLog", f"K10's own record does not say who authenticated, and how: {_FIX}")
    return None


def _logged(look: _Look, audit: AuditView, *, has_bodies: bool) -> Visibility:
    """What the level of a source shows of the object; state shows the rest where the kind is watched."""
    if look.rule.bodies and (look.view.unseen or look.view.availability not in SEEN):
        alone = _by_bodies(look, audit, has_bodies=has_bodies)
        return in_part([look.view]) if look.view.unseen and alone != FULL else alone
    return FULL


def _by_bodies(look: _Look, audit: AuditView, *, has_bodies: bool) -> Visibility:
    """What the bodies alone show of the object."""
    level, bodies = audit.level(*look.kind, look.verbs), look.rule.bodies
    if level == "Metadata" or not has_bodies:
        fix = ": log them at RequestResponse" if has_bodies else ""
        message = f"{audit.name} shows no bodies for {look.what}{fix}"
        return Visibility("Partial" if look.rule.on_unknown else "Blind", "NeedsBodies", message)
    if look.verbs == "write" and (level != "RequestResponse" or any(name.startswith(_OLD) for name in bodies)):
        message = f"{audit.name} shows what {look.written} became, not what was"
        return Visibility("Partial", "OldValuesUnknown", message)
    return FULL


def _watched(look: _Look) -> Visibility:
    """What watched state shows: no reads, no connections, nobody's name."""
    unshown = hidden(look.rule)
    if look.verbs in {"read", "connect"} or (unshown and look.rule.on_unknown is None):
        told = unshown or f"{look.verbs} requests"
        return Visibility("Blind", "NeedsAuditLog", f"watched state does not tell {told}: {_FIX}")
    if look.view.availability in SEEN:
        return in_part([look.view])
    return Visibility("Blind", *why({look.kind: look.view}))


def _best(seen: Iterable[Visibility]) -> Visibility:
    """The source that sees most; of equals the first, which is the one to be helped."""
    nothing = Visibility("Blind", "NeedsAuditLog", f"no source gives the evidence it takes: {_FIX}")
    return max(seen, key=lambda each: LEVELS.index(each.level), default=nothing)


def _summed(seen: list[Visibility]) -> Visibility:
    """All of it Full is Full, all of it Blind is Blind; else Partial, for the reason of what is seen least."""
    worst = min(seen, key=lambda each: LEVELS.index(each.level), default=FULL)
    if worst.level == "Full" or all(each.level == "Blind" for each in seen):
        return worst
    alike = (each.message for each in seen if (each.level, each.reason) == (worst.level, worst.reason))
    return Visibility("Partial", worst.reason, "; ".join(dict.fromkeys(alike)))
