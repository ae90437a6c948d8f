"""Whether a request can have made a change: by object, version, time and the name its writer goes by.

Everything a client can choose (its user agent, its field manager) only ever takes a request out of the choice; what
proves that two belong together is a version that the server alone gives.
"""

from __future__ import annotations

import enum
import math
from typing import Final

from auditwatch.detection.joiner.asking import Asked, Place
from auditwatch.detection.joiner.steps import Step

SLACK_SECONDS: Final = 2.0
"""How far clocks may be apart, and how long a change may take to show."""

_VERBS: Final = {
    "create": frozenset({"create", "patch", "update"}),
    "update": frozenset({"update", "patch"}),
    "delete": frozenset({"delete", "deletecollection"}),
}
"""Applying and updating may create. A deletion that has to wait shows as an update first; see :attr:`Step.ends`."""
_VERSIONED: Final = frozenset({"create", "update", "patch"})


class Fit(enum.IntEnum):
    """How well a request fits a change."""

    NONE = 0
    POSSIBLE = 1
    CERTAIN = 2
    """The server gave both the same version."""


def fit(asked: Asked, step: Step) -> Fit:
    """How well they fit."""
    if not asked.writes or not _is_about(asked, step):
        return Fit.NONE
    if asked.version and step.version and asked.verb in _VERSIONED:
        if asked.version == step.version:
            return Fit.CERTAIN
        if step.is_single:
            return Fit.NONE
    return Fit.POSSIBLE if _overlaps(asked, step) and _may_be_by(asked, step) else Fit.NONE


def places_of(step: Step) -> tuple[Place, ...]:
    """Where requests stand that may have made the change: by its name, in its namespace, anywhere."""
    cluster, group, resource, namespace, name = step.place
    found = dict.fromkeys(
        [
            (cluster, group, resource, namespace, name),
            (cluster, group, resource, namespace, ""),
            (cluster, group, resource, "", ""),
        ]
    )
    return tuple(found)


def _is_about(asked: Asked, step: Step) -> bool:
    if not _is_at(asked.place, step.place) or asked.verb not in verbs_behind(step):
        return False
    if _is_of_the_other_kind(asked, step):
        return False
    if not asked.place[4] and asked.verb not in {"create", "deletecollection"}:
        return False
    return not (_is_uid(asked.uid) and _is_uid(step.uid)) or asked.uid == step.uid


def _is_at(asked: Place, place: Place) -> bool:
    """Whether ``asked`` is one of :func:`places_of`, without making them."""
    if asked == place:
        return True
    return not asked[4] and asked[:3] == place[:3] and asked[3] in ("", place[3])


def _is_of_the_other_kind(asked: Asked, step: Step) -> bool:
    """A request that made its object is behind no later change of it, and one that found it did not make it.

    What was listed and not watched may be made and changed in one step.
    """
    if asked.created is None or step.ends:
        return False
    return step.verb == "update" if asked.created else step.verb == "create" and step.is_single


def verbs_behind(step: Step) -> frozenset[str]:
    """Verbs of the requests it may have been."""
    return _VERBS["delete"] if step.ends else _VERBS[step.verb]


def _is_uid(uid: str) -> bool:
    """The state source says ``namespace/name`` of what has no uid."""
    return bool(uid) and "/" not in uid


def _overlaps(asked: Asked, step: Step) -> bool:
    earliest = -math.inf if step.earliest is None else step.earliest
    return asked.start - SLACK_SECONDS <= step.latest and asked.end + SLACK_SECONDS >= earliest


def _may_be_by(asked: Asked, step: Step) -> bool:
    """A single write that the server signed with another name is another's."""
    signed = step.is_single and step.manager and asked.manager and asked.verb in _VERSIONED and not step.ends
    return not signed or asked.manager == step.manager
