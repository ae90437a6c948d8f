"""Findings of one act: folded under the story that tells all of it, with nothing of them lost."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.signal import Absorption, Signal
from auditwatch.events.activity import Actor
from auditwatch.findings.forgetting import Told
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.rendering import status
from auditwatch.findings.state import FindingState
from tests.unit.findings.acting import BOB, MALLORY, audited
from tests.unit.findings.making import WATCH, ledger, signal

COUNTED = Absorption("content-deleted", 3600.0)
JOINED = Absorption("points-deleted", 3600.0, (("k10.appNamespace", "target.namespace"),))


def _content(sequence: int, *, actor: Actor = MALLORY, policy: str = "daily", **parts: Any) -> Signal:
    filled: dict[str, Any] = {"group": (("k10.policyName", policy),), "severity": "Low"} | parts
    return signal(sequence, name=f"shop-{sequence}", rule="content-deleted", actor=actor, **filled)


def _story(sequence: int, *contributors: int, app: str = "shop", **parts: Any) -> Signal:
    filled: dict[str, Any] = (
        {"group": (("k10.appNamespace", app),), "contributors": contributors, "count": len(contributors)}
        | {"absorbs": (COUNTED, JOINED), "severity": "High"}
        | parts
    )
    return signal(sequence, name=f"shop-{sequence}", rule="contents-deleted-many", **filled)


def _points(sequence: int, *, namespace: str = "shop", **parts: Any) -> Signal:
    return signal(
        sequence, name=f"rp-{sequence}", rule="points-deleted", group=(("target.namespace", namespace),), **parts
    )


def _rows(book: Ledger, *rows: list[Signal]) -> None:
    for row in rows:
        book.apply(row)


def _by_rule(book: Ledger) -> dict[str, FindingState]:
    return {state.rule: state for state in book.states()}


def _dispositions(book: Ledger) -> dict[str, str]:
    return {state.rule: status(state)["disposition"] for state in book.states()}


def test_what_a_story_counted_is_told_by_it_alone() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2), _story(2, 1, 2)])
    found = _by_rule(book)
    assert _dispositions(book) == {"content-deleted": "Superseded", "contents-deleted-many": "Open"}
    assert found["content-deleted"].superseded_by == found["contents-deleted-many"].name
    assert book.count_of(WATCH) == 1


def test_what_comes_after_goes_on_under_the_story() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2), _story(2, 1, 2)], [_content(3), _story(3, 1, 2, 3, count=1)])
    assert _dispositions(book) == {"content-deleted": "Superseded", "contents-deleted-many": "Open"}
    assert _by_rule(book)["contents-deleted-many"].count == 3


def test_a_finding_with_more_than_the_story_counted_stays_open() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2)], [_content(3), _story(3, 2, 3)])
    folded = _by_rule(book)["content-deleted"]
    assert (folded.count, folded.superseded, _dispositions(book)["content-deleted"]) == (3, 2, "Open")


def test_the_story_names_everybody_and_everything_the_others_named() -> None:
    book = ledger()
    first = [_content(1, actor=BOB, attribution="Audited")]
    _rows(book, first, [_content(2), _story(2, 1, 2, actor=MALLORY)])
    story = _by_rule(book)["contents-deleted-many"]
    assert [actor.id for actor in story.actors] == [MALLORY.id, BOB.id]
    assert [target.name for target in story.targets] == ["shop-2", "shop-1"]
    assert (story.target_count, story.attribution, story.first_seen) == (2, "Audited", story.last_seen)


def test_the_story_is_as_grave_as_the_gravest_it_took_over() -> None:
    book = ledger()
    _rows(book, [_content(1, severity="Critical")], [_content(2), _story(2, 1, 2)])
    story = _by_rule(book)["contents-deleted-many"]
    assert (story.severity, story.initial_severity) == ("Critical", "High")


def test_a_story_that_is_muted_takes_nothing() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2), _story(2, 1, 2, emits_finding=False)])
    assert _dispositions(book) == {"content-deleted": "Open"}


def test_a_story_too_low_to_be_shown_takes_nothing() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(namespace="", min_severity="High"))
    _rows(book, [_content(1, severity="Critical")], [_content(2), _story(2, 1, 2, severity="Low")])
    assert _dispositions(book)["content-deleted"] == "Open"


@pytest.mark.parametrize("order", ["before", "after"])
def test_findings_about_the_same_are_folded_whichever_comes_first(order: str) -> None:
    book = ledger()
    story, points = [_story(2, 1, 2)], [_points(3 if order == "after" else 1)]
    _rows(book, *([points, story] if order == "before" else [story, points]))
    assert _dispositions(book) == {"points-deleted": "Superseded", "contents-deleted-many": "Open"}
    assert {target.name for target in _by_rule(book)["contents-deleted-many"].targets} == {
        "shop-2",
        "rp-1" if order == "before" else "rp-3",
    }


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(_points(3, namespace="bank"), id="of another application"),
        pytest.param(_points(3, after=3601.0), id="more than the story's time later"),
        pytest.param(_points(3, after=-3601.0), id="more than the story's time before"),
    ],
)
def test_findings_about_something_else_stay(points: Signal) -> None:
    book = ledger()
    _rows(book, [_story(2, 1, 2)], [points])
    assert _dispositions(book) == {"points-deleted": "Open", "contents-deleted-many": "Open"}


@pytest.mark.parametrize("value", ["", "Unknown"])
def test_what_nobody_saw_is_the_same_as_nothing(value: str) -> None:
    book = ledger()
    _rows(book, [_story(2, 1, 2, app=value)], [_points(3, namespace=value)])
    assert _dispositions(book)["points-deleted"] == "Open"


def test_who_becomes_known_late_becomes_known_of_the_story() -> None:
    book = ledger()
    hint = Actor(manager="kubectl")
    first = _content(1, actor=hint)
    _rows(book, [first], [_content(2, actor=hint), _story(2, 1, 2, actor=hint)])
    assert first.activity is not None
    known = audited(5, MALLORY, key=first.activity.key, target=first.activity.target)
    book.apply([_content(5, activity=known, amends=True, former=first.activity)])
    story = _by_rule(book)["contents-deleted-many"]
    assert MALLORY.id in [actor.id for actor in story.actors]
    assert (story.attribution, story.revision) == ("Audited", 5)


def test_it_goes_on_after_a_restart() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2), _story(2, 1, 2)])
    again = ledger()
    again.restore([(key, row) for key, row in book.take_dirty().items() if row is not None])
    _rows(again, [_points(3)], [_content(4), _story(4, 1, 2, 4, count=1)])
    assert _dispositions(again) == {
        "content-deleted": "Superseded",
        "points-deleted": "Superseded",
        "contents-deleted-many": "Open",
    }


def test_nothing_moves_when_the_same_row_comes_again() -> None:
    book = ledger()
    row = [_content(2), _story(2, 1, 2)]
    _rows(book, [_content(1)], row)
    book.take_dirty()
    book.apply(row)
    assert book.take_dirty() == {}


def test_what_is_over_is_forgotten_with_its_relations() -> None:
    book = ledger()
    _rows(book, [_content(1)], [_content(2), _story(2, 1, 2)])
    published = {state.key: 100 for state in book.states()}
    assert book.forget(Told(published), before=2_000_000_000.0) == 2
    _rows(book, [_content(7, after=90_000.0)])
    assert _dispositions(book) == {"content-deleted": "Open"}
