"""Whatever the order, whatever comes twice, whenever the program dies: the same signals give the same counts."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.detection.signal import SEVERITIES, Severity, Signal
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import FindingState, decode
from tests.unit.findings.making import ledger, signal

STEP = st.tuples(
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.sampled_from(SEVERITIES),
    st.integers(0, 200_000),
    st.integers(1, 5),
)
STREAM = st.lists(STEP, min_size=1, max_size=25)


def stream(steps: list[tuple[str, Severity, int, int]]) -> list[Signal]:
    return [
        signal(index, name=name, severity=severity, after=float(after), count=count)
        for index, (name, severity, after, count) in enumerate(steps, 1)
    ]


def everything(book: Ledger) -> dict[str, FindingState]:
    return {state.key: state for state in book.states()}


def reborn(book: Ledger, saved: dict[str, bytes]) -> Ledger:
    """Save, die and start again."""
    saved.update({key: row for key, row in book.take_dirty().items() if row is not None})
    again = ledger()
    again.restore(saved.items())
    return again


@given(STREAM)
def test_every_signal_is_counted_exactly_once(steps: list[tuple[str, Severity, int, int]]) -> None:
    book = ledger()
    book.apply(stream(steps))
    counted: Counter[str] = Counter()
    for state in book.states():
        assert state.target is not None
        counted[state.target.name] += state.count

    wanted: Counter[str] = Counter()
    for name, _, _, count in steps:
        wanted[name] += count
    assert counted == wanted


@given(STREAM, st.data())
def test_signals_that_come_again_change_nothing(
    steps: list[tuple[str, Severity, int, int]], data: st.DataObject
) -> None:
    signals = stream(steps)
    once = ledger()
    once.apply(signals)
    twice = ledger()
    for index, each in enumerate(signals):
        twice.apply([each])
        start = data.draw(st.integers(0, index))
        twice.apply(signals[start : index + 1])

    assert everything(twice) == everything(once)


@given(STREAM)
def test_the_order_between_targets_does_not_matter(steps: list[tuple[str, Severity, int, int]]) -> None:
    signals = stream(steps)
    shuffled = sorted(signals, key=lambda each: (each.group, each.sequence))
    one, other = ledger(), ledger()
    one.apply(signals)
    other.apply(shuffled)

    assert everything(one) == everything(other)


@settings(max_examples=50)
@given(STREAM, st.data())
def test_dying_at_any_moment_and_replaying_changes_nothing(
    steps: list[tuple[str, Severity, int, int]], data: st.DataObject
) -> None:
    signals = stream(steps)
    whole = ledger()
    whole.apply(signals)
    saved: dict[str, bytes] = {}
    book, done = ledger(), 0
    while done < len(signals):
        upto = data.draw(st.integers(done, len(signals)))
        book.apply(signals[done : upto + 1])
        book = reborn(book, saved)
        done = upto + 1

    assert everything(book) == everything(whole)
    assert {key: decode(row) for key, row in saved.items()} == everything(whole)


@given(STREAM)
def test_names_of_incidents_are_unique(steps: list[tuple[str, Severity, int, int]]) -> None:
    book = ledger()
    book.apply(stream(steps))
    names = [state.name for state in book.states()]

    assert len(set(names)) == len(names)
    assert [state.first_seen <= state.last_seen for state in book.states()] == [True] * len(names)
