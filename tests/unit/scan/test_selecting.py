"""From windows to records: what is selected, where it stands, and what cannot be read."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence

import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.scan import selecting
from auditwatch.scan import windows as in_windows
from auditwatch.scan.selecting import Bad, Part, Sieve
from auditwatch.scan.windows import Window, windows

from .making import KEY, event, line, noise

NEEDLES = Needles.of([Needle(('"apiGroup":"config.kio.kasten.io"',))])


def _parts(data: bytes, needles: Needles = NEEDLES, *, is_beginning: bool = False) -> list[Part]:
    stream = io.BytesIO(data)
    return list(Sieve.of(needles, key=KEY, received=1.0).parts(windows(stream.readinto), is_beginning=is_beginning))


def _part(data: bytes, needles: Needles = NEEDLES, *, is_beginning: bool = False) -> Part:
    (part,) = _parts(data, needles, is_beginning=is_beginning)
    return part


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def test_only_lines_with_a_needle_are_decoded_and_each_knows_how_many_lines_are_before_it() -> None:
    part = _part(_joined([line(noise()), line(event(1)), b"", line(noise(2)), line(event(3))]))
    assert [(found.line, found.item) for found in part.found] == [(1, 0), (4, 0)]
    assert (part.lines, part.selected, part.bad) == (5, 2, [])


def test_a_last_line_without_an_end_counts_as_a_line() -> None:
    assert _part(line(event(1))).lines == 1
    assert _part(line(event(1)) + b"\n").lines == 1


def test_every_window_is_released_before_what_was_found_in_it_is_dealt_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "PART_BYTES", 1)
    held: list[int] = []
    data = bytearray(_joined([line(event(1))]))

    def lent() -> Iterator[Window]:
        for number in range(3):
            held.append(number)
            yield Window(data, len(data), release=held.clear)

    sieve = Sieve.of(NEEDLES, key=KEY, received=1.0)
    assert [(len(part.found), list(held)) for part in sieve.parts(lent(), is_beginning=False)] == [(1, [])] * 3 + [
        (0, [])
    ]


def test_lines_are_counted_where_a_window_begins_in_the_middle_of_its_data() -> None:
    before, after = _joined([line(event(1)), line(noise(2))]), _joined([line(noise(3)), line(event(4))])
    view = memoryview(before + after)
    sieve = Sieve.of(NEEDLES, key=KEY, received=1.0)
    (part,) = sieve.parts([Window(view, len(view), len(before))], is_beginning=True)
    assert [(found.line, found.record.event.audit_id) for found in part.found] == [(1, "a-4")]
    assert (part.size, part.lines, part.bad) == (len(after), 2, [])


@pytest.mark.parametrize("window", [700, 5000])
def test_lines_are_counted_across_windows(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", window)
    data = _joined([line(event(number) if number % 3 == 0 else noise(number)) for number in range(100)])
    assert [found.line for found in _part(data).found] == list(range(0, 100, 3))


def test_items_of_a_list_are_told_apart_and_only_those_with_a_needle_are_decoded() -> None:
    listed = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [noise(1), event(2), noise(3), event(4)]}
    part = _part(_joined([line(noise()), line(listed)]))
    assert [(found.line, found.item, found.record.event.audit_id) for found in part.found] == [
        (1, 1, "a-2"),
        (1, 3, "a-4"),
    ]


def test_an_event_glued_to_a_torn_one_is_read() -> None:
    part = _part(line(event(1))[:300] + line(event(2)) + b"\n")
    assert "a-2" in [found.record.event.audit_id for found in part.found]


def test_a_selected_line_that_is_no_event_is_told_and_its_neighbours_are_read() -> None:
    bad = b'"apiGroup":"config.kio.kasten.io" no JSON'
    part = _part(_joined([line(event(1)), bad, line(event(2))]))
    assert [(each.line, each.reason) for each in part.bad] == [(1, "NotAnAuditEvent")]
    assert len(part.found) == 2


def test_a_defect_met_in_one_line_costs_only_that_line_the_first_of_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(raw: bytes) -> Iterator[bytes]:
        if b'"a-0"' in raw or b'"a-2"' in raw:
            raise ZeroDivisionError("by nothing")
        yield raw

    monkeypatch.setattr(selecting, "unwrap", fails)
    part = _part(_joined([line(noise()), *(line(event(number)) for number in (1, 2, 3))]), is_beginning=True)

    problem = "ZeroDivisionError: by nothing"
    assert part.bad == [Bad(0, "InternalError", problem), Bad(2, "InternalError", problem)]
    assert [found.line for found in part.found] == [1, 3]


def test_a_file_that_is_no_audit_log_is_noticed_by_its_first_line() -> None:
    assert [each.reason for each in _part(b"Jan 1 sshd[1]: hello\n" * 3, is_beginning=True).bad] == ["NotAnAuditEvent"]
    assert _part(_joined([line(noise())]), is_beginning=True).bad == []


def test_a_line_that_is_too_long_is_told_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 512)
    monkeypatch.setattr(in_windows, "MAX_LINE_BYTES", 2048)
    part = _part(_joined([line(noise()), b"x" * 10_000, line(event(2))]))
    assert [(each.line, each.reason) for each in part.bad] == [(1, "LineTooLong")]
    assert [found.line for found in part.found] == [2]


def test_secrets_are_hidden_before_anything_leaves() -> None:
    secret = event(1, requestObject={"kind": "Secret", "data": {"password": "aHVudGVyMg=="}}, level="Request")
    (found,) = _part(line(secret)).found
    assert "aHVudGVyMg==" not in json.dumps(found.record.request_object)


def test_what_is_found_is_handed_on_in_bounded_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 4096)
    monkeypatch.setattr(selecting, "PART_BYTES", 8192)
    parts = _parts(_joined([line(event(number)) for number in range(200)]))
    assert len(parts) > 5
    assert sum(len(part.found) for part in parts) == sum(part.lines for part in parts) == 200


def test_where_a_rule_has_no_needle_every_line_is_decoded() -> None:
    part = _part(_joined([line(noise()), line(event(1))]), Needles.of([], reads_everything=True))
    assert len(part.found) == 2
