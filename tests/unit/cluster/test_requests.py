"""Paths, queries and typed errors, as data."""

from __future__ import annotations

import pytest

from auditwatch.cluster.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnavailableError,
)
from auditwatch.cluster.requests import Resource, error_of, error_of_event, query_string

POLICIES = Resource("config.kio.kasten.io", "v1alpha1", "policies")
PODS = Resource("", "v1", "pods")
LINE = RequestLine("list", "config.kio.kasten.io", "policies", "kasten-io")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (POLICIES.path(), "/apis/config.kio.kasten.io/v1alpha1/policies"),
        (POLICIES.path(namespace="ns"), "/apis/config.kio.kasten.io/v1alpha1/namespaces/ns/policies"),
        (PODS.path(namespace="ns", name="p"), "/api/v1/namespaces/ns/pods/p"),
        (PODS.path(namespace="ns", name="p", subresource="log"), "/api/v1/namespaces/ns/pods/p/log"),
        (PODS.path(name="../../secrets"), "/api/v1/pods/..%2F..%2Fsecrets"),
        (Resource("v.kio", "v1", "passkeys").path(name="kms Key_v0"), "/apis/v.kio/v1/passkeys/kms%20Key_v0"),
        (Resource("r", "v1", "roles").path(name="system:node"), "/apis/r/v1/roles/system:node"),
    ],
)
def test_a_path_is_built_from_its_parts_and_each_is_quoted(path: str, expected: str) -> None:
    assert path == expected


def test_a_query_leaves_out_what_is_not_given() -> None:
    assert query_string({"limit": 500, "continue": "", "watch": True, "x": None}) == "?limit=500&watch=true"
    assert query_string({}) == ""


def test_a_request_reads_like_the_right_it_needs() -> None:
    assert str(LINE) == "list policies.config.kio.kasten.io in namespace kasten-io"
    assert str(PODS.line("get", name="p", namespace="n", subresource="log")) == "get pods/log p in namespace n"


def status(code: int, reason: str) -> bytes:
    return b'{"kind":"Status","status":"Failure","message":"words","reason":"%s","code":%d}' % (reason.encode(), code)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (409, "AlreadyExists", ConflictError),
        (410, "Expired", GoneError),
        (429, "TooManyRequests", TooManyRequestsError),
        (503, "ServiceUnavailable", UnavailableError),
        (504, "Timeout", UnavailableError),
        (418, "Teapot", ApiError),
    ],
)
def test_an_answer_becomes_the_error_of_its_code(code: int, reason: str, kind: type[ApiError]) -> None:
    error = error_of(LINE, status=code, body=status(code, reason))

    assert type(error) is kind
    assert (error.status, error.reason, error.message) == (code, reason, "words")


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("failed to create typed patch object (/k10): .spec.x: field not declared in schema", InvalidError),
        ("etcdserver: request timed out", UnavailableError),
    ],
)
def test_an_object_that_cannot_be_applied_is_invalid_although_the_answer_blames_the_server(
    words: str, kind: type[ApiError]
) -> None:
    body = b'{"kind":"Status","message":"%s","code":500}' % words.encode()

    assert type(error_of(LINE, status=500, body=body)) is kind


def test_an_error_says_what_was_asked_and_what_was_answered() -> None:
    error = error_of(LINE, status=403, body=status(403, "Forbidden"))

    assert str(error) == "list policies.config.kio.kasten.io in namespace kasten-io: 403 Forbidden: words"


@pytest.mark.parametrize("body", [b"404 page not found\n", b"", b"\xff\xfe", b"[" * 5000])
def test_a_refusal_without_a_status_object_is_typed_all_the_same(body: bytes) -> None:
    assert isinstance(error_of(LINE, status=404, body=body), NotFoundError)


def test_a_long_page_of_a_proxy_is_cut() -> None:
    assert len(error_of(LINE, status=503, body=b"<html>" + b"x" * 100_000).message) <= 300


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_the_time_to_wait_is_read_in_seconds(header: str | None, seconds: float | None) -> None:
    assert error_of(LINE, status=429, body=b"", retry_after=header).retry_after == seconds


def test_an_error_event_is_the_error_it_reports() -> None:
    line = b'{"type":"ERROR","object":%s}' % status(410, "Expired")

    assert isinstance(error_of_event(LINE, line), GoneError)


@pytest.mark.parametrize(
    "line", [b'{"type":"ERROR"}', b'{"type":"ERROR","object":{"code":500}}', b'{"type":"ERROR","ob']
)
def test_an_error_event_that_says_little_is_a_server_that_does_not_work(line: bytes) -> None:
    assert isinstance(error_of_event(LINE, line), UnavailableError)


def test_expired_is_gone_whatever_its_code() -> None:
    assert isinstance(error_of(LINE, status=500, body=status(500, "Expired")), GoneError)
