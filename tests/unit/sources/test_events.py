"""Lines of a watch: what each says, and that a hostile one costs only itself."""

from __future__ import annotations

from functools import partial

from auditwatch.sources.state.events import Reading, read_lines
from auditwatch.sources.state.observation import observe
from tests.unit.sources.making import POLICIES, REDACTOR, raw, seen
from tests.unit.sources.test_observation import deep, deep_raw


def line(kind: str, obj: bytes) -> bytes:
    return b'{"type":"%s","object":%s}' % (kind.encode(), obj)


def read(*lines: bytes) -> Reading:
    return read_lines(lines, partial(observe, POLICIES, REDACTOR))


def test_events_come_out_in_their_order() -> None:
    reading = read(line("ADDED", raw("a", version="1")), line("DELETED", raw("b", version="2")))

    assert [(event.seen, event.is_deletion) for event in reading.events] == [
        (seen("a", version="1"), False),
        (seen("b", version="2"), True),
    ]
    assert reading.version == "2"


def test_a_bookmark_moves_the_version_and_is_no_event() -> None:
    reading = read(line("ADDED", raw(version="5")), line("BOOKMARK", b'{"metadata":{"resourceVersion":"9"}}'))

    assert (len(reading.events), reading.version) == (1, "9")


def test_no_lines_say_nothing() -> None:
    assert read() == Reading()


def test_an_object_nested_too_deeply_is_an_event_all_the_same() -> None:
    reading = read(line("MODIFIED", deep_raw("x", levels=9900, version="6")), line("ADDED", raw("y", version="7")))

    assert [event.seen.uid for event in reading.events] == ["uid-of-x", "uid-of-y"]
    assert reading.events[0].seen == deep("x", levels=9900, version="6")
    assert not reading.unreadable


def test_a_line_that_is_nothing_is_told_and_its_neighbours_are_kept() -> None:
    reading = read(line("ADDED", raw("a")), b"<html>", b'{"type":"ADDED"}', line("ADDED", raw("b")))

    assert [event.seen.uid for event in reading.events] == ["uid-of-a", "uid-of-b"]
    assert len(reading.unreadable) == 2


def test_an_event_without_a_version_leaves_the_version_where_it_was() -> None:
    reading = read(line("ADDED", raw(version="5")), line("ADDED", b'{"metadata":{"name":"n"}}'))

    assert reading.version == "5"
