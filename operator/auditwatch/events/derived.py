"""What follows from the fields of an audit event alone: outcome, client, credential, command, and what counts.

Each is taken from fields the API server itself writes; where a client may have chosen the text, that is said.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus

from auditwatch.events.activity import Outcome
from auditwatch.events.audit import AuditEvent, UserInfo
from auditwatch.events.uri import parameters, parts, path_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"
ISSUED_CREDENTIAL_ID: Final = "authentication.kubernetes.io/issued-credential-id"
POD_NAME: Final = "authentication.kubernetes.io/pod-name"
POD_UID: Final = "authentication.kubernetes.io/pod-uid"
NODE_NAME: Final = "authentication.kubernetes.io/node-name"

REMEMBERED: Final = 16
"""URIs as read: that of one event is asked for several times on its way."""
MAX_REMEMBERED: Final = 4096
"""Characters of a URI that is remembered: a client may send a million, with half a million parameters in them."""
_LONG_RUNNING_VERBS: Final = frozenset({"watch", "proxy"})
_LONG_RUNNING_SUBRESOURCES: Final = frozenset({"attach", "exec", "proxy", "log", "portforward"})
_WITH_HONEST_DRY_RUN: Final = frozenset({"create", "update", "patch"})
_STORED: Final = frozenset({"", "status", "scale"})
"""Subresources that only write the object."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from. ``addresses`` are as logged: all but the last may be the client's invention."""

    address: str
    addresses: tuple[str, ...]


def effective_user(event: AuditEvent) -> UserInfo:
    """Whose rights were used: the impersonated user where there is one."""
    return event.impersonated_user or event.user


def client_addresses(event: AuditEvent, trusted_proxies: Sequence[Network] = ()) -> Client:
    """The client: the last of ``sourceIPs``, or the rightmost that is no trusted proxy.

    The last is the peer of the connection, written by the API server; each before it was claimed by the one after it.
    Where all are trusted proxies it is the first, which the others vouch for.
    """
    if not trusted_proxies:  # nearly always, and addresses are slow to parse
        return Client(event.source_ips[-1] if event.source_ips else "", event.source_ips)
    for text in reversed(event.source_ips):
        if not _is_within(text, trusted_proxies):
            return Client(text, event.source_ips)
    return Client(event.source_ips[0] if event.source_ips else "", event.source_ips)


def request_path(event: AuditEvent) -> str:
    """The path of the request, decoded; of ``requestURI``."""
    return path_of(event.request_uri)


def query(event: AuditEvent) -> dict[str, tuple[str, ...]]:
    """The parameters of the request as the API server understands them, each with all its values in order."""
    uri = event.request_uri
    if "?" not in uri:
        return {}
    return dict(_remembered_query(uri)) if len(uri) <= MAX_REMEMBERED else _query_of(uri)


def _query_of(uri: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, value in parameters(uri):
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


_remembered_query: Final = lru_cache(REMEMBERED)(_query_of)


def exec_command(event: AuditEvent) -> tuple[str, ...]:
    """The command of an exec, word by word; it stands nowhere but in the URI, at any audit level."""
    return query(event).get("command", ()) if subresource(event) == "exec" else ()


def subresource(event: AuditEvent) -> str:
    """The subresource, empty where there is none."""
    return event.object_ref.subresource if event.object_ref else ""


def code_of(event: AuditEvent) -> int:
    """The HTTP status code; 0 where there is no answer yet."""
    return event.response_status.code if event.response_status else 0


def is_long_running(event: AuditEvent) -> bool:
    """Whether the request stays open and is told of when it begins: kube-apiserver's own list of them.

    Source: ``BasicLongRunningRequestCheck`` as kube-apiserver configures it.
    """
    if event.object_ref is None and request_path(event).startswith("/debug/pprof/"):
        return True
    return event.verb in _LONG_RUNNING_VERBS or subresource(event) in _LONG_RUNNING_SUBRESOURCES


def is_decisive(event: AuditEvent) -> bool:
    """Whether this stage tells how the request went: the last, or the first answer of a long-running one or a 401."""
    if event.stage == "ResponseStarted":
        return is_long_running(event) or code_of(event) == 401
    return event.stage in ("ResponseComplete", "Panic")


def outcome_of(event: AuditEvent) -> Outcome:
    """How the request went, by its code: an annotation may still say *allow* of a request that was refused later.

    401 and 403 are Denied, other 4xx Rejected. A 5xx or a panic is Unknown, never Failed: the API server also writes
    it of requests that were carried out, when the client had hung up. So is a request without an answer.
    """
    code = code_of(event)
    if event.stage == "Panic" or not 100 <= code < 500:
        return "Unknown"
    if code in (401, 403):
        return "Denied"
    return "Rejected" if code >= 400 else "Succeeded"


def is_dry_run(event: AuditEvent, *, served_by_apiserver: bool) -> bool | None:
    """Whether the request was to change nothing; ``None`` where the event cannot tell.

    Believed only where it cannot lie: ``dryRun=All``, spelled exactly so and once, on a create, update or patch of a
    resource that kube-apiserver serves itself. A delete may say otherwise in its body, an aggregated server may do as
    it likes, and a subresource that is an action (exec, token, proxy) acts all the same.
    """
    if not served_by_apiserver or event.verb not in _WITH_HONEST_DRY_RUN or subresource(event) not in _STORED:
        return None
    if not query(event).get("dryRun"):
        return False
    return True if _dry_run_parts(event.request_uri) == ["dryRun=All"] else None


def credential_id(event: AuditEvent) -> str:
    """Which token or certificate was used: ``JTI=…``, ``X509SHA256=…``, or empty (static tokens, old servers).

    Of the authenticated user's ``extra`` only: that of an impersonated user is whatever the caller sent.
    """
    return _extra(event, CREDENTIAL_ID)


def pod_uid(event: AuditEvent) -> str:
    """The uid of the pod the token was issued to."""
    return _extra(event, POD_UID)


def pod_name(event: AuditEvent) -> str:
    """The name of the pod the token was issued to."""
    return _extra(event, POD_NAME)


def node_name(event: AuditEvent) -> str:
    """The node of the pod the token was issued to."""
    return _extra(event, NODE_NAME)


def issued_credential_id(event: AuditEvent) -> str:
    """The id of the token that this TokenRequest issued, as later uses of it have it in :func:`credential_id`."""
    return event.annotations.get(ISSUED_CREDENTIAL_ID, "")


def _dry_run_parts(uri: str) -> list[str]:
    return [part for part in parts(uri) if "dryrun" in unquote_plus(part).lower()]


def _extra(event: AuditEvent, key: str) -> str:
    values = event.user.extra.get(key, ())
    return values[0] if values else ""


def _is_within(text: str, networks: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks if network.version == address.version)
