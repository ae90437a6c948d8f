"""Decoding and salvaging: the same event either way, and JSON as every other reader reads it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.audit import (
    LEVELS,
    STAGES,
    AuditEvent,
    AuthenticationMetadata,
    ObjectReference,
    ResponseStatus,
    StatusDetails,
    UserInfo,
)
from auditwatch.events.decode import Decoded, NotAnAuditEventError, decode
from auditwatch.events.items import is_event_list, split_items
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.salvage import salvage
from auditwatch.events.unwrap import unwrap
from tests.unit.events.samples import SOUND, event_list, item, line, surroundings
from tests.unit.events.test_hostile_bodies import HOSTILE

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
text_lists = st.lists(texts, max_size=3).map(tuple)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
users = st.builds(
    UserInfo, username=texts, uid=texts, groups=text_lists, extra=st.dictionaries(texts, text_lists, max_size=2)
)
bodies = st.just(msgspec.UNSET) | values.map(lambda value: msgspec.Raw(msgspec.json.encode(value)))
events = st.builds(
    AuditEvent,
    level=st.sampled_from(LEVELS),
    audit_id=texts.filter(bool),
    stage=st.sampled_from(STAGES),
    request_uri=texts,
    verb=texts,
    user=users,
    impersonated_user=st.none() | users,
    authentication_metadata=st.none() | st.builds(AuthenticationMetadata, impersonation_constraint=texts),
    source_ips=text_lists,
    user_agent=texts,
    object_ref=st.none() | st.builds(ObjectReference, resource=texts, name=texts, api_group=texts, subresource=texts),
    response_status=st.none()
    | st.builds(
        ResponseStatus,
        message=texts,
        code=st.integers(0, 599),
        details=st.none() | st.builds(StatusDetails, name=texts, uid=texts),
    ),
    request_object=bodies,
    response_object=bodies,
    request_received_timestamp=texts,
    stage_timestamp=texts,
    annotations=st.dictionaries(texts, texts, max_size=3),
)


def encoded(event: AuditEvent) -> bytes:
    return b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",' + msgspec.json.encode(event)[1:]


def comparable(event: AuditEvent) -> tuple[AuditEvent, list[bytes | None]]:
    """Raw JSON has no equality of its own."""
    raw = (event.request_object, event.response_object)
    return surroundings(event), [None if isinstance(body, msgspec.UnsetType) else bytes(body) for body in raw]


@given(event=events)
def test_an_event_is_decoded_as_it_was_encoded(event: AuditEvent) -> None:
    (raw,) = unwrap(encoded(event))

    assert comparable(decode(raw).event) == comparable(event)
    assert decode(raw).degraded == (("BodyTruncated",) if event.annotations.get("audit.k8s.io/truncated") else ())


@given(event=events)
def test_salvage_reads_a_sound_event_as_the_decoder_does(event: AuditEvent) -> None:
    found = salvage(encoded(event))

    assert found is not None
    assert comparable(found.event) == comparable(event)


@given(event=events, hostile=st.sampled_from(sorted(HOSTILE.values())))
def test_a_hostile_body_costs_no_field_before_or_after_it(event: AuditEvent, hostile: bytes) -> None:
    raw = encoded(msgspec.structs.replace(event, request_object=msgspec.Raw(b'"HERE"'), response_object=msgspec.UNSET))

    decoded = decode(raw.replace(b'"requestObject":"HERE"', b'"requestObject":[%s]' % hostile))

    assert surroundings(decoded.event) == surroundings(event)


@given(items=st.lists(events.map(msgspec.json.encode), max_size=4), space=st.sampled_from([b"", b" ", b"\n\t"]))
def test_the_splitter_finds_the_items_that_a_parser_finds(items: list[bytes], space: bytes) -> None:
    body = (space + b"," + space).join(items).join([b'{"kind":"EventList","items":[' + space, space + b"]}"])

    assert is_event_list(body)
    assert list(split_items(body)) == items == [bytes(raw) for raw in msgspec.json.decode(body, type=_List).items]


class _List(msgspec.Struct):
    items: list[msgspec.Raw]


@given(value=values)
def test_the_lenient_reader_reads_sound_json_like_any_other(value: Any) -> None:
    assert read(json.dumps(value, ensure_ascii=True).encode()) == value
    assert read(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(data=st.binary(max_size=60))
def test_the_lenient_reader_returns_or_says_why_not(data: bytes) -> None:
    try:
        value = read(data)
    except UnreadableError as error:
        assert str(error)  # noqa: PT017 - both ends are right ones
    else:
        msgspec.json.encode(value)


@given(data=st.binary(max_size=80) | st.integers(0, 900).map(lambda at: line()[:at] + b"\xff" + line()[at + 1 :]))
def test_whatever_the_bytes_are_there_is_an_event_or_a_reason(data: bytes) -> None:
    for raw in unwrap(data):
        try:
            assert isinstance(decode(raw), Decoded)
        except NotAnAuditEventError as error:
            assert str(error)  # noqa: PT017 - both ends are right ones


@pytest.mark.parametrize(
    "broken", [b"{1:2}", b"[1,2", b"]", b"1 2", b"{}{}", b'{"a":', b'"abc', b"nonsense", b"01x", b""]
)
def test_the_lenient_reader_refuses_what_is_no_value(broken: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(broken)


def test_the_items_of_a_webhooks_request_are_its_events() -> None:
    first, second = unwrap(event_list(item(line()), item(line(b"", b""))))

    assert surroundings(decode(first).event) == surroundings(decode(second).event) == SOUND
    assert decode(first).degraded == decode(second).degraded == ()


@pytest.mark.parametrize("code", [2**31, -(2**31) - 1, 2**63, 2**64, 10**40])
def test_a_code_that_no_answer_has_is_unreadable_and_costs_nothing_else(code: int) -> None:
    found = decode(line().replace(b'"code":200', b'"code":%d' % code))

    assert found.degraded == ("FieldsUnreadable", "Salvaged")
    assert (found.event.response_status, found.event.verb) == (ResponseStatus(), "patch")
    assert found.event.request_object == decode(line()).event.request_object
