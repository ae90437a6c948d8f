"""The envelope: learned from lines that our own requests caused, and not to be imitated from inside another line."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from auditwatch.sources.k10stream.envelope import Envelope, lesson, merged
from tests.unit.sources.k10stream.making import (
    OTHER_POD,
    POD,
    bare,
    compact,
    decoded,
    echo,
    escaped,
    event,
    knowledge,
    prefixed,
    probe,
    taught,
    wrapped,
)

Wrap = Callable[..., bytes]
FORGED = event("forged", verb="delete", user="admin")


def learned(wrap: Wrap) -> Envelope:
    """What two requests teach."""
    known = knowledge(probe(1), probe(2))
    known.learn(wrap(echo(probe(1)), time="08:00:01.1"), pods=[POD])
    known.learn(wrap(echo(probe(2)), time="08:00:02.2"), pods=[POD])
    assert known.envelope is not None
    return known.envelope


@pytest.mark.parametrize("wrap", [wrapped, escaped, prefixed, bare])
def test_two_requests_teach_where_the_event_stands(wrap: Wrap) -> None:
    found = learned(wrap).event_of(wrap(event(), time="09:30:00.9"))

    assert found is not None
    assert decoded(found) == event()


def test_an_event_in_an_object_in_a_text_is_found() -> None:
    def deep(inner: object, *, time: str) -> bytes:
        return compact({"log": {"a": compact({"event": inner, "at": time}), "n": 1}, "z": None}).encode()

    found = learned(deep).event_of(deep(event(), time="x"))

    assert found is not None
    assert decoded(found) == event()


@pytest.mark.parametrize("wrap", [wrapped, escaped, prefixed, bare])
def test_one_shape_is_not_believed_where_another_was_taught(wrap: Wrap) -> None:
    known = learned(wrap)

    believed = [other for other in (wrapped, escaped, prefixed, bare) if known.event_of(other(FORGED)) is not None]

    assert believed == [wrap]


def test_the_bytes_of_the_event_are_those_of_the_line() -> None:
    line = wrapped({"x": 1}).replace(b'{"x":1}', b'{ "auditID" : "\\u0041" ,"n":1e3}')

    assert taught().event_of(line) == b'{ "auditID" : "\\u0041" ,"n":1e3}'


def test_values_that_vary_do_not_matter_and_markers_do() -> None:
    known = taught()

    assert known.event_of(wrapped(event(), time="23:59:59", pod=OTHER_POD)) is not None
    assert known.event_of(wrapped(event(), msg="request failed")) is None
    assert known.event_of(wrapped(event(), level="error")) is None


FORGERIES: dict[str, bytes] = {
    "in a text of another line": wrapped(None, msg=f"no such thing: {compact({'K10Event': FORGED})}"),
    "a whole line in a text": compact({"level": "info", "msg": wrapped(FORGED).decode()}).encode(),
    "a whole line in the marker's place": wrapped(None, msg=wrapped(FORGED).decode()),
    "one level deeper": compact({"level": "info", "detail": json.loads(wrapped(FORGED))}).encode(),
    "one member more": wrapped(FORGED, user="mallory"),
    "one member less": wrapped(FORGED, version=None),
    "another order": compact(dict(reversed(json.loads(wrapped(FORGED)).items()))).encode(),
    "a name written with escapes": wrapped(FORGED).replace(b'"K10Event":{', b'"K10Even\\u0074":{'),
    "the marker with escapes": wrapped(FORGED).replace(b'"msg":"K10Event"', b'"msg":"K10Even\\u0074"'),
    "a second event": wrapped(event()).replace(b',"hostname"', b',"K10Event":' + bare(FORGED) + b',"hostname"'),
    "a second event in front": wrapped(event()).replace(
        b'"K10Event"', b'"K10Event":' + bare(FORGED) + b',"K10Event"', 1
    ),
    "the marker twice": wrapped(FORGED, msg="x").replace(b'"msg":"x"', b'"msg":"x","msg":"K10Event"'),
    "something in front": b"GET /x " + wrapped(FORGED),
    "an object in front": b"{} " + wrapped(FORGED),
    "something behind": wrapped(FORGED) + b" x",
    "an object behind": wrapped(event()) + wrapped(FORGED),
    "as text where an object was taught": wrapped(compact(FORGED)),
    "a list where an object was taught": wrapped([FORGED]),
    "a number where the pod's name was taught": wrapped(FORGED, hostname=5),
    "torn off": wrapped(FORGED)[:-20],
    "torn off in front": wrapped(FORGED)[20:],
    "nothing": b"",
    "words": b"K10Event audit.k8s.io/v1",
    "not JSON": b"{K10Event: 1}",
    "nulls": b"\0" * 40,
}


@pytest.mark.parametrize("line", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_is_not_exactly_the_envelope_is_not_believed(line: bytes) -> None:
    assert taught().event_of(line) is None


@pytest.mark.parametrize(
    "line",
    [
        escaped(None, msg=f"cannot read {compact(FORGED)}"),
        escaped(None, msg=compact({"K10Event": FORGED}) + "}"),
        escaped(None, msg=compact(FORGED) + compact(FORGED)),
        escaped(None, kind="error", msg=compact(FORGED)),
    ],
    ids=["words before", "a bracket more", "two events", "another marker"],
)
def test_text_of_a_user_in_an_envelope_of_text_is_not_believed(line: bytes) -> None:
    assert learned(escaped).event_of(line) is None


def test_an_envelope_of_words_wants_the_same_words() -> None:
    known = learned(prefixed)

    assert known.event_of(prefixed(FORGED).replace(b"K10Event", b"message")) is None
    assert known.event_of(b"x " + prefixed(FORGED)) is None
    assert known.event_of(prefixed(FORGED).replace(b"08:00:00.001", b"other")) is not None


def test_an_event_nested_five_thousand_levels_deep_is_still_the_event() -> None:
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    line = wrapped({"x": 1}).replace(b'{"x":1}', deep.encode())

    assert taught().event_of(line) == deep.encode()
    assert taught().event_of(line + b"{}") is None


def test_bytes_that_are_no_text_leave_the_envelope_whole() -> None:
    line = wrapped({"x": 1}).replace(b'{"x":1}', b'{"userAgent":"\xff\xfe"}')

    assert taught().event_of(line) == b'{"userAgent":"\xff\xfe"}'


# Learning


def is_canary(document: bytes) -> bool:
    return b"nonce" in document


@pytest.mark.parametrize(
    "line",
    [
        wrapped({"x": "nonce"}),
        b"nonce",
        b"{nonce",
        wrapped({**event(uri="/nonce"), "verb": "get"}, other=event(uri="/nonce")),
        compact({"a": {"b": {"c": {"d": {"e": event(uri="/nonce")}}}}}).encode(),
        wrapped(event(uri="/other")),
    ],
    ids=["no event", "words", "no JSON", "twice", "too deep", "of others"],
)
def test_a_line_without_one_event_of_ours_teaches_nothing(line: bytes) -> None:
    assert lesson(line, is_canary) is None


def test_one_line_alone_takes_everything_for_constant() -> None:
    known = lesson(wrapped(event(uri="/nonce")), is_canary, varying=[POD])

    assert known is not None
    assert known.event_of(wrapped(event())) is not None
    assert known.event_of(wrapped(event(), pod=OTHER_POD)) is not None
    assert known.event_of(wrapped(event(), time="other")) is None


@pytest.mark.parametrize(
    "other",
    [
        wrapped(event(uri="/nonce"), more=1),
        wrapped(event(uri="/nonce"), level=1),
        escaped(event(uri="/nonce")),
        prefixed(event(uri="/nonce")),
    ],
    ids=["more members", "another kind", "another shape", "another prefix"],
)
def test_lessons_that_differ_in_shape_have_nothing_in_common(other: bytes) -> None:
    one, two = lesson(wrapped(event(uri="/nonce")), is_canary), lesson(other, is_canary)

    assert one is not None
    assert two is not None
    assert merged(one, two) is None


def test_a_value_that_the_event_holds_too_is_no_marker() -> None:
    def telling(inner: object, *, time: str) -> bytes:
        of = inner if isinstance(inner, dict) else {}
        code = of["responseStatus"]["code"]
        return wrapped(inner, time=time, verb=of["verb"], user=of["user"]["username"], code=code)

    known = learned(telling)

    other = event(verb="delete", user="mallory", responseStatus={"code": 200})
    assert known.event_of(telling(other, time="x")) is not None
    assert known.event_of(telling(other, time="x").replace(b'"msg":"K10Event"', b'"msg":"other"')) is None


def test_a_very_long_value_is_no_marker() -> None:
    known = lesson(wrapped(event(uri="/nonce"), msg="x" * 300), is_canary)

    assert known is not None
    assert known.event_of(wrapped(event(), msg="y")) is not None


def test_it_is_kept_over_a_restart() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(taught()), type=Envelope)

    assert kept == taught()


def test_a_line_whose_ends_are_exchanged_is_not_believed() -> None:
    line = wrapped(event())
    rows = [line[cut:] + line[:cut] for cut in range(1, len(line), 7)]

    assert [row for row in rows if taught().event_of(row) is not None] == []
