"""Lines that are cut, glued, blank or of another kind: a clear error or a degraded event, and no neighbour is lost."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.audit import AuditEvent, UserInfo
from auditwatch.events.decode import NotAnAuditEventError, decode
from auditwatch.events.resync import MARKER
from auditwatch.events.unwrap import unwrap
from tests.unit.events.samples import ANSWER, HEAD, SOUND, TAIL, event_list, item, line, recorded, surroundings

LINE = line()
FORGED = LINE.replace(b'"auditID":"a-1"', b'"auditID":"forged"').replace(b"mallory", b"victim")
CARRIER = line(request=b'{"list":[%s,%s],"one":%s}' % (FORGED, FORGED, FORGED))
"""A client put whole events into the object it sent."""


def torn(raw: bytes) -> st.SearchStrategy[bytes]:
    return st.integers(1, len(raw) - 1).map(lambda end: raw[:end])


@pytest.mark.parametrize("whole", [LINE, CARRIER], ids=["ordinary", "full of events"])
@pytest.mark.parametrize("following", [LINE, CARRIER], ids=["before an ordinary one", "before one full of events"])
def test_a_torn_event_and_the_next_one_glued_to_it_are_told_apart_wherever_it_is_torn(
    whole: bytes, following: bytes
) -> None:
    for end in range(1, len(whole) + 1):
        assert list(unwrap(whole[:end] + following)) == [whole[:end], following]


@given(parts=st.lists(torn(LINE), max_size=4), last=st.sampled_from([LINE, CARRIER]))
def test_after_any_number_of_torn_events_the_whole_one_is_read(parts: list[bytes], last: bytes) -> None:
    events = list(unwrap(b"".join([*parts, last])))

    assert events[-1] == last
    assert b"".join(events[:-1]) == b"".join(parts)


@given(parts=st.lists(torn(LINE).filter(lambda part: not part.endswith((b":", b",", b"["))), max_size=4))
def test_torn_events_glued_to_torn_events_stay_apart(parts: list[bytes]) -> None:
    parts = [part for part in parts if part.startswith(MARKER)]

    assert list(unwrap(b"".join(parts))) == parts


def test_whole_events_on_one_line_are_told_apart() -> None:
    assert list(unwrap(LINE + CARRIER + LINE)) == [LINE, CARRIER, LINE]


def test_an_event_inside_the_body_of_another_is_no_event() -> None:
    assert list(unwrap(CARRIER)) == [CARRIER]
    assert surroundings(decode(CARRIER).event) == SOUND


def test_an_event_that_ends_a_torn_one_is_only_a_part_of_it_where_another_follows() -> None:
    part = CARRIER[: CARRIER.index(FORGED) + len(FORGED)]

    assert list(unwrap(part + LINE)) == [part, LINE]


def test_an_event_with_the_rest_of_its_surroundings_after_it_is_a_part_of_a_torn_one() -> None:
    part = CARRIER[: CARRIER.index(FORGED)] + FORGED + b'],"other":{'

    assert list(unwrap(part)) == [part]


def test_events_with_a_comma_between_them_are_told_apart() -> None:
    first, second = unwrap(LINE + b"," + LINE)

    assert surroundings(decode(first).event) == surroundings(decode(second).event) == SOUND


def test_what_follows_an_event_on_its_line_makes_it_doubtful() -> None:
    decoded = decode(LINE + b"garbage")

    assert surroundings(decoded.event) == SOUND
    assert decoded.degraded == ("Salvaged",)


@pytest.mark.parametrize("part", [b"12", b'{"spec":', b'"tex', b"", b"[1"])
def test_a_body_that_is_cut_is_none(part: bytes) -> None:
    decoded = decode(HEAD + b',"requestObject":' + part)

    assert decoded.event.request_object is msgspec.UNSET
    assert decoded.degraded == ("BodyUnreadable", "Salvaged")


def test_a_line_of_nothing_but_beginnings_takes_linear_time() -> None:
    assert sum(1 for _ in unwrap(MARKER * 100_000)) == 100_000


def test_an_object_of_nothing_but_events_takes_linear_time() -> None:
    full = line(request=b"[%s]" % b",".join([FORGED] * 10_000))

    assert list(unwrap(full[:-400] + full)) == [full[:-400], full]


@pytest.mark.parametrize("blank", [b"", b"\n", b" \t\r\n", b"\x00" * 100_000, b"\xef\xbb\xbf"])
def test_a_blank_line_has_no_events(blank: bytes) -> None:
    assert list(unwrap(blank)) == []


@pytest.mark.parametrize("before", [b"\x00" * 1_202_544, b"\xef\xbb\xbf", b"  ", b"\x00\x00\xef\xbb\xbf \x00"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\r\n", b"\x00\x00"])
def test_what_is_blank_around_an_event_is_no_part_of_it(before: bytes, after: bytes) -> None:
    assert list(unwrap(before + LINE + after)) == [LINE]


def test_nuls_between_a_torn_event_and_the_next_cost_neither() -> None:
    first, second = unwrap(LINE[:700] + b"\x00" * 4_096 + LINE)

    assert surroundings(decode(second).event) == SOUND
    assert decode(first).event.audit_id == "a-1"


def test_the_rest_of_an_event_whose_beginning_is_elsewhere_costs_the_next_one_nothing() -> None:
    rest, whole = unwrap(LINE[300:] + LINE)

    assert whole == LINE
    with pytest.raises(NotAnAuditEventError):
        decode(rest)


# What is cut off, in the order the API server writes the fields.
NOTHING = AuditEvent()
FIELDS = [
    field.name
    for field in msgspec.structs.fields(AuditEvent)
    if getattr(SOUND, field.name) != getattr(NOTHING, field.name)
]
STARTS = [
    LINE.index(b'"%s":' % field.encode_name.encode())
    for field in msgspec.structs.fields(AuditEvent)
    if field.name in FIELDS
]


def test_whatever_stands_before_a_cut_is_read() -> None:
    identified = LINE.index(b'"requestURI"')
    for end in range(identified, len(LINE)):
        decoded = decode(LINE[:end])
        event = surroundings(decoded.event)

        differing = [name for name in FIELDS if getattr(event, name) != getattr(SOUND, name)]
        assert all(getattr(event, name) == getattr(NOTHING, name) for name in differing), "nothing is made up"
        assert differing == FIELDS[len(FIELDS) - len(differing) :], "what is lost is the end"
        assert len(differing) <= 1 + sum(start >= end for start in STARTS), (
            "and of what has begun all but the last is read"
        )
        assert "Salvaged" in decoded.degraded


def test_a_cut_body_is_unknown_and_what_stands_before_it_is_read() -> None:
    record = recorded(decode(HEAD + b',"requestObject":{"spec":{"paused":'))

    assert record.event.object_ref == SOUND.object_ref
    assert record.event.stage_timestamp == ""
    assert record.request_object is msgspec.UNSET
    assert record.degraded == ("BodyUnreadable", "Salvaged")


def test_a_cut_event_never_takes_its_times_from_a_body() -> None:
    body = b'{"x":{' + TAIL
    decoded = decode(HEAD + b',"requestObject":' + body)

    assert decoded.event.stage_timestamp == ""
    assert decoded.event.annotations == {}


@pytest.mark.parametrize("end", [1, 20, 60, 100])
def test_a_line_cut_before_it_says_which_event_it_is_is_refused(end: int) -> None:
    with pytest.raises(NotAnAuditEventError, match="cut off"):
        decode(LINE[:end])


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'"text"',
        b"12",
        b"[" * 9_900 + b"]" * 9_900,
        b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}',
        b'{"kind":"Event","apiVersion":"v1","reason":"Killing","message":"a core event"}',
        b'{"kind":"Event","apiVersion":"events.k8s.io/v1","auditID":"a","stage":"Panic"}',
        b'{"kind":"Other","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"Panic"}',
        b'{"kind":"Other","auditID":"a","stage":"Panic","x":"\xff","user":"\xff"}',
        b'{"level":"info","msg":"a log line of something else"}',
        b'{"kind":5,"auditID":"a","stage":"Panic"}',
        b"I1128 16:00:00.000000       1 httplog.go:1] GET /healthz",
    ],
)
def test_what_is_no_audit_event_is_refused_with_a_bounded_reason(other: bytes) -> None:
    with pytest.raises(NotAnAuditEventError) as refused:
        decode(other)
    assert 20 < len(str(refused.value)) < 800


WRONG: dict[str, tuple[bytes, bytes]] = {
    "user is a text": (b'"user":{"username":"mallory",', b'"user":"mallory","_":{"username":"mallory",'),
    "groups is a text": (b'"groups":["staff","system:authenticated"]', b'"groups":"staff"'),
    "a group is a number": (b'"groups":["staff",', b'"groups":[5,"staff",'),
    "extra is a list": (b'"extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}', b'"extra":[]'),
    "a value of extra is a text": (b'["JTI=1"]', b'"JTI=1"'),
    "objectRef is a list": (b'"objectRef":{', b'"objectRef":[],"_":{'),
    "name is a number": (b'"name":"daily"', b'"name":7'),
    "code is a text": (b'"code":200', b'"code":"200"'),
    "code has no end": (b'"code":200', b'"code":%s' % (b"9" * 5_000)),
    "code is too large": (b'"code":200', b'"code":1e999999'),
    "sourceIPs is an object": (b'"sourceIPs":["8.8.8.8","10.0.0.7"]', b'"sourceIPs":{}'),
    "an annotation is an object": (b'"authorization.k8s.io/reason":""', b'"authorization.k8s.io/reason":{}'),
    "a time is a number": (b'"2026-11-28T16:00:00.100002Z"', b"1795881600"),
    "the agent is no UTF-8": (b"kubectl/v1.37.2", b"kubectl\xff"),
    "the agent is half a character": (b"kubectl/v1.37.2", rb"kubectl\ud800"),
    "the URI holds an escape that is none": (b"?fieldManager", rb"?\qfieldManager"),
    "the agent is a tower": (b'"kubectl/v1.37.2"', b"[" * 9_900 + b"]" * 9_900),
    "a field nobody knows is a tower": (b'"userAgent"', b'"_":' + b"[" * 200_000 + b"]" * 200_000 + b',"userAgent"'),
}


@pytest.mark.parametrize(("right", "wrong"), WRONG.values(), ids=WRONG.keys())
def test_one_wrong_field_costs_only_itself(right: bytes, wrong: bytes) -> None:
    raw = LINE.replace(right, wrong, 1)
    assert raw != LINE

    decoded = decode(raw)

    differing = [name for name in FIELDS if getattr(surroundings(decoded.event), name) != getattr(SOUND, name)]
    assert len(differing) <= 1
    assert "Salvaged" in decoded.degraded
    assert msgspec.convert(msgspec.to_builtins(decoded.event.user), UserInfo) == decoded.event.user, "types are right"
    assert recorded(decoded).response_object == msgspec.json.decode(ANSWER)


def test_the_rest_of_a_field_with_one_wrong_part_is_read() -> None:
    decoded = decode(
        LINE.replace(b'"groups":["staff",', b'"groups":[5,"staff",', 1).replace(b'"code":200', b'"code":{}')
    )

    assert decoded.event.user == SOUND.user
    assert decoded.event.response_status is not None
    assert decoded.event.response_status.code == 0
    assert decoded.degraded == ("FieldsUnreadable", "Salvaged")


@pytest.mark.parametrize("name", ["user", "sourceIPs", "objectRef", "responseStatus", "annotations", "groups", "extra"])
def test_an_absent_field_written_as_null_is_absent_and_not_unreadable(name: str) -> None:
    decoded = decode(LINE.replace(b'"%s":' % name.encode(), b'"%s":null,"_":' % name.encode(), 1))

    differing = [name for name in FIELDS if getattr(surroundings(decoded.event), name) != getattr(SOUND, name)]
    assert len(differing) == 1
    assert "FieldsUnreadable" not in decoded.degraded


def test_text_of_fields_inside_a_field_is_text() -> None:
    forged = rb"x\",\"verb\":\"get\",\"user\":{\"username\":\"victim\"},\"a\":\""
    raw = LINE.replace(b"kubectl/v1.37.2", forged, 1).replace(b'{"spec":{"paused":true}}', b'{"bad":"\\ud800"}', 1)

    event = decode(raw).event

    assert (event.verb, event.user) == (SOUND.verb, SOUND.user)
    assert event.user_agent.startswith('x","verb":"get"')


def test_backslashes_before_a_quote_do_not_hide_where_a_text_ends() -> None:
    for count in range(12):
        text = b"\\\\" * count
        raw = LINE.replace(b"kubectl/v1.37.2", text, 1).replace(b'{"spec":{"paused":true}}', b'{"bad":"\\ud800"}', 1)

        assert decode(raw).event.user_agent == "\\" * count
        assert decode(raw).event.stage_timestamp == SOUND.stage_timestamp


def test_an_older_version_of_the_audit_api_is_read() -> None:
    older = LINE.replace(b'"apiVersion":"audit.k8s.io/v1","level"', b'"apiVersion":"audit.k8s.io/v1beta1","level"', 1)

    (event,) = unwrap(older)

    assert surroundings(decode(event).event) == SOUND


def test_an_event_list_that_is_cut_yields_what_is_whole_and_the_part() -> None:
    body = event_list(item(LINE), item(LINE), item(LINE))
    cut = body[: body.rindex(b'"responseStatus"')]

    *whole, part = unwrap(cut)

    assert whole == [item(LINE), item(LINE)]
    assert decode(part).event.user == SOUND.user


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[%s,%s],"kind":"EventList"}',
        b'{ "kind" : "EventList" , "items" : [ %s , %s ] }',
        b'{"kind":"EventList","metadata":{"items":[1,2]},"items":[%s,%s]}',
        b"[%s,%s]",
    ],
)
def test_a_list_written_otherwise_is_a_list(body: bytes) -> None:
    assert list(unwrap(body % (item(LINE), item(LINE)))) == [item(LINE), item(LINE)]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"kind":"EventList","items":', b'{"kind":"EventList"}'])
def test_a_list_without_items_yields_none(body: bytes) -> None:
    assert [event for event in unwrap(body) if event.startswith(b'{"level"')] == []


def test_items_that_are_no_events_are_yielded_to_be_refused_one_by_one() -> None:
    body = event_list(item(LINE), b"5", b"null", b'{"kind":"Pod"}', b'"\xff"', item(LINE))
    first, *others, last = unwrap(body)

    assert first == last == item(LINE)
    for other in others:
        with pytest.raises(NotAnAuditEventError):
            decode(other)
    assert len(others) == 4
