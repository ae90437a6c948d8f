"""What becomes known late of a counted activity is put into its finding: nothing is counted, nothing is lowered."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace as changed

from auditwatch.detection.changes import Change
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Actor
from auditwatch.findings.rendering import status
from tests.unit.findings.making import ledger, only, signal, states

PAUSED = Change("spec.paused", False, True)
EVE = Actor(id="eve", name="eve", kind="User")
UNKNOWN, BY_EVE = (("actor.id", "Unknown"),), (("actor.id", "eve"),)


def amending(sequence: int, first: Signal, **parts: Any) -> Signal:
    """More of what ``first`` told, in a later row."""
    assert first.activity is not None
    again = signal(sequence, actor=EVE, attribution="Audited", **parts)
    assert again.activity is not None
    known = changed(again.activity, key=first.activity.key)
    return changed(again, activity=known, amends=True)


def test_it_names_the_actor_raises_the_attribution_and_counts_nothing() -> None:
    book, first = ledger(), signal(1, attribution="Unknown", actor=Actor())
    book.apply([first, amending(2, first, changes=(PAUSED,))])

    state = only(book)
    assert (state.count, state.attribution, state.revision) == (1, "Audited", 2)
    assert [actor.id for actor in state.actors] == ["eve"]
    assert [change.path for change in state.changes] == ["spec.paused"]
    assert book.amended == 1


def test_its_evidence_is_corrected_in_place() -> None:
    book, first = ledger(), signal(1, attribution="Unknown", actor=Actor())
    book.apply([first, signal(2), amending(3, first)])

    state = only(book)
    assert [(evidence.key, evidence.actor) for evidence in state.evidence_head] == [
        (first.activity.key if first.activity else "", "eve"),
        (f"{2:016x}" * 4, "kubectl-edit"),
    ]


def test_severity_only_rises() -> None:
    book, first = ledger(), signal(1, severity="High")
    book.apply([first, amending(2, first, severity="Low")])
    assert only(book).severity == "High"

    book, first = ledger(), signal(1, severity="Low")
    book.apply([first, amending(2, first, severity="Critical")])
    assert only(book).severity == "Critical"


def test_a_new_actor_is_news_for_triage() -> None:
    book, first = ledger(), signal(1, attribution="Unknown", actor=Actor())
    book.apply([first, amending(2, first)])

    assert only(book).novel == 2


def test_the_same_correction_again_changes_nothing() -> None:
    book, first = ledger(), signal(1, attribution="Unknown", actor=Actor())
    second = amending(2, first)
    book.apply([first, second, second])

    assert (only(book).count, book.amended) == (1, 1)


def test_a_correction_of_what_no_finding_holds_makes_none() -> None:
    book = ledger()
    book.apply([amending(2, signal(1))])

    assert states(book) == []


def test_everybody_who_may_have_done_it_is_named() -> None:
    first = signal(1, attribution="Ambiguous", actor=EVE)
    assert first.activity is not None
    book = ledger()
    book.apply([changed(first, activity=changed(first.activity, suspects=(EVE, Actor(id="bob"))))])

    assert [actor.id for actor in only(book).actors] == ["eve", "bob"]


def moved(sequence: int, **parts: Any) -> Signal:
    """An activity that was counted under nobody, and is known to be eve's now."""
    return changed(
        signal(sequence, actor=EVE, attribution="Audited", group=BY_EVE, **parts),
        supersedes=UNKNOWN,
        superseded_count=1,
    )


def test_a_finding_of_which_all_is_told_by_another_is_superseded() -> None:
    book = ledger()
    book.apply([signal(1, group=UNKNOWN, attribution="Unknown", actor=Actor()), moved(2)])
    former, better = states(book)

    assert (former.count, better.count, former.superseded_by) == (1, 1, better.name)
    assert (status(former)["disposition"], status(former)["supersededBy"]) == ("Superseded", better.name)
    assert (status(better)["disposition"], status(better)["supersededBy"]) == ("Open", None)


def test_a_finding_of_which_only_a_part_is_told_by_another_stays_open() -> None:
    book = ledger()
    book.apply([signal(1, group=UNKNOWN), signal(2, group=UNKNOWN), moved(3)])
    former, _ = states(book)

    assert (former.count, former.superseded, status(former)["disposition"]) == (2, 1, "Open")


def test_superseding_is_kept_over_a_restart() -> None:
    book = ledger()
    book.apply([signal(1, group=UNKNOWN), moved(2)])
    rows = {key: row for key, row in book.take_dirty().items() if row is not None}
    again = ledger()
    again.restore(rows.items())

    assert sorted(status(state)["disposition"] for state in again.states()) == ["Open", "Superseded"]
