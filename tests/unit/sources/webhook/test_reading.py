"""Bodies in slices: the same rows whatever the slices are, every item counted, one flaw never two losses."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from auditwatch.events.decode import Decoded, decode
from auditwatch.events.needles import Needles
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.redaction import Redactor
from auditwatch.sources.webhook import reading
from auditwatch.sources.webhook.reading import BodyReader, Origin, Slice, items_of, selected, stage_time
from tests.unit.sources.webhook.making import EVERYTHING, POLICIES, compact, event, event_list

ORIGIN = Origin(cluster="prod", source="s", instance="i", received=1.0)


def read(body: bytes, *, needles: Needles = EVERYTHING, seconds: float = 10.0) -> list[Slice]:
    reader = BodyReader(
        body, origin=ORIGIN, prefilter=Prefilter(needles), redactor=Redactor(b"key"), body_limit=1_000_000
    )
    slices = [reader.next_slice(seconds=seconds)]
    while not slices[-1].is_last:
        slices.append(reader.next_slice(seconds=seconds))
    return slices


def keys(slices: list[Slice]) -> list[str]:
    return [row.key for part in slices for row in part.rows]


def test_a_body_in_many_slices_gives_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    body = event_list(*map(event, range(50)))
    whole = read(body)
    monkeypatch.setattr(reading, "SLICE_BYTES", 1)
    monkeypatch.setattr(reading, "SEARCHED_BYTES", 1)

    sliced = read(body)

    assert len(whole) == 1
    assert len(sliced) == 51, "each row is handed over, then the end"
    assert keys(sliced) == keys(whole)
    assert sum(part.items for part in sliced) == sum(part.items for part in whole) == 50


def test_a_slice_ends_when_its_time_is_over() -> None:
    reader = BodyReader(
        event_list(event(1)),
        origin=ORIGIN,
        prefilter=Prefilter(EVERYTHING),
        redactor=Redactor(b"key"),
        body_limit=1_000_000,
    )

    assert reader.next_slice(seconds=-1.0).is_last is False, "no time, no work, and nothing is lost"
    assert len(reader.next_slice(seconds=10).rows) == 1


def test_what_is_selected_does_not_depend_on_how_it_is_written() -> None:
    items = [event(number, resource="policies" if number % 3 == 0 else "leases") for number in range(30)]
    spread = [json.dumps(each, indent=1).replace('": ', '":').encode() for each in items]

    for body in (event_list(*items), event_list(*spread)):
        slices = read(body, needles=POLICIES)
        assert len(keys(slices)) == 10
        assert sum(part.items for part in slices) == 30


def test_an_item_with_line_breaks_is_chosen_whole() -> None:
    broken = b'{"objectRef":\n{"resource":"policies"}}'

    assert list(selected([broken, b"{}"], Prefilter(POLICIES))) == [broken]
    assert list(selected([compact(event(1)), b"{}"], Prefilter(POLICIES))) == [compact(event(1))]


def test_a_flaw_of_ours_costs_one_event_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def flawed(raw: bytes) -> Decoded:
        if b"audit-2" in raw:
            raise ZeroDivisionError
        return decode(raw)

    monkeypatch.setattr("auditwatch.sources.webhook.reading.decode", flawed)

    (part,) = read(event_list(event(1), event(2), event(3)))

    assert len(part.rows) == 2
    assert part.undecodable == Counter({"InternalError": 1})
    assert part.items == 3


def test_the_size_of_a_slice_is_that_of_its_rows() -> None:
    (part,) = read(event_list(event(1), event(2)))

    assert part.size == sum(len(row.payload) for row in part.rows)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (event_list(), 0),
        (event_list(event(1), event(2)), 2),
        (compact(event(1)) + b"\n" + compact(event(2)), 2),
        (b"\n\n" + compact(event(1)) + b"\n\n", 1),
        (b"\x00\x00\n", 0),
        (b"", 0),
    ],
)
def test_a_body_is_a_list_or_lines(body: bytes, count: int) -> None:
    assert len([item for item in items_of(body) if item]) == count


def test_lines_without_events_end_a_slice_too() -> None:
    clock = itertools.count(step=0.001)
    body = b"\n" * 200_000 + compact(event(1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auditwatch.sources.webhook.reading.time.monotonic", clock.__next__)
        slices = read(body, seconds=0.02)

    assert len(slices) > 1
    assert sum(part.items for part in slices) == len(keys(slices)) == 1


def test_a_list_with_line_breaks_is_a_list() -> None:
    body = json.dumps(json.loads(event_list(event(1), event(2))), indent=2).encode()

    assert len(list(items_of(body))) == 2


@pytest.mark.parametrize(
    ("item", "moment"),
    [
        (compact(event(1)), 1_800_000_000.5),
        (compact(event(1, requestObject={"stageTimestamp": "2001-01-01T00:00:00.000000Z"})), 1_800_000_000.5),
        (b'{"stageTimestamp":"yesterday"}', None),
        (b'{"stageTimestamp":"9999-99-99T99:99:99.000000Z"}', None),
        (b"{}", None),
        (b"", None),
    ],
)
def test_the_time_of_an_event_is_its_own_and_not_one_in_its_body(item: bytes, moment: float | None) -> None:
    assert stage_time(item) == moment
