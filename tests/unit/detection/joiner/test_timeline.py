"""What is looked at to explain a change: all that can, and however much was done to the object, little else."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.joiner import joiner, receiving
from auditwatch.detection.joiner.asking import Place
from auditwatch.detection.joiner.fitting import fit
from auditwatch.detection.joiner.timeline import Span, Timelines
from auditwatch.detection.joiner.waiting import Waiting
from auditwatch.events.activity import Activity
from tests.unit.detection.joiner.making import change, event, with_audit

HERE: Place = ("prod", "g", "r", "ns", "daily")
THERE: Place = ("prod", "g", "r", "ns", "")
TIMES = st.sampled_from([-math.inf, -5.0, 0.0, 0.5, 1.0, 1.5, 2.0, 60.0, 1e6])
SPANS = st.builds(
    lambda begin, length, version: Span(begin, (0.0 if math.isinf(begin) else begin) + length, version),
    TIMES,
    st.sampled_from([-1.0, 0.0, 0.25, 1.0, 4.0, 100.0, 1e6]),
    st.sampled_from(["", "7", "8"]),
)
PLACES = st.sampled_from([(HERE,), (THERE,), (HERE, THERE)])


@given(st.lists(st.tuples(st.integers(0, 8), PLACES, SPANS, st.booleans()), max_size=25), PLACES, SPANS)
def test_all_that_overlaps_or_has_the_version_is_found_and_nothing_else(
    puts: list[tuple[int, tuple[Place, ...], Span, bool]], places: tuple[Place, ...], asked: Span
) -> None:
    lines: Timelines[int, int] = Timelines()
    there: dict[int, tuple[tuple[Place, ...], Span]] = {}
    for name, at, span, is_kept in puts:
        lines.put(name, name, at, span)
        there[name] = (at, span)
        if not is_kept:
            lines.take(name)
            del there[name]
    about = {name: span for name, (at, span) in there.items() if set(at) & set(places)}
    same = {name for name, span in about.items() if span.version and span.version == asked.version}
    near = {name for name, span in about.items() if span.begin <= asked.end and span.end >= asked.begin}

    assert sorted(lines.near(places, asked)) == sorted(near | same)
    assert sorted(lines.of_version(places, asked.version)) == sorted(same)
    assert sorted(lines.at(HERE)) == sorted(name for name, (at, _) in there.items() if HERE in at)


def test_nothing_is_kept_of_what_was_taken_away() -> None:
    lines: Timelines[int, int] = Timelines()
    lines.put(1, 1, [HERE, THERE], Span(0.0, 1.0, "7"))
    lines.put(1, 1, [HERE], Span(-math.inf, 1.0))
    lines.take(1)
    lines.take(1)

    assert (lines._lines, lines._places) == ({}, {})


def looked_at(told: int) -> int:
    """How often a request is held against a change, in a batch of ten of each, with so many requests told before."""
    desk, counted = with_audit(), mock.Mock(side_effect=fit)
    for start in range(0, told, 500):
        for number in range(start, min(start + 500, told)):
            desk.take(event(at=number / 10, took=0.01, auditID=f"n{number}"), at=number / 10 + 1)
        desk.settle(start / 10 + 60)
    at = told / 10 + 30
    common: dict[str, Any] = {"manager": "kubectl"}
    with mock.patch.object(joiner, "fit", counted), mock.patch.object(receiving, "fit", counted):
        for number in range(10):
            seen = at + number
            desk.take(event(at=seen - 0.02, took=0.005, auditID=f"w{number}"), at=seen + 1)
            desk.take(change(at=seen, since=seen - 0.5, version=f"v{number}", **common), at=seen + 1)
        rows = [*desk.settle(at + 12), *desk.settle(at + 60)]
    assert len([row for row in rows if isinstance(row, Activity) and row.attribution != "Unknown"]) == 10
    return counted.call_count


def test_a_change_is_held_against_no_more_requests_where_many_were_told_of_the_object_long_ago() -> None:
    assert looked_at(2_000) == looked_at(10)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_no_change_waits_longer_than_a_later_one_of_its_object(order: tuple[int, ...]) -> None:
    desk = with_audit(lag=4.0)
    changes = [change(at=float(number), version=f"v{number}") for number in range(4)]
    for place, number in enumerate(order):
        desk.take(changes[number], at=5.0 + place)
    held = sorted(desk.joiner._waiting.steps(), key=lambda step: step.order)

    assert [step.due for step in held] == sorted(step.due for step in held)
    assert held[-1].due == max(step.due for step in held)


def test_what_is_held_no_longer_is_in_no_order_any_more() -> None:
    waiting: Waiting = with_audit(lag=4.0).joiner._waiting
    desk = with_audit(lag=4.0)
    desk.take(*(change(at=float(number), version=f"v{number}") for number in range(3)), at=5.0)
    desk.settle(100.0)

    assert (desk.joiner._waiting._queues, waiting._queues) == ({}, {})
