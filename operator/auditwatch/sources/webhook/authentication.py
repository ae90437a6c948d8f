"""Who posts, and whether they may post here: decided from what was presented, without asking anybody.

A sender is bound to its path. Whoever holds one API server's credential can lie about that API server, and about no
other. Where only the cluster can say whose token it is, the decision is :class:`ReviewNeeded` and goes on in
:func:`judge`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Literal

from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.sources.webhook.plan import ANY_NODE, Sender

Way = Literal["Certificate", "TokenFile", "ServiceAccount", "Nothing"]
_SHOWN = 128


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request brought: the name in its *verified* certificate, and its bearer token; empty where it did not."""

    certificate_name: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It may post here."""

    way: Way


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not: 401 where it is not known who asks, 403 where they are known and have no business here."""

    status: Literal[401, 403]
    message: str


@dataclass(frozen=True, slots=True)
class ReviewNeeded:
    """Only the API server can tell whose token this is."""

    token: str


Decision = Accepted | Refused | ReviewNeeded


def decide(sender: Sender, presented: Presented, *, token_digest: bytes | None) -> Decision:
    """Whether a request may post as ``sender``; ``token_digest`` is :func:`digest` of the token in its file."""
    if sender.is_open:
        return Accepted("Nothing")
    if sender.certificate_name and _same(presented.certificate_name, sender.certificate_name):
        return Accepted("Certificate")
    if presented.token and token_digest and hmac.compare_digest(digest(presented.token), token_digest):
        return Accepted("TokenFile")
    if presented.token and sender.service_account:
        return ReviewNeeded(presented.token)
    return _refused(sender, presented)


def judge(sender: Sender, instance: str, review: ReviewedToken | None) -> Accepted | Refused:
    """Whether the owner of a reviewed token may post for ``instance``."""
    if review is None:
        return Refused(401, "the API server does not accept this token, or it is for another audience")
    account = account_of(review.username)
    if account != sender.service_account:
        return Refused(403, f"{review.username[:_SHOWN]} has no business here: another service account is configured")
    if sender.instance == ANY_NODE and review.node != instance:
        bound = f"its token is bound to node {review.node[:_SHOWN]}" if review.node else "its token names no node"
        return Refused(403, f"it may post for its own node only: {bound}")
    return Accepted("ServiceAccount")


def account_of(username: str) -> str:
    """``namespace/name`` of ``system:serviceaccount:namespace:name``; empty for everybody else."""
    match username.split(":"):
        case ["system", "serviceaccount", namespace, name]:
            return f"{namespace}/{name}"
        case _:
            return ""


def digest(token: str) -> bytes:
    """What is kept of a token and compared: equal in length for every token."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def bearer(header: str) -> str:
    """The token of an ``Authorization`` header; empty where it is of another scheme."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def certificate_name(certificate: dict[str, Any] | None) -> str:
    """The common name of a certificate as :mod:`ssl` tells it; empty without one, or where it has several."""
    subject = (certificate or {}).get("subject", ())
    names = [value for part in subject for key, value in part if key == "commonName"]
    return names[0] if len(names) == 1 else ""


def _same(presented: str, expected: str) -> bool:
    return hmac.compare_digest(presented.encode(), expected.encode())


def _refused(sender: Sender, presented: Presented) -> Refused:
    if presented.certificate_name and sender.certificate_name:
        name = presented.certificate_name[:_SHOWN]
        return Refused(403, f'the certificate of "{name}" has no business here: another name is configured')
    if presented.token:
        return Refused(401, "this token is not the one configured for this path")
    return Refused(401, f"who are you? This path takes {_ways(sender)}")


def _ways(sender: Sender) -> str:
    ways = [
        "a client certificate" if sender.certificate_name else "",
        "a bearer token" if sender.token_file or sender.service_account else "",
    ]
    return " or ".join(filter(None, ways))
