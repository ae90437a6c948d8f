"""What a watch outside the operator's namespace may see: its own namespace, and nobody's identity but its own."""

from __future__ import annotations

import msgspec

from auditwatch.events.activity import Activity, Actor, Response

MASKED = "masked"
"""Stands for the identity of somebody who does not belong to the tenant."""


def seen_by(tenant: str | None, activity: Activity) -> Activity | None:
    """The activity as the tenant may see it, ``None`` where it may not. No tenant sees everything.

    The field manager stays: it is written on an object that the tenant can read.
    """
    if tenant is None:
        return activity
    if activity.target.namespace != tenant:
        return None
    suspects = tuple(each if _is_own(tenant, each) else _masked(each) for each in activity.suspects)
    if _is_own(tenant, activity.actor):
        return msgspec.structs.replace(activity, suspects=suspects) if suspects != activity.suspects else activity
    return msgspec.structs.replace(
        activity,
        actor=_masked(activity.actor),
        suspects=suspects,
        client=msgspec.UNSET,
        event=msgspec.UNSET,
        response=_without_words(activity.response),
    )


def _is_own(tenant: str, actor: Actor) -> bool:
    """Whether everybody who had a part in it belongs to the tenant: who acted, and who authenticated for them."""
    own = f"system:serviceaccount:{tenant}:"
    return actor.id.startswith(own) and all(name.startswith(own) for name in (actor.name, actor.user) if name)


def _without_words(response: Response | msgspec.UnsetType) -> Response | msgspec.UnsetType:
    """The answer without what the server says to whoever asked: it names them."""
    if isinstance(response, msgspec.UnsetType):
        return response
    return msgspec.structs.replace(response, message="", issued_credential_id="")


def _masked(actor: Actor) -> Actor:
    return Actor(
        id=MASKED if actor.id else "",
        name=MASKED if actor.name else "",
        kind=actor.kind,
        via=actor.via,
        is_k10=actor.is_k10,
        manager=actor.manager,
    )
