"""What the ledger lets go of although nobody was told: as little as can be, and never without bound."""

from __future__ import annotations

from msgspec.structs import replace

from auditwatch.findings import forgetting
from auditwatch.findings.forgetting import Told
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.state import FindingState, decode
from tests.unit.findings.making import START, WATCH, ledger, signal

OTHER = "team-a/k10"
SOON, LATER = START + 60, START + 1e6


def _only(book: Ledger) -> FindingState:
    (state,) = book.states()
    return state


def test_what_a_watch_that_is_gone_had_told_is_dropped_at_once() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, watch=OTHER)])
    book.end(OTHER)

    assert book.forget(Told({state.key: 2 for state in book.states()}), before=SOON) == 1
    assert _only(book).watch == WATCH


def test_what_it_had_not_told_yet_is_kept_until_it_is_told_or_refused() -> None:
    book = ledger()
    book.apply([signal(1, watch=OTHER), signal(2, name="weekly", watch=OTHER)])
    told, refused = book.states()
    book.end(OTHER)

    assert book.forget(Told({}), before=SOON) == 0
    assert book.forget(Told({told.key: 1}, {refused.key}), before=SOON) == 2


def test_what_is_refused_is_kept_as_long_as_its_watch_is_there() -> None:
    book = ledger()
    book.apply([signal(1)])

    assert book.forget(Told({}, {_only(book).key}), before=LATER) == 0
    assert book.given_up == 0


def test_a_watch_that_is_back_keeps_what_is_open() -> None:
    book = ledger()
    book.apply([signal(1)])
    book.end(WATCH)
    book.configure(WATCH, FindingPolicy())

    assert book.forget(Told({_only(book).key: 1}), before=SOON) == 0


def test_watches_that_were_deleted_while_nobody_looked_are_ended() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, watch=OTHER)])
    book.end_others({WATCH})

    assert book.forget(Told({state.key: 2 for state in book.states()}), before=SOON) == 1
    assert _only(book).watch == WATCH


def test_of_too_many_that_are_over_and_refused_the_worst_and_the_newest_stay() -> None:
    book = ledger()
    room = forgetting.KEPT_REFUSED
    book.configure(WATCH, FindingPolicy(max_per_rule=room * 2))
    book.apply([signal(1, name="bad", severity="Critical")])
    book.apply(signal(2 + each, name=f"policy-{each}", after=each) for each in range(room + 1))
    every = list(book.states())
    eldest = [state.key for state in every if state.severity == "High"][:2]

    assert book.forget(Told({}, {state.key for state in every}), before=LATER) == 2
    assert {state.key for state in every} - {state.key for state in book.states()} == set(eldest)
    assert book.given_up == 2


def test_findings_of_which_nothing_was_written_go_where_the_watch_says_now() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(namespace="mistyped"))
    book.apply([signal(1), signal(2, name="weekly")])
    unwritten, written = book.states()
    before = replace(unwritten)
    book.take_dirty()
    book.configure(WATCH, FindingPolicy(namespace="security"))
    book.move_unwritten(WATCH, {written.key})

    moved = f"security/{before.name}"
    dirty = book.take_dirty()
    assert dirty.keys() == {before.key, moved}
    assert dirty[before.key] is None
    assert decode(dirty[moved] or b"") == replace(before, key=moved, namespace="security")
    book.apply([signal(3, after=1)])
    assert sorted((state.namespace, state.count) for state in book.states()) == [("mistyped", 1), ("security", 2)]
