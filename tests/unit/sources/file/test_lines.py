"""Lines: partial, torn, glued, foreign, hostile and endless ones (R20 to R30 of the reliability matrix).

R29 and R30, hostile JSON and wrong types, are the decoder's (tests/unit/events); here such a line must only not stop
the ones behind it, which ``test_source.py`` shows with the decoder in place.
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.decode import decode
from auditwatch.events.unwrap import unwrap
from auditwatch.sources.file.framing import Framer, Line
from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import Log, Watcher, event, expected, number_of

LIMIT = 16 << 10


def framed(data: bytes, *cuts: int, limit: int = LIMIT) -> list[Line]:
    """``data`` fed in pieces that end at ``cuts``; the end of the file is not told."""
    framer, lines, begin = Framer(limit=limit), [], 0
    for end in (*cuts, len(data)):
        lines += framer.feed(data[begin:end])
        begin = end
    return lines


@pytest.mark.parametrize("end", range(0, len(event(0)) + 2, 7))
def test_r20_a_line_written_in_two_pieces_comes_once_and_whole(path: Path, log: Log, end: int) -> None:
    watcher, line = Watcher(path), event(0) + b"\n"
    log.write(line[:end])
    watcher.step(3)
    log.write(line[end:])
    watcher.settle()
    watcher.tail.close()

    assert watcher.numbers == ["0"]


@given(st.lists(st.binary(max_size=40).filter(lambda data: b"\0\0\0\0" not in data), max_size=20), st.data())
def test_wherever_the_pieces_end_the_lines_are_the_same(lines: list[bytes], draws: st.DataObject) -> None:
    data = b"\n".join(lines)
    cuts = sorted(draws.draw(st.lists(st.integers(0, len(data)), max_size=6)))

    assert framed(data, *cuts) == framed(data)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data), max_size=20))
def test_every_line_stands_at_its_offset(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)

    for line in framed(data):
        assert data[line.offset :].startswith(line.data) or data.startswith(b"\xef\xbb\xbf")


@given(st.binary(max_size=200), st.integers(1, 200))
def test_reading_on_from_any_offset_reached_gives_the_rest(data: bytes, cut: int) -> None:
    first = Framer(limit=LIMIT)
    before = first.feed(data[:cut])
    second = Framer(first.offset, first.trail, limit=LIMIT)
    after = second.feed(data[first.offset :])

    assert before + after == framed(data)
    assert first.trail == data[: first.offset][-4096:]


def test_r21_a_line_torn_by_a_rotation_is_handed_over_as_torn_and_never_glued(log: Log, watcher: Watcher) -> None:
    log.events(1)
    log.write(event("torn")[:300])
    log.rotate()
    log.events(1)
    watcher.settle()

    assert watcher.numbers == expected(2)
    torn = [line for _, line in watcher.lines if line.form == "Torn"]
    assert [line.data for line in torn] == [event("torn")[:300]]


def test_r22_a_torn_line_with_the_next_event_glued_to_it_costs_only_itself(log: Log, watcher: Watcher) -> None:
    log.write(event("torn")[:300])
    log.write(event("next") + b"\n")
    log.events(1)
    watcher.settle()

    events = [raw for data in watcher.data for raw in unwrap(data)]
    assert events[-2:] == [event("next"), event(0)]
    assert decode(events[0]).degraded


def test_r23_a_partial_line_across_a_restart_comes_once(log: Log, watcher: Watcher) -> None:
    log.events(2)
    log.write(event("2")[:100])
    watcher.settle()
    watcher.restart()
    log.write(event("2")[100:] + b"\n")
    watcher.settle()

    assert watcher.numbers == expected(3)
    assert watcher.gaps == []


def test_r24_a_whole_event_without_a_newline_is_handed_over_when_nothing_more_comes(log: Log, watcher: Watcher) -> None:
    log.events(1)
    log.write(event("1"))
    watcher.step(2)
    assert watcher.numbers == expected(1)
    watcher.settle()
    assert watcher.numbers == expected(2)

    log.write(b"\n" + event("2") + b"\n")
    watcher.settle()
    watcher.restart()
    watcher.settle()
    assert watcher.numbers == expected(3)


def test_r25_invalid_utf8_is_handed_over_as_it_is(log: Log, watcher: Watcher) -> None:
    hostile = event(0).replace(b'"eve"', b'"\xff\xfe"')
    log.write(hostile + b"\n")
    watcher.settle()

    assert watcher.data == [hostile]


def test_r26_byte_order_marks_carriage_returns_and_blank_lines_are_tolerated(log: Log, watcher: Watcher) -> None:
    log.write(b"\xef\xbb\xbf" + event(0) + b"\r\n\n\r\n\n" + event(1) + b"\n")
    watcher.settle()

    assert watcher.numbers == expected(2)


def test_r26_text_in_another_encoding_is_one_unreadable_line_each_and_no_flood(log: Log, watcher: Watcher) -> None:
    log.write(event(0).decode().encode("utf-16") + b"\n\0")
    log.write(event(1) + b"\n")
    watcher.settle()

    assert len(watcher.lines) == 2
    assert watcher.data[-1] == event(1)


def test_r27_a_line_above_the_limit_keeps_head_and_tail_and_costs_no_memory(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", line_limit=1 << 20))
    head, tail = event("big").split(b',"requestReceivedTimestamp"')
    log.events(1)
    log.write(head + b',"requestObject":"')
    for _ in range(48):
        log.write(b"x" * (1 << 20))
    log.write(b'","requestReceivedTimestamp"' + tail + b"\n")
    log.events(1)
    tracemalloc.start()
    watcher.step(40)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    watcher.tail.close()

    assert peak < 8 << 20
    assert [line.form for _, line in watcher.lines] == ["Whole", "Cut", "Whole"]
    cut = watcher.lines[1][1].data
    assert len(cut) == 128 << 10
    decoded = decode(cut)
    assert decoded.event.object_ref
    assert decoded.event.object_ref.name == "p"
    assert decoded.event.stage_timestamp.startswith("2026")
    assert watcher.numbers == expected(2)


def test_r27_a_line_just_within_the_limit_is_whole(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", line_limit=LIMIT))
    padding = LIMIT - len(event("0"))
    log.write(event("0", padding=padding) + b"\n" + event("1", padding=padding + 1) + b"\n" + event("2") + b"\n")
    watcher.settle()
    watcher.tail.close()

    assert [line.form for _, line in watcher.lines] == ["Whole", "Cut", "Whole"]


def test_r27_a_restart_in_the_middle_of_a_line_above_the_limit_goes_on_after_it(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", line_limit=LIMIT, budget=LIMIT))
    log.events(1)
    log.write(event("big", padding=20 * LIMIT) + b"\n")
    log.events(1)
    watcher.step(3)
    watcher.restart()
    watcher.step(60)
    watcher.restart()
    watcher.step(10)
    watcher.tail.close()

    assert [line.form for _, line in watcher.lines] == ["Whole", "Cut", "Whole"]


def test_r28_a_line_that_never_ends_fills_no_memory_and_what_follows_is_read(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", line_limit=1 << 20))
    tracemalloc.start()
    for _ in range(64):
        log.write(b"x" * (1 << 20))
        watcher.step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    log.write(b"\n")
    log.events(1)
    watcher.settle()
    watcher.tail.close()

    assert watcher.numbers == ["0"]


def test_nuls_inside_a_file_end_a_line_and_are_no_line(log: Log, watcher: Watcher) -> None:
    log.write(event("torn")[:200] + b"\0" * 5000 + event(0) + b"\n" + b"\0" * 300 + b"\n" + event(1) + b"\n")
    watcher.settle()

    assert [line.form for _, line in watcher.lines] == ["Torn", "Whole", "Whole"]
    assert [number_of(line.data) for _, line in watcher.lines[1:]] == expected(2)


def test_a_flood_of_nuls_is_not_held_in_memory() -> None:
    framer = Framer(limit=LIMIT)
    for _ in range(100):
        assert framer.feed(b"\0" * (1 << 16)) == []

    assert framer.rest == b""
    assert framer.end == 100 << 16
    assert framer.feed(b"a\n") == [Line(100 << 16, b"a")]


def test_a_hole_ends_what_was_unfinished() -> None:
    framer = Framer(limit=LIMIT)
    framer.feed(b"half")

    assert framer.jump(1 << 20) == [Line(0, b"half", "Torn")]
    assert framer.offset == framer.end == 1 << 20
    assert framer.trail == b"\0" * 4096
    assert framer.feed(b"whole\n") == [Line(1 << 20, b"whole")]


def test_the_end_of_a_line_above_the_limit_is_handed_over_when_its_file_ends() -> None:
    framer = Framer(limit=LIMIT)
    framer.feed(b"h" * LIMIT + b"t" * LIMIT)
    lines = framer.finish()

    assert [line.form for line in lines] == ["Cut"]
    assert lines[0].data.startswith(b"h" * 100)
    assert lines[0].data.endswith(b"t" * 100)
    assert framer.finish() == []
    assert framer.end == 2 * LIMIT
