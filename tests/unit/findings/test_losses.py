"""One restart of an API server is one gap, whatever number of kinds lost their history by it."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.signals import gap_signal
from auditwatch.events.activity import Gap
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.losses import LISTED, SUBJECTS, TOGETHER_SECONDS
from auditwatch.findings.state import FindingState
from tests.unit.findings.making import START, WATCH, ledger, only


def a_gap(subject: str = "policies", **parts: Any) -> Gap:
    filled: dict[str, Any] = {"cluster": "prod", "source": "state", "reason": "HistoryLost", "message": "410 Gone"}
    return Gap(**filled | {"start": START - 50.0, "end": START} | parts, subject=subject)


def told(*gaps: Gap, book: Ledger | None = None) -> FindingState:
    """The one finding of gaps that stand in the log in this order."""
    counting = book or ledger()
    for sequence, gap in enumerate(gaps, 1):
        counting.apply([gap_signal(WATCH, sequence, gap)])
    return only(counting)


def test_kinds_that_lost_their_history_together_are_counted_once_with_their_names_and_the_bounds_of_all() -> None:
    state = told(a_gap("pods"), a_gap("profiles", start=START - 90.0, end=START + 31.0), a_gap("policies"))

    assert (state.count, len(state.evidence_head)) == (1, 1)
    assert state.title == (
        "Nothing was seen of pods, profiles, policies from 2027-01-15 07:58:30Z to 2027-01-15 08:00:31Z"
    )
    assert state.description == ("HistoryLost: one loss hid 3: pods, profiles, policies. The last says: 410 Gone")
    assert (state.first_seen, state.last_seen) == (START, START + 31.0)


def test_a_single_kind_is_told_as_it_always_was() -> None:
    state = told(a_gap())

    assert state.title.startswith("Nothing was seen of policies from ")
    assert state.description == "HistoryLost: 410 Gone"


def test_the_list_of_kinds_is_bounded_and_says_how_many_it_leaves_out() -> None:
    state = told(*(a_gap(f"kind-{number}") for number in range(SUBJECTS + 5)))

    assert state.count == 1
    assert state.title.startswith("Nothing was seen of kind-0, kind-1, kind-2 and 66 more from ")
    assert f"kind-{LISTED - 1} and 29 more." in state.description
    assert f"hid {SUBJECTS + 5}:" in state.description
    assert len(state.losses["HistoryLost"].subjects) == SUBJECTS


def test_a_kind_read_in_several_namespaces_is_named_once() -> None:
    assert "hid 1: policies." in told(a_gap(message="in a"), a_gap(message="in b", start=START - 49.0)).description


@pytest.mark.parametrize(("after", "count"), [(TOGETHER_SECONDS, 1), (TOGETHER_SECONDS + 1.0, 2)])
def test_the_next_restart_is_another_gap(after: float, count: int) -> None:
    state = told(a_gap(), a_gap(start=START, end=START + after))

    assert (state.count, len(state.evidence_head)) == (count, count)


def test_losses_of_two_causes_at_one_time_are_two_however_they_mix() -> None:
    polled = [a_gap(name, reason="Downtime", message="was not listed") for name in ("actions", "points")]
    state = told(a_gap("pods"), polled[0], a_gap("profiles"), polled[1])

    assert state.count == 2
    assert state.description == "Downtime: one loss hid 2: actions, points. The last says: was not listed"


def test_changes_that_nobody_explains_are_each_one() -> None:
    assert told(a_gap("a", reason="UnexplainedChange"), a_gap("b", reason="UnexplainedChange")).count == 2


def test_names_that_others_chose_are_shown_escaped_and_cut() -> None:
    state = told(a_gap("a\x1b[31m"), a_gap("b" * 9_000))

    assert "\x1b" not in state.title + state.description
    assert len(state.losses["HistoryLost"].subjects[1]) <= 128


def test_it_goes_on_counting_once_after_a_restart_and_tells_nothing_twice() -> None:
    before, after = ledger(), ledger()
    gaps = [a_gap("pods"), a_gap("profiles"), a_gap("policies")]
    for sequence, gap in enumerate(gaps[:2], 1):
        before.apply([gap_signal(WATCH, sequence, gap)])
    after.restore([(key, row) for key, row in before.take_dirty().items() if row is not None])

    state = told(*gaps, book=after)

    assert (state.count, after.duplicates) == (1, 2)
    assert "hid 3: pods, profiles, policies." in state.description
