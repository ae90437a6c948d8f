"""Audit events as the API server writes them, with a body of one's choice in the middle."""

from __future__ import annotations

from typing import Any

import msgspec

from auditwatch.events.audit import AuditEvent, AuditRecord
from auditwatch.events.decode import Decoded, decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor

REDACTOR = Redactor(b"a key of an installation")

HEAD = (
    b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a-1","stage":"ResponseComplete",'
    b'"requestURI":"/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily?fieldManager=kubectl",'
    b'"verb":"patch","user":{"username":"mallory","uid":"u-1","groups":["staff","system:authenticated"],'
    b'"extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}},"impersonatedUser":{"username":"alice"},'
    b'"sourceIPs":["8.8.8.8","10.0.0.7"],"userAgent":"kubectl/v1.37.2",'
    b'"objectRef":{"resource":"policies","namespace":"kasten-io","name":"daily","apiGroup":"config.kio.kasten.io",'
    b'"apiVersion":"v1alpha1"},"responseStatus":{"metadata":{},"code":200}'
)
TAIL = (
    b'"requestReceivedTimestamp":"2026-11-28T16:00:00.000001Z","stageTimestamp":"2026-11-28T16:00:00.100002Z",'
    b'"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}'
)
ANSWER = b'{"kind":"Policy","spec":{"paused":true}}'


def line(request: bytes = b'{"spec":{"paused":true}}', response: bytes = ANSWER) -> bytes:
    """An audit event with these bodies; ``b""`` for none."""
    bodies = b"".join(
        b'"%s":%s,' % (name, body)
        for name, body in ((b"requestObject", request), (b"responseObject", response))
        if body
    )
    return HEAD + b"," + bodies + TAIL


def item(raw: bytes) -> bytes:
    """The same event as an item of an EventList, where the API server leaves kind and version out."""
    return raw.replace(b'"kind":"Event","apiVersion":"audit.k8s.io/v1",', b"", 1)


def event_list(*items: bytes) -> bytes:
    """The body of a webhook's request."""
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s]}\n' % b",".join(items)


def surroundings(event: AuditEvent) -> AuditEvent:
    """Everything of an event but its bodies."""
    return msgspec.structs.replace(event, request_object=msgspec.UNSET, response_object=msgspec.UNSET)


SOUND = surroundings(decode(line(b"", b"")).event)
"""What is in every :func:`line`, around its bodies."""


def recorded(decoded: Decoded, **changed: Any) -> AuditRecord:
    """The record of an event that came from a file."""
    return record_of(decoded, cluster="c", source="audit-log", received=5.0, redactor=REDACTOR, **changed)
