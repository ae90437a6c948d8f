"""What happened before an AuditWatch was changed is shown if it would have been shown then."""

from __future__ import annotations

from auditwatch.detection.formers import MAX_FORMERS
from auditwatch.detection.signal import Severity
from auditwatch.findings.policies import Policies
from auditwatch.findings.policy import FindingPolicy
from tests.unit.findings.making import START, WATCH, ledger, signal

LOW, CRITICAL = FindingPolicy(min_severity="Low"), FindingPolicy(min_severity="Critical")


def shows(policies: Policies, *, after: float, severity: Severity = "High") -> bool:
    told = signal(1, after=after, severity=severity)
    return policies.of(told).shows(told.severity)


def test_a_watch_that_is_not_known_has_the_default() -> None:
    assert shows(Policies(), after=0)
    assert Policies().get(WATCH) is None


def test_a_higher_least_severity_holds_from_its_time_on() -> None:
    policies = Policies()
    policies.put(WATCH, LOW, at=None)
    policies.put(WATCH, CRITICAL, at=START + 60)

    assert (shows(policies, after=59), shows(policies, after=60)) == (True, False)
    assert shows(policies, after=61, severity="Critical")
    assert policies.get(WATCH) == CRITICAL


def test_a_lower_one_shows_also_what_happened_before() -> None:
    policies = Policies()
    policies.put(WATCH, CRITICAL, at=None)
    policies.put(WATCH, LOW, at=START + 60)

    assert shows(policies, after=1)


def test_of_several_changes_the_first_after_an_event_says_how_it_was() -> None:
    policies = Policies()
    for index, policy in enumerate((LOW, CRITICAL, LOW, CRITICAL)):
        policies.put(WATCH, policy, at=START + 60 * index if index else None)

    assert [shows(policies, after=after) for after in (30, 90, 150, 210)] == [True, False, True, False]


def test_very_many_changes_do_not_push_out_the_first() -> None:
    policies = Policies()
    policies.put(WATCH, LOW, at=None)
    for index in range(3 * MAX_FORMERS):
        policies.put(WATCH, FindingPolicy(min_severity="Critical", max_per_rule=1 + index), at=START + 60 + index)

    assert shows(policies, after=59)


def test_a_clock_set_back_does_not_make_an_earlier_policy_end_before_one_that_is_older() -> None:
    policies = Policies()
    policies.put(WATCH, LOW, at=None)
    policies.put(WATCH, CRITICAL, at=START + 60)
    policies.put(WATCH, FindingPolicy(min_severity="High"), at=START)

    assert [shows(policies, after=after, severity="Medium") for after in (30, 59, 61)] == [True, True, False]


def test_what_is_over_is_forgotten() -> None:
    policies = Policies()
    policies.put(WATCH, LOW, at=None)
    policies.put(WATCH, CRITICAL, at=START + 60)
    policies.end_formers(before=START + 60)
    assert shows(policies, after=1)

    policies.end_formers(before=START + 61)
    assert not shows(policies, after=1)


def test_a_watch_that_is_gone_has_the_default_again() -> None:
    policies = Policies()
    policies.put(WATCH, CRITICAL, at=None)
    policies.drop(WATCH)

    assert shows(policies, after=1, severity="Low")


def test_a_finding_of_before_the_change_has_an_object_and_one_of_afterwards_has_none() -> None:
    book = ledger()
    book.configure(WATCH, LOW)
    book.configure(WATCH, CRITICAL, at=START + 60)
    book.apply([signal(1, name="before", after=59), signal(2, name="after", after=61)])

    assert {state.target.name: state.shown for state in book.states() if state.target} == {
        "before": True,
        "after": False,
    }
