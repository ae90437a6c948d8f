"""From one decisive audit event to the row that rules are matched against: who, from where, what, with which result.

Only what the API server itself established is taken as fact. What a body of this level does not show is unknown, and
what a patch names is known even where the object is not.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from auditwatch.detection.bodies import bodies_of, target_of
from auditwatch.detection.scope import K10View
from auditwatch.detection.trust import PodsView, actor_of
from auditwatch.events import derived
from auditwatch.events.activity import Activity, Actor, Attribution, Client, JSONObject, Request, Response
from auditwatch.events.audit import AuditEvent, AuditRecord, UserInfo
from auditwatch.events.derived import Network
from auditwatch.events.times import parse_time

AHEAD_SECONDS: Final = 300.0
"""How far a server's clock may be ahead of ours. No event of a live source is taken to be of a later time."""
_REVIEWS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
"""Groups whose requests are answered and never stored: a dry run of one is no different."""
_UNREAD: Final = frozenset({"FieldsUnreadable", "Salvaged"})
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(JSONObject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an audit event is read with."""

    k10: K10View
    pods: PodsView
    trusted_proxies: Sequence[Network] = ()
    ahead_seconds: float = math.inf
    """How long after its receipt an event may claim to have happened; unbounded where a receipt says nothing of it."""


def request_key(record: AuditRecord) -> str:
    """Sha256, hex: equal for every stage of one request, from whatever source it came. Of no use across streams.

    Whom somebody impersonates is left out: the first stage is told before that is known.
    """
    event = record.event
    fields: tuple[str | UserInfo, ...] = (
        "Request",
        record.cluster,
        record.evidence,
        event.audit_id,
        event.request_received_timestamp,
        event.verb,
        event.request_uri,
        event.user,
    )
    return hashlib.sha256(_encoder.encode(fields)).hexdigest()


def event_time(record: AuditRecord) -> float:
    """When it was answered by the server's clock, seconds since the epoch; when it reached us where that is unread."""
    moment = time_of(record.event)
    return moment if moment is not None else record.received


def time_of(event: AuditEvent) -> float | None:
    """The same by the server's clock alone: ``None`` where the event's times are cut off, or none."""
    moment = parse_time(event.stage_timestamp)
    return moment if moment is not None else parse_time(event.request_received_timestamp)


def heard_time(record: AuditRecord) -> float:
    """The same of what was received as it happened, or later: never far after its receipt, whatever it claims."""
    return min(event_time(record), record.received + AHEAD_SECONDS)


def activity_of(record: AuditRecord, seen: Circumstances) -> Activity:
    """The activity of a record whose event is decisive (``derived.is_decisive``)."""
    event, latest = record.event, record.received + seen.ahead_seconds
    time, begun = min(event_time(record), latest), parse_time(event.request_received_timestamp)
    outcome = derived.outcome_of(event)
    target = target_of(record, outcome, is_built_in=_is_built_in(event, seen.k10))
    bodies = bodies_of(record, target, outcome, seen.k10.list_keys(target.group, target.resource))
    return Activity(
        key=request_key(record),
        time=time,
        not_before=None if begun is None else min(begun, latest),
        cluster=record.cluster,
        source=record.source,
        evidence=record.evidence,
        attribution=_attribution(record),
        outcome=outcome,
        verb=event.verb,
        actor=_actor(record, seen, time),
        target=target,
        object=bodies.new,
        old_object=bodies.old,
        patch=bodies.patch,
        client=_client(event, seen.trusted_proxies),
        request=_request(record, seen.k10),
        response=_response(event),
        event=_raw(event),
        degraded=record.degraded,
    )


def _actor(record: AuditRecord, seen: Circumstances, time: float) -> Actor:
    is_whole = _UNREAD.isdisjoint(record.degraded)
    return actor_of(record.event, record.evidence, k10=seen.k10, pods=seen.pods, at=time, is_whole=is_whole)


def _attribution(record: AuditRecord) -> Attribution:
    """K10's own record names who it was told of, not who authenticated."""
    return "Audited" if record.evidence == "Audited" else "Correlated"


def _client(event: AuditEvent, trusted_proxies: Sequence[Network]) -> Client:
    found = derived.client_addresses(event, trusted_proxies)
    return Client(ip=found.address, ips=found.addresses, agent=event.user_agent)


def _request(record: AuditRecord, k10: K10View) -> Request:
    event = record.event
    words = derived.exec_command(event)
    return Request(
        uri=event.request_uri,
        path=derived.request_path(event),
        query=derived.query(event),
        command=" ".join(words),
        args=words,
        dry_run=_dry_run(record, k10),
    )


def _dry_run(record: AuditRecord, k10: K10View) -> bool | None:
    """Believed where it cannot lie; unknown where one is asked for otherwise."""
    event = record.event
    reference = event.object_ref
    is_honest = reference is not None and _is_built_in(event, k10) and reference.api_group not in _REVIEWS
    found = derived.is_dry_run(event, served_by_apiserver=is_honest)
    return found if found is not None else (None if _asks_for_dry_run(record) else False)


def _is_built_in(event: AuditEvent, k10: K10View) -> bool:
    reference = event.object_ref
    return reference is not None and k10.is_built_in(reference.api_group)


def _asks_for_dry_run(record: AuditRecord) -> bool:
    body = record.request_object
    return "dryRun" in derived.query(record.event) or (isinstance(body, dict) and "dryRun" in body)


def _response(event: AuditEvent) -> Response:
    status = event.response_status
    code = derived.code_of(event)
    return Response(
        code=code,
        reason=status.reason if status else "",
        phrase=_PHRASES.get(code, ""),
        message=status.message if status else "",
        issued_credential_id=derived.issued_credential_id(event),
    )


def _raw(event: AuditEvent) -> JSONObject:
    """The event in the API's own words, without bodies."""
    return _decoder.decode(_encoder.encode(event))
