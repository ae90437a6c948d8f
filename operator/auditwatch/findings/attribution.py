"""How an actor is known, in a sentence that claims no more than that.

A field manager is a word the client chose about itself, and of several who may have done something not all did.
Whoever reads a finding at night must take neither for the culprit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditwatch.detection import texts
from auditwatch.detection.matching import SERVICE_ACCOUNT
from auditwatch.findings import wording
from auditwatch.findings.actors import rank
from auditwatch.findings.state import ActorSeen, FindingState

_UNKNOWN: Final = "Who did it is not known; connect the audit log to learn who."
_HINT: Final = "The object's last field manager is"
_AMBIGUOUS: Final = "Several requests could explain it; the actors are all of them, and not all of them did it"
_NAMELESS: Final = "The audit log has it and does not say who did it."
_SOURCES: Final = {
    "Correlated": "from the one audit event that fits by object and time",
    "Audited": "from the audit event of this very request",
}
_STARTS: Final = (
    "Who did it is not known;",
    _HINT,
    "Several requests could explain it;",
    _NAMELESS,
    "The actor is from the ",
    "The actors are from the ",
)
"""One for each sentence there is or was: by them it is found again in a description."""

_ARN: Final = "arn:"


def sentence(state: FindingState, *, limit: int = wording.NAMED) -> str:
    """What the finding knows about who acted, for its description and its Event; ``limit``: actors it names."""
    best = _best(state.actors)
    if state.attribution in _SOURCES:
        return _named(state, best, limit) if best and best[0].attribution in _SOURCES else _NAMELESS
    if state.attribution == "Ambiguous":
        names = wording.either(_names(best), limit) if best and best[0].attribution == "Ambiguous" else ""
        return f"{_AMBIGUOUS}: {names}." if names else f"{_AMBIGUOUS}."
    managers = wording.either([actor.manager for actor in state.actors if actor.manager and not actor.id], limit)
    if state.attribution == "FieldManager" and managers:
        return f"{_HINT} {managers}: a hint, not proof; connect the audit log to learn who."
    return _UNKNOWN


def without_sentence(description: str) -> str:
    """A description without the sentence, and without what follows it."""
    lines = description.split("\n")
    places = [index for index, line in enumerate(lines) if line.startswith(_STARTS)]
    return "\n".join(lines[: places[-1]]) if places else description


def column(state: FindingState, width: int) -> str:
    """Whoever is known best, for a column of ``width`` characters; a hint has a question mark, a choice a number.

    Of somebody whose name another took on it is the other, whose doing it is.
    """
    best = _best(state.actors)
    if not best:
        return ""
    first = best[0]
    if first.attribution == "Ambiguous" and len(_names(best)) > 1:
        names = [_short(name) for name in _names(best)]
        return texts.cut(f"{len(names)} possible: {', '.join(names)}", width)
    if first.id:
        return texts.cut(_short(first.impersonator if first.via == "Impersonation" else first.id) or first.id, width)
    return texts.cut(f"?{first.manager}" if first.manager else "unauthenticated", width)


def short_name(actor: ActorSeen) -> str:
    """The actor for a column or a note: the id, else the field manager marked as a hint, else ``Unknown``."""
    if actor.id:
        return actor.id
    return f"Unknown (field manager {actor.manager})" if actor.manager else "Unknown"


def _best(actors: Sequence[ActorSeen]) -> list[ActorSeen]:
    """Everybody who is known as well as the one who is known best; a name before none."""
    found = max(((rank(actor), bool(actor.id)) for actor in actors), default=None)
    return [actor for actor in actors if (rank(actor), bool(actor.id)) == found]


def _names(actors: Sequence[ActorSeen]) -> list[str]:
    return list(dict.fromkeys(actor.id for actor in actors if actor.id))


def _named(state: FindingState, best: Sequence[ActorSeen], limit: int) -> str:
    source = _SOURCES[best[0].attribution]
    told = wording.all_of([_phrase(actor) for actor in best], limit)
    start = f"The actor is {source}" if len(best) == 1 else f"The actors are {source}"
    less = [_less_sure(actor) for actor in state.actors if actor not in best]
    rest = f" Known less surely, of other activity: {wording.all_of(less)}." if less else ""
    return f"{start}: {told}.{rest}"


def _less_sure(actor: ActorSeen) -> str:
    """Somebody of whom less is known than of others, with how."""
    name = wording.name(actor.id)
    if actor.attribution == "Ambiguous":
        return f"{name} (possible)"
    return name or (f"field manager {wording.name(actor.manager)} (a hint)" if actor.manager else "nobody's credential")


def _phrase(actor: ActorSeen) -> str:
    """Who, from which address, with which credential: ``mallory, from 203.0.113.9, with credential JTI=…``."""
    parts = [
        wording.name(actor.id) if actor.id else "a client that showed no valid credential",
        _manner(actor),
        f"from {wording.either(actor.client_ips)}" if actor.client_ips else "",
        f"with credential {wording.either(actor.credential_ids)}" if actor.credential_ids else "",
        f"of pod {wording.name(actor.pod)}" if actor.pod else "",
        f"on node {wording.name(actor.node)}" if actor.node else "",
    ]
    return ", ".join(part for part in parts if part)


def _manner(actor: ActorSeen) -> str:
    """What about the way they came a reader must not overlook."""
    if actor.via == "K10Dashboard":
        return "through K10's dashboard"
    if actor.via == "UnattributedDashboard":
        return "through K10's dashboard, which does not say for whom"
    if actor.impersonator:
        return f"as whom {wording.name(actor.impersonator)} acted"
    return "which is K10's account, used by somebody else" if actor.kind == "K10Suspect" else ""


def _short(actor_id: str) -> str:
    """The part of an id that tells people apart: the end of a cloud identity, ``namespace:name`` of an account."""
    if actor_id.startswith(_ARN):
        return actor_id.rpartition("/")[2] or actor_id
    return actor_id.removeprefix(SERVICE_ACCOUNT)
