"""Signals are counted into incidents: which one, how often, and never twice."""

from __future__ import annotations

import pytest

from auditwatch.events.activity import Actor
from auditwatch.findings.forgetting import Told
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.state import decode, encode
from tests.unit.findings.making import JOURNAL, START, WATCH, gap_signal, ledger, only, signal, states

DAY = 86_400.0


def test_one_signal_opens_one_incident() -> None:
    book = ledger()
    book.apply([signal(7)])

    state = only(book)
    assert (state.count, state.revision, state.novel, state.epoch) == (1, 7, 7, 1)
    assert (state.first_seen, state.last_seen, state.detected) == (START, START, START + 5)
    assert state.key == f"k10-auditwatch/{state.name}"
    assert state.journal_id == JOURNAL


def test_an_incident_names_the_page_where_the_installer_publishes_it() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(runbooks="https://wiki.example.com/{name}"))
    book.apply([signal(1, runbook="retention-cut")])

    assert only(book).runbook == "https://wiki.example.com/retention-cut"


def test_the_same_target_again_is_the_same_incident() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=60), signal(5, after=3600)])

    state = only(book)
    assert (state.count, state.revision) == (3, 5)
    assert (state.first_seen, state.last_seen) == (START, START + 3600)


def test_another_target_is_another_incident() -> None:
    book = ledger()
    book.apply([signal(1, name="daily"), signal(2, name="weekly")])

    assert [state.target.name for state in states(book) if state.target] == ["daily", "weekly"]


@pytest.mark.parametrize("other", [{"rule": "policy-paused"}, {"watch": "shop/k10"}])
def test_rules_and_watches_have_incidents_of_their_own(other: dict[str, str]) -> None:
    book = ledger()
    book.apply([signal(1), signal(2, **other)])  # type: ignore[arg-type]  # by keyword

    assert len(states(book)) == 2


def test_a_signal_that_makes_no_finding_is_passed_over() -> None:
    book = ledger()
    book.apply([signal(1, emits_finding=False)])

    assert book.take_dirty() == {}


def test_a_signal_counts_as_many_activities_as_it_stands_for() -> None:
    book = ledger()
    book.apply([signal(1, count=40), signal(2, count=2)])

    assert only(book).count == 42


def test_a_signal_counts_at_least_once() -> None:
    book = ledger()
    book.apply([signal(1, count=0)])

    assert only(book).count == 1


def test_event_time_decides_first_and_last_and_not_the_order_of_the_log() -> None:
    book = ledger()
    book.apply([signal(1, after=100), signal(2, after=50), signal(3, after=300), signal(4, after=200)])

    state = only(book)
    assert (state.first_seen, state.last_seen) == (START + 50, START + 300)


def test_a_signal_at_or_below_the_watermark_is_not_counted_again() -> None:
    book = ledger()
    book.apply([signal(1), signal(2), signal(2), signal(1)])

    assert only(book).count == 2
    assert book.duplicates == 2


def test_the_same_activity_under_a_later_sequence_is_not_counted_again() -> None:
    book = ledger()
    again = signal(1)
    book.apply([signal(1), signal(2, activity=again.activity)])

    assert only(book).count == 1


def test_a_gap_makes_an_incident_without_a_target() -> None:
    book = ledger()
    book.apply([gap_signal(1)])

    state = only(book)
    assert state.target is None
    assert state.attribution == "Unknown"
    assert (state.evidence_head[0].kind, state.evidence_head[0].not_before) == ("Gap", START - 60)


# Incidents end


def test_quiet_for_longer_than_reopen_after_makes_a_new_incident() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=DAY + 1)])

    first, second = states(book)
    assert (first.count, first.epoch, second.count, second.epoch) == (1, 1, 1, 2)
    assert first.fingerprint == second.fingerprint
    assert first.name != second.name


def test_quiet_for_exactly_reopen_after_is_the_same_incident() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=DAY)])

    assert only(book).count == 2


def test_each_signal_keeps_the_incident_open_for_longer() -> None:
    book = ledger()
    book.apply([signal(index, after=index * DAY) for index in range(1, 6)])

    assert only(book).count == 5


def test_the_watch_says_how_long_an_incident_stays_open() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(reopen_after_seconds=10))
    book.apply([signal(1), signal(2, after=11)])

    assert [state.epoch for state in states(book)] == [1, 2]


def test_a_replay_into_an_incident_that_is_over_opens_no_new_one() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(reopen_after_seconds=10))
    book.apply([signal(1), signal(2, after=11)])
    book.take_dirty()
    book.apply([signal(1), signal(2, after=11)])

    assert book.take_dirty() == {}


def test_incidents_that_are_over_and_told_are_forgotten() -> None:
    book = ledger()
    book.apply([signal(1, name="daily"), signal(2, name="weekly", after=DAY)])
    daily, _ = states(book)

    assert book.forget(Told({daily.key: 1}), before=START + DAY + 60) == 1
    assert book.take_dirty() == {daily.key: None}
    assert len(book) == 1


def test_an_incident_that_is_not_told_yet_is_kept() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=1)])
    state = only(book)

    assert book.forget(Told({state.key: 1}), before=START + 9 * DAY) == 0
    assert book.forget(Told({}), before=START + 9 * DAY) == 0
    assert book.forget(Told({state.key: 2}), before=START + 9 * DAY) == 1


def test_an_open_incident_is_never_forgotten() -> None:
    book = ledger()
    book.apply([signal(1)])

    assert book.forget(Told({only(book).key: 1}), before=START + DAY) == 0


# What changed


def test_only_what_changed_is_given_out() -> None:
    book = ledger()
    book.apply([signal(1, name="daily"), signal(2, name="weekly")])
    book.take_dirty()
    book.apply([signal(3, name="weekly", after=1)])

    assert only(book).count == 2
    assert book.take_dirty() == {}


def test_a_restored_ledger_goes_on_where_it_stood() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=1)])
    rows = [(key, row) for key, row in book.take_dirty().items() if row is not None]
    again = ledger()
    again.restore(rows)
    again.apply([signal(2, after=1), signal(3, after=2)])

    state = only(again)
    assert (state.count, state.revision) == (3, 3)


def test_restoring_changes_nothing_that_would_have_to_be_saved() -> None:
    book = ledger()
    book.apply([signal(1)])
    rows = [(key, row) for key, row in book.take_dirty().items() if row is not None]
    again = ledger()
    again.restore(rows)

    assert again.take_dirty() == {}


def test_of_two_restored_incidents_the_later_one_is_continued() -> None:
    book = ledger()
    book.apply([signal(1), signal(2, after=DAY + 1)])
    rows = [(key, row) for key, row in book.take_dirty().items() if row is not None]
    for order in (rows, rows[::-1]):
        again = ledger()
        again.restore(order)
        again.apply([signal(3, after=DAY + 2)])
        assert only(again).epoch == 2


def test_a_state_survives_the_journal() -> None:
    book = ledger()
    book.apply([signal(1, actor=Actor(id="jane@example.com", manager="kubectl")), signal(2, after=0.25)])
    state = only(book)

    assert decode(encode(state)) == state


# Severity below the watch's minimum


def test_below_the_minimum_severity_an_incident_is_counted_and_not_shown() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(min_severity="Medium"))
    book.apply([signal(1, severity="Low"), signal(2, severity="Low")])

    state = only(book)
    assert (state.shown, state.count) == (False, 2)
    assert book.count_of(WATCH) == 0


def test_an_incident_shows_with_its_whole_count_once_it_is_severe_enough() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(min_severity="Medium"))
    book.apply([signal(1, severity="Low"), signal(2, severity="High")])

    state = only(book)
    assert (state.shown, state.count, state.initial_severity, state.severity) == (True, 2, "Low", "High")
    assert book.count_of(WATCH) == 1


def test_lowering_the_minimum_shows_what_was_hidden() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(min_severity="High"))
    book.apply([signal(1, severity="Low")])
    book.take_dirty()
    book.configure(WATCH, FindingPolicy(min_severity="Info"))

    assert only(book).shown


def test_raising_the_minimum_hides_nothing_that_has_an_object() -> None:
    book = ledger()
    book.apply([signal(1, severity="Low")])
    book.configure(WATCH, FindingPolicy(min_severity="Critical"))

    assert only(book).shown


def test_a_hidden_incident_that_is_over_needs_no_publishing_to_be_forgotten() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(min_severity="Critical"))
    book.apply([signal(1, severity="Low")])

    assert book.forget(Told({}), before=START + 2 * DAY) == 1


def test_findings_go_to_the_namespace_the_policy_names() -> None:
    book = ledger()
    book.configure(WATCH, FindingPolicy(namespace="security"))
    book.apply([signal(1), signal(2, watch="shop/k10")])

    assert {state.namespace for state in states(book)} == {"security", "shop"}


def test_the_clock_only_dates_the_detection() -> None:
    times = iter([5.0])
    book = Ledger(journal_id=JOURNAL, cluster="prod", clock=lambda: next(times))
    book.apply([signal(1), signal(2)])

    assert only(book).detected == 5.0
