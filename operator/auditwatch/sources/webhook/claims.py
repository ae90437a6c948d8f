"""What a token claims of itself, unverified: enough to turn obvious strangers away without troubling the API server.

Never a reason to accept anybody. A token whose claims cannot be read is turned away too: every token a Kubernetes
service account has had for years is a JWT (RFC 7519).
"""

from __future__ import annotations

import base64
import binascii

import msgspec

TOKEN_CHARACTERS = 16_384


class Claims(msgspec.Struct):
    """Registered claims of RFC 7519, as far as we look."""

    sub: str = ""
    aud: str | list[str] = ""
    exp: float | None = None


def claims_of(token: str) -> Claims | None:
    """The claims of a JWT; ``None`` where it is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > TOKEN_CHARACTERS:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(payload, type=Claims)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        return None


def implausible(token: str, *, account: str, audience: str, now: float) -> str:
    """Why this token cannot be one of ``account`` (``namespace/name``) for ``audience``; empty where it may be."""
    claims = claims_of(token)
    if claims is None:
        return "this is not a service account's token"
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if audience not in audiences:
        return f"this token is not for us: mount one with audience {audience}"
    if claims.sub != f"system:serviceaccount:{account.replace('/', ':')}":
        return "this token is of another service account than the one configured for this path"
    if claims.exp is not None and claims.exp < now:
        return "this token has expired"
    return ""
