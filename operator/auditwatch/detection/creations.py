"""Whether a request made its object: a create does, and so does what applies or replaces an object that is not there.

A rule that watches creations must not be passed by in choosing another verb for them, and a rule about changes has
nothing to say of an object that was not there before.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

from auditwatch.events.activity import Activity

MAY_CREATE: Final = frozenset({"update", "patch"})
"""Verbs that make their object where it is not there."""


def made_by_writing(verb: str, subresource: str, code: int) -> bool | None:
    """Of an update or patch, whether it made its object (it is answered 201 then, else 200).

    ``None``: of another verb, or where the answer does not tell. A subresource is written of what is there.
    """
    if verb not in MAY_CREATE:
        return None
    if code == HTTPStatus.CREATED:
        return not subresource
    return False if code == HTTPStatus.OK else None


def has_made(activity: Activity) -> bool | None:
    """:func:`made_by_writing` of an activity, by its answer."""
    code = 0 if isinstance(activity.response, msgspec.UnsetType) else activity.response.code
    return made_by_writing(activity.verb, activity.target.subresource, code)


def is_creation(activity: Activity) -> bool:
    """Whether it made its object; where its answer does not tell, whether there was none before."""
    if activity.verb not in MAY_CREATE:
        return activity.verb == "create"
    made = has_made(activity)
    return made if made is not None else activity.old_object is None and not activity.target.subresource
