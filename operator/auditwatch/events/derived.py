"""What follows from the fields of an audit event alone: outcome, client, credential, command, what counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, unquote_plus

from auditwatch.events.activity import Outcome
from auditwatch.events.audit import AuditEvent, UserInfo

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"
ISSUED_CREDENTIAL_ID: Final = "authentication.kubernetes.io/issued-credential-id"
POD_NAME: Final = "authentication.kubernetes.io/pod-name"
POD_UID: Final = "authentication.kubernetes.io/pod-uid"
NODE_NAME: Final = "authentication.kubernetes.io/node-name"

_LONG_RUNNING_VERBS: Final = frozenset({"watch", "proxy"})
_LONG_RUNNING_SUBRESOURCES: Final = frozenset({"attach", "exec", "proxy", "log", "portforward"})
_WITH_HONEST_DRY_RUN: Final = frozenset({"create", "update", "patch"})


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from. ``addresses`` are as logged: all but the last may be the client's invention."""

    address: str
    addresses: tuple[str, ...]


def effective_user(event: AuditEvent) -> UserInfo:
    """Whose rights were used: the impersonated user where there is one."""
    return event.impersonated_user or event.user


def client_addresses(event: AuditEvent, trusted_proxies: Sequence[Network] = ()) -> Client:
    """The client: the last address, or the rightmost that is no trusted proxy."""
    for text in reversed(event.source_ips):
        if not _is_within(text, trusted_proxies):
            return Client(text, event.source_ips)
    return Client(event.source_ips[0] if event.source_ips else "", event.source_ips)


def request_path(event: AuditEvent) -> str:
    """The path of the request, decoded."""
    return unquote(event.request_uri.partition("?")[0])


def query(event: AuditEvent) -> dict[str, tuple[str, ...]]:
    """The parameters of the request as the API server understands them: one with a ``;`` in it is ignored."""
    found: dict[str, list[str]] = {}
    for part in event.request_uri.partition("?")[2].split("&"):
        name, _, value = part.partition("=")
        if part and ";" not in part:
            found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return {name: tuple(values) for name, values in found.items()}


def exec_command(event: AuditEvent) -> tuple[str, ...]:
    """The command of an exec, word by word; it stands nowhere but in the URI."""
    return query(event).get("command", ()) if subresource(event) == "exec" else ()


def subresource(event: AuditEvent) -> str:
    """The subresource, empty where there is none."""
    return event.object_ref.subresource if event.object_ref else ""


def code_of(event: AuditEvent) -> int:
    """The HTTP status code; 0 where there is no answer yet."""
    return event.response_status.code if event.response_status else 0


def is_long_running(event: AuditEvent) -> bool:
    """Whether the request stays open and is told of when it begins: kube-apiserver's own list of them."""
    return event.verb in _LONG_RUNNING_VERBS or subresource(event) in _LONG_RUNNING_SUBRESOURCES


def is_decisive(event: AuditEvent) -> bool:
    """Whether this stage tells how the request went: the last, or the first answer of a long-running one or a 401."""
    if event.stage == "ResponseStarted":
        return is_long_running(event) or code_of(event) == 401
    return event.stage in ("ResponseComplete", "Panic")


def outcome_of(event: AuditEvent) -> Outcome:
    """How the request went, by its code alone."""
    code = code_of(event)
    if event.stage == "Panic" or not 100 <= code < 500:
        return "Unknown"
    if code in (401, 403):
        return "Denied"
    return "Rejected" if code >= 400 else "Succeeded"


def is_dry_run(event: AuditEvent, *, served_by_apiserver: bool) -> bool | None:
    """Whether nothing was to be changed; ``None`` where the event cannot tell."""
    if event.verb not in _WITH_HONEST_DRY_RUN or not served_by_apiserver:
        return None
    values = query(event).get("dryRun")
    return False if values is None else values == ("All",)


def credential_id(event: AuditEvent) -> str:
    """Which token or certificate was used (``JTI=…``, ``X509SHA256=…``); of the authenticated user only."""
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
    """The id of the token that this TokenRequest issued."""
    return event.annotations.get(ISSUED_CREDENTIAL_ID, "")


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
