"""Who acted, and whether it was K10: decided from what the API server proved, never from what a client says.

K10's account is as powerful as the cluster's administrator, so a name is not enough: where the cluster says which pod
a token belongs to, it must be one of K10's. What cannot be decided yet stays unknown, and nobody is exempted by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from auditwatch.detection.activity_fields import UNAUTHENTICATED
from auditwatch.detection.matching import SERVICE_ACCOUNT
from auditwatch.events.activity import Actor, Evidence, Impersonator
from auditwatch.events.audit import AuditEvent, UserInfo
from auditwatch.events.derived import credential_id, effective_user, node_name, pod_name, pod_uid

_ANONYMOUS: Final = "system:anonymous"
_NODE: Final = "system:node:"
_CLOUD_IDENTITY: Final = ("arn",)
"""Keys of ``user.extra`` that name the person: the ARN an EKS cluster writes, session included. The authenticator
writes them; what an impersonator sends stands elsewhere."""


Standing = bool | None
"""Whether who authenticated is K10 itself; unknown while its pod is."""


class PodsView(Protocol):
    """K10's pods, as far as they are known."""

    def knows(self, uid: str, at: float) -> bool | None:
        """Whether this is a pod of K10's around this time (seconds since the epoch); ``None``: not known yet."""
        ...

    @property
    def are_named(self) -> bool:
        """Whether this cluster has been seen to say which pod a token of K10's belongs to."""
        ...


class Identities(Protocol):
    """What trust has to be told about K10."""

    def is_k10_account(self, username: str) -> bool:
        """Whether this is the user name of K10's own account, exactly."""
        ...

    def is_dashboard(self, agent: str) -> bool:
        """Whether a user agent is that of K10's dashboard."""
        ...


@dataclass(frozen=True, slots=True)
class AnyPod:
    """Stands where no pods are watched (a log read without its cluster): any pod a token names is believed."""

    are_named: bool = False

    def knows(self, _uid: str, _at: float) -> bool | None:
        """Nothing is there to compare with."""
        return True


def actor_of(
    event: AuditEvent, evidence: Evidence, *, k10: Identities, pods: PodsView, at: float, is_whole: bool = True
) -> Actor:
    """The actor of one audit event; ``at`` is its time, seconds since the epoch. ``is_whole``: its fields were read.

    K10's own record of a request names the effective user alone: whether somebody impersonated them, and with which
    credential, is unknown there. When a request is received it is not known yet whom it impersonates.
    """
    user = event.user
    if not user.username and not is_whole:
        return Actor()
    if not user.username:
        return Actor(kind=UNAUTHENTICATED, via="Direct", is_k10=False, user="", user_groups=(), impersonator=None)
    if evidence != "Audited":
        return _relayed(user, k10)
    standing = _standing(event, k10, pods, at)
    actor = _proven(event, standing, k10)
    return _received(actor) if event.stage == "RequestReceived" else actor


def _proven(event: AuditEvent, standing: Standing, k10: Identities) -> Actor:
    user, effective = event.user, effective_user(event)
    is_account = k10.is_k10_account(user.username)
    via = _via(event, standing, k10, is_account=is_account)
    return Actor(
        id=_cloud_identity(user) or effective.username,
        name=effective.username,
        groups=effective.groups,
        kind=_kind(event, standing, k10, via=via, is_account=is_account),
        via=via,
        is_k10=_is_k10(event, standing, k10),
        user=user.username,
        user_groups=user.groups,
        credential_id=credential_id(event) or None,
        pod_uid=pod_uid(event) or None,
        pod=pod_name(event) or None,
        node=node_name(event) or None,
        impersonator=_impersonator(event),
    )


def _standing(event: AuditEvent, k10: Identities, pods: PodsView, at: float) -> Standing:
    if not k10.is_k10_account(event.user.username):
        return False
    uid = pod_uid(event)
    if uid:
        return pods.knows(uid, at)
    # A token of a pod names it wherever credentials have ids; where neither is said, it is an old cluster's way,
    # unless this cluster has been seen to say it.
    return not (credential_id(event) or pods.are_named)


def _received(actor: Actor) -> Actor:
    """The actor of a request of which only the beginning is known: whatever K10 begins may be somebody else's wish."""
    is_open = actor.is_k10 is not False or actor.via == "UnattributedDashboard"
    return msgspec.structs.replace(
        actor,
        kind="" if is_open else actor.kind,
        via="",
        is_k10=None if is_open else False,
        impersonator=msgspec.UNSET,
    )


def _relayed(user: UserInfo, k10: Identities) -> Actor:
    """The actor in K10's own record, which may have been impersonated before the request reached K10."""
    is_account = k10.is_k10_account(user.username)
    return Actor(
        id=user.username,
        name=user.username,
        groups=user.groups,
        kind="" if is_account else _kind_of(user.username),
        is_k10=None if is_account else False,
    )


def _cloud_identity(user: UserInfo) -> str:
    found = (user.extra.get(key, ()) for key in _CLOUD_IDENTITY)
    return next((values[0] for values in found if values and values[0]), "")


def _impersonator(event: AuditEvent) -> Impersonator | None:
    if event.impersonated_user is None:
        return None
    user = event.user
    return Impersonator(id=_cloud_identity(user) or user.username, name=user.username, groups=user.groups)


def _kind(event: AuditEvent, standing: Standing, k10: Identities, *, via: str, is_account: bool) -> str:
    """K10's account used from elsewhere, or taken on by somebody, is a suspect."""
    effective = effective_user(event).username
    if is_account:
        if standing is None:
            return ""
        if standing is False:
            return "K10Suspect"
    if event.impersonated_user is not None:
        return "K10Suspect" if k10.is_k10_account(effective) else _kind_of(effective)
    return "K10" if via == "K10Internal" else _kind_of(effective)


def _kind_of(username: str) -> str:
    if username == _ANONYMOUS:
        return "Anonymous"
    if username.startswith(SERVICE_ACCOUNT):
        return "ServiceAccount"
    return "Node" if username.startswith(_NODE) else "User"


def _via(event: AuditEvent, standing: Standing, k10: Identities, *, is_account: bool) -> str:
    if is_account and standing is None:
        return ""
    if event.impersonated_user is not None:
        is_person = not k10.is_k10_account(event.impersonated_user.username)
        return "K10Dashboard" if standing and is_person else "Impersonation"
    if not standing:
        return "Direct"
    return "UnattributedDashboard" if k10.is_dashboard(event.user_agent) else "K10Internal"


def _is_k10(event: AuditEvent, standing: Standing, k10: Identities) -> bool | None:
    """A person behind a dashboard that names nobody is not K10, though the account is."""
    if event.impersonated_user is not None:
        return False
    if standing is None:
        return None
    return standing and not k10.is_dashboard(event.user_agent)
