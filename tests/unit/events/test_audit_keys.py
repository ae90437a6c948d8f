"""The key of an audit event keeps its fields apart: what a client chooses cannot make one event pass for another."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.audit import AuditEvent, AuthenticationMetadata, ObjectReference, ResponseStatus, UserInfo
from auditwatch.events.keys import audit_event_key

EVENT = AuditEvent(
    level="RequestResponse",
    audit_id="5e1b7c2a-6a43-4d8f-8f0e-1f6f1b0e7a11",
    stage="ResponseComplete",
    request_uri="/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily",
    verb="patch",
    user=UserInfo(username="eve", uid="u-1", groups=("dev",), extra={"scopes": ("a",)}),
    response_status=ResponseStatus(code=200),
    request_received_timestamp="2026-01-01T00:00:00.000000Z",
    stage_timestamp="2026-01-01T00:00:00.250000Z",
)
TEXTS = st.text(max_size=6)


def key(**fields: Any) -> str:
    return audit_event_key(msgspec.structs.replace(EVENT, **fields))


@pytest.mark.parametrize(
    "user",
    [
        UserInfo(username="eve", uid="u-2", groups=("dev",), extra={"scopes": ("a",)}),
        UserInfo(username="eve", uid="u-1", groups=("dev", "ops"), extra={"scopes": ("a",)}),
        UserInfo(username="eve", uid="u-1", groups=("dev",), extra={"scopes": ("b",)}),
        UserInfo(username="eve", uid="u-1", groups=("dev",), extra={"scope": ("a",)}),
        UserInfo(username="eve", uid="u-1", groups=("dev",)),
    ],
)
def test_whoever_differs_in_anything_the_server_knows_of_them_is_another(user: UserInfo) -> None:
    assert key(user=user) != key()


@pytest.mark.parametrize(
    "fields",
    [
        {"request_object": msgspec.Raw(b'{"spec":{}}')},
        {"response_object": msgspec.Raw(b'{"spec":{}}')},
        {"source_ips": ("10.0.0.1",)},
        {"object_ref": ObjectReference(resource="policies")},
        {"authentication_metadata": AuthenticationMetadata(impersonation_constraint="impersonate:user-info")},
    ],
)
def test_what_a_lower_level_or_an_older_server_leaves_out_makes_no_other_event(fields: dict[str, Any]) -> None:
    assert key(**fields) == key()


def test_who_authenticated_and_whom_they_act_as_cannot_be_exchanged() -> None:
    eve, jane = UserInfo(username="eve"), UserInfo(username="jane")

    assert key(user=eve, impersonated_user=jane) != key(user=jane, impersonated_user=eve)
    assert key(user=eve, impersonated_user=UserInfo()) != key(user=eve, impersonated_user=None)


def test_a_request_without_an_answer_and_one_whose_answer_has_no_code_are_the_same() -> None:
    assert key(response_status=None) == key(response_status=ResponseStatus())


@given(left=st.tuples(TEXTS, TEXTS), right=st.tuples(TEXTS, TEXTS))
def test_what_a_client_chooses_cannot_move_from_one_field_into_the_next(
    left: tuple[str, str], right: tuple[str, str]
) -> None:
    one, other = (key(audit_id=audit_id, request_uri=uri) for audit_id, uri in (left, right))

    assert (one == other) is (left == right)


@given(st.dictionaries(TEXTS, st.tuples(TEXTS), max_size=4))
def test_the_order_in_which_a_server_writes_extra_is_not_in_the_key(extra: dict[str, tuple[str, ...]]) -> None:
    turned: dict[str, tuple[str, ...]] = dict(reversed(extra.items()))

    assert key(user=UserInfo(extra=extra)) == key(user=UserInfo(extra=turned))
