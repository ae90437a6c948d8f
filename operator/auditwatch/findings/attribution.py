"""How an actor is known, in a sentence that claims no more than that.

A field manager is a word the client chose about itself. Whoever reads a finding at night must not take it for a name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from auditwatch.detection import texts
from auditwatch.findings.state import ActorSeen, FindingState

_NAMED: Final = 3
_SENTENCES: Final = {
    "Unknown": "Who did it is not known; connect the audit log to learn who.",
    "Ambiguous": "Several requests could explain it; the actors are all of them, and not all of them did it.",
    "Correlated": "The actor is from the one audit event that fits by object and time.",
    "Audited": "The actor is from the audit event of this very request.",
}


def sentence(state: FindingState) -> str:
    """What the finding knows about who acted, for its description and its Event."""
    managers = _named(actor.manager for actor in state.actors if actor.manager and not actor.id)
    if state.attribution == "FieldManager" and managers:
        return f"The object's last field manager is {managers}: a hint, not proof; connect the audit log to learn who."
    return _SENTENCES.get(state.attribution, _SENTENCES["Unknown"])


def short_name(actor: ActorSeen) -> str:
    """The actor for a column or a note: the id, else the field manager marked as a hint, else ``Unknown``."""
    if actor.id:
        return actor.id
    return f"Unknown (field manager {actor.manager})" if actor.manager else "Unknown"


def _named(names: Iterable[str]) -> str:
    known = list(dict.fromkeys(names))
    shown = [texts.cut(name, 64) for name in known[:_NAMED]]
    rest = [f"{len(known) - _NAMED} more"] if len(known) > _NAMED else []
    return " or ".join([*shown, *rest])
