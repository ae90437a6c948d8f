"""Bodies that parsers refuse and the API server logs all the same: what stands around and in them is still read."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import decode
from auditwatch.events.lenient import MAX_DEPTH, TOO_DEEP
from auditwatch.events.unwrap import unwrap
from tests.unit.events.samples import ANSWER, HEAD, SOUND, TAIL, event_list, item, line, recorded, surroundings

DEEP = b'{"a":' * 9_900 + b"1" + b"}" * 9_900
HOSTILE: dict[str, bytes] = {
    "nested 3,000 deep": b"[" * 3_000 + b"]" * 3_000,
    "nested 9,900 deep": DEEP,
    "number of 5,000 digits": b"9" * 5_000,
    "negative number of 5,000 digits": b"-" + b"9" * 5_000,
    "decimals without end": b"0." + b"1" * 5_000,
    "number beyond every type": b"1e999999",
    "number below every type": b"-1e999999",
    "number with a huge negative exponent": b"1e-999999",
    "lone high surrogate": rb'"\ud800"',
    "lone low surrogate": rb'"\udc00 and text"',
    "surrogates the wrong way round": rb'"\udc00\ud800"',
    "surrogate as a field's name": rb'{"\ud800":1}',
    "bytes that are no UTF-8": b'"\xff\xfe"',
    "UTF-8 cut in the middle": b'"\xe2\x82"',
    "UTF-8 of a surrogate": b'"\xed\xa0\x80"',
    "no UTF-8 as a field's name": b'{"\xff":1}',
    "NUL inside a text": b'"a\x00b"',
    "control characters inside a text": b'"\x01\x1b[31m"',
    "NUL, escaped": rb'"\u0000"',
    "the same field twice": b'{"a":1,"a":{"b":2}}',
    "an escape that is none": rb'"\q"',
    "an escape cut off": rb'"\u12"',
    "backslashes before the closing quote": rb'"\\\\"',
    "text of an event": rb'"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\"}"',
    "an event": b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"None","auditID":"forged","stage":"Panic"}',
    "text of the fields that follow": rb'"\"},\"stageTimestamp\":\"2000-01-01T00:00:00Z\",\"annotations\":{}}"',
    "the fields that follow": b'{"stageTimestamp":"2000-01-01T00:00:00Z","annotations":{"forged":"yes"},"user":{}}',
    "the fields that follow, in a list": b'[{"user":{"username":"forged"}},{"auditID":"forged"}]',
    "a text instead of an object": b'"skipped-too-big-size-object"',
    "null": b"null",
    "a word": b"true",
    "an empty text as a field's name": b'{"":{"":""}}',
}
CASES = pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())


def read(raw: bytes) -> AuditRecord:
    (event,) = unwrap(raw)
    return recorded(decode(event))


def reference() -> AuditRecord:
    return read(line())


@CASES
def test_every_field_around_a_hostile_body_is_read(hostile: bytes) -> None:
    record = read(line(request=hostile))

    assert record.event == reference().event
    assert record.key == reference().key
    assert set(record.degraded) <= {"BodyUnreadable"}, "the event itself is as good as any"
    assert record.response_object == msgspec.json.decode(ANSWER)


@CASES
def test_every_field_around_a_hostile_answer_is_read(hostile: bytes) -> None:
    record = read(line(response=hostile))

    assert record.event == reference().event
    assert record.request_object == {"spec": {"paused": True}}


@CASES
def test_what_stands_beside_something_hostile_in_a_body_is_read(hostile: bytes) -> None:
    record = read(line(request=b'{"before":1,"hostile":%s,"spec":{"paused":true}}' % hostile))

    assert isinstance(record.request_object, dict)
    assert record.request_object["before"] == 1
    assert record.request_object["spec"] == {"paused": True}
    assert "hostile" in record.request_object


@CASES
def test_a_hostile_record_can_be_kept(hostile: bytes) -> None:
    record = read(line(request=hostile, response=b'{"a":[%s]}' % hostile))
    kept = msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord)

    assert kept == record
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(str(record))) == str(record), "it is text of sound characters"


@CASES
def test_a_hostile_item_costs_its_neighbours_nothing(hostile: bytes) -> None:
    events = list(unwrap(event_list(item(line()), item(line(request=hostile)), item(line()))))

    assert events == [item(line()), item(line(request=hostile)), item(line())]
    assert [surroundings(decode(event).event) for event in events] == [SOUND] * 3


@given(bodies=st.lists(st.sampled_from(sorted(HOSTILE.values())), max_size=6))
def test_an_event_list_yields_all_its_items_however_many_are_hostile(bodies: list[bytes]) -> None:
    items = [item(line(request=body)) for body in bodies]

    assert list(unwrap(event_list(*items))) == items


def test_a_hostile_body_degrades_the_body_and_not_the_event_around_it() -> None:
    assert read(line()).degraded == ()
    assert read(line(request=b'{"a":1e999999}')).degraded == ("BodyUnreadable",)
    assert read(line(request=rb'{"a":"\ud800"}')).degraded == ("BodyUnreadable",)


@pytest.mark.parametrize(
    ("hostile", "kept"),
    [
        (b"9" * 5_000, "9" * 64),
        (b"1e999999", "1e999999"),
        (b"1e-999999", 0.0),
        (rb'"\ud800 x"', "\ufffd x"),
        (b'"\xff"', "\ufffd"),
        (b'"a\x00b"', "a\x00b"),
        (rb'"\q"', r"\q"),
        (b'{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_what_no_type_can_hold_is_kept_as_near_as_it_can_be(hostile: bytes, kept: Any) -> None:
    assert read(line(request=b'{"a":%s}' % hostile)).request_object == {"a": kept}


def test_nesting_is_kept_to_a_depth_and_then_said_to_go_on() -> None:
    value: Any = read(line(request=DEEP)).request_object

    for _ in range(MAX_DEPTH):
        value = value["a"]
    assert value == TOO_DEEP


@pytest.mark.parametrize(("levels", "is_whole"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (MAX_DEPTH + 900, False)])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_the_depth_that_is_kept_does_not_depend_on_how_deep_a_parser_goes(
    *, levels: int, is_whole: bool, opening: bytes, closing: bytes
) -> None:
    record = read(line(request=opening * levels + b"1" + closing * levels))

    assert ("BodyUnreadable" not in record.degraded) is is_whole
    assert (TOO_DEEP in json.dumps(record.request_object)) is not is_whole


def test_a_body_larger_than_the_limit_is_unknown_and_the_other_one_is_read() -> None:
    record = recorded(decode(line(request=b'{"spec":"%s"}' % (b"x" * 500))), max_body=400)

    assert record.request_object is msgspec.UNSET
    assert record.response_object == msgspec.json.decode(ANSWER)
    assert record.degraded == ("BodyTooLarge",)


def test_a_text_of_20_megabytes_hides_nothing_beside_it() -> None:
    record = read(line(request=b'{"padding":"%s","spec":{"paused":true}}' % (rb"\u003c" * 3_300_000)))

    assert record.event == reference().event
    assert record.request_object == {"padding": "(a text of 19800000 bytes)", "spec": {"paused": True}}
    assert record.degraded == ("BodyTooLarge",)


def test_20_megabytes_beside_hostile_values_hide_nothing_either() -> None:
    padding = rb"\\\"\u003c" * 2_000_000
    record = read(line(request=b'{"a":1e999999,"%s":"\\ud800","spec":{"paused":true}}' % padding))

    assert record.event == reference().event
    assert record.request_object == {"a": "1e999999", "(a text of 20000000 bytes)": "\ufffd", "spec": {"paused": True}}
    assert record.degraded == ("BodyTooLarge", "BodyUnreadable")


def test_a_list_that_is_too_large_is_not_looked_into() -> None:
    listed = line(b"", b'{"padding":"%s"}' % (b"x" * 2_000_000)).replace(b'"verb":"patch"', b'"verb":"list"', 1)

    assert read(listed).response_object is msgspec.UNSET
    assert read(listed).degraded == ("BodyTooLarge",)


def test_a_body_that_is_no_json_is_unknown_and_not_absent() -> None:
    record = read(HEAD + b',"requestObject":{"spec":nonsense},' + TAIL)

    assert record.event == reference().event
    assert record.request_object is msgspec.UNSET
    assert record.degraded == ("BodyUnreadable",)


def test_bodies_that_the_api_server_left_out_are_said_to_be() -> None:
    raw = line(b"", b"").replace(b'"annotations":{', b'"annotations":{"audit.k8s.io/truncated":"true",')

    assert read(raw).degraded == ("BodyTruncated",)
