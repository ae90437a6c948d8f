"""Triage covers what it saw, and nothing that came after."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.api.findingstatus import FindingStatus
from auditwatch.findings.lifecycle import (
    Lifecycle,
    Triage,
    Watermark,
    read_lifecycle,
    read_triage,
    read_watermark,
    review,
)
from auditwatch.findings.rendering import lifecycle_body
from tests.unit.findings.making import START

HERE = "journal-a"


def mark(sequence: int, journal: str = HERE) -> Watermark:
    return Watermark(journal, sequence)


def reviewed(
    state: str, *, generation: int = 2, novel: int = 5, seen: int = 5, before: Lifecycle | None = None, **parts: Any
) -> Lifecycle:
    triage = Triage(generation=generation, state=state, suppressed_until=parts.pop("until", None))
    marks = {"novel": mark(novel, parts.pop("journal", HERE)), "seen": mark(seen)}
    return review(before or Lifecycle(observed_generation=1), triage=triage, **{"now": START} | marks | parts)


def holds(lifecycle: Lifecycle) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in lifecycle.conditions}


def test_what_nobody_triaged_is_new() -> None:
    lifecycle = review(Lifecycle(), triage=Triage(generation=1), novel=mark(5), seen=mark(0), now=START)

    assert (lifecycle.state, lifecycle.through, lifecycle.observed_generation) == ("New", None, 1)
    assert holds(lifecycle) == {"Acknowledged": "False", "Resolved": "False"}
    assert {condition["reason"] for condition in lifecycle.conditions} == {"AwaitingTriage"}


@pytest.mark.parametrize(
    ("triage", "state", "resolved"),
    [
        ("Acknowledged", "New", "False"),
        ("InProgress", "New", "False"),
        ("Suppressed", "Closed", "True"),
        ("FalsePositive", "Closed", "True"),
        ("Resolved", "Closed", "True"),
    ],
)
def test_each_triage_state_has_its_conditions(triage: str, state: str, resolved: str) -> None:
    lifecycle = reviewed(triage)

    assert lifecycle.state == state
    assert holds(lifecycle) == {"Acknowledged": "True", "Resolved": resolved}
    assert {condition["reason"] for condition in lifecycle.conditions} == {"Triaged"}
    assert lifecycle.through == mark(5)


@pytest.mark.parametrize("triage", ["Acknowledged", "InProgress", "Suppressed", "FalsePositive", "Resolved"])
def test_something_new_after_triage_reopens(triage: str) -> None:
    covered = reviewed(triage)
    lifecycle = reviewed(triage, before=covered, novel=6, seen=9)

    assert lifecycle.state == "Reopened"
    assert holds(lifecycle) == {"Acknowledged": "False", "Resolved": "False"}
    assert "something new happened" not in lifecycle.conditions[0]["message"]
    assert "something new came after triage" in lifecycle.conditions[0]["message"]


def test_more_of_the_same_after_triage_does_not_reopen() -> None:
    covered = reviewed("Resolved")

    assert reviewed("Resolved", before=covered, novel=5, seen=400) == covered


def test_what_was_not_shown_yet_when_people_wrote_is_not_covered() -> None:
    assert reviewed("Resolved", novel=6, seen=5).state == "Reopened"


def test_a_reopened_finding_stays_so_until_people_act() -> None:
    reopened = reviewed("Resolved", novel=6, seen=5)
    later = reviewed("Resolved", before=reopened, novel=6, seen=6)
    closed = reviewed("Resolved", before=later, generation=3, novel=6, seen=6)

    assert (later.state, closed.state) == ("Reopened", "Closed")


def test_taking_triage_back_makes_it_new_again() -> None:
    closed = reviewed("Resolved")
    again = reviewed("New", before=closed, generation=3)

    assert (again.state, again.through) == ("New", None)
    assert holds(again)["Resolved"] == "False"


def test_a_suppression_ends_at_its_time() -> None:
    asleep = reviewed("Suppressed", until=START + 60)
    awake = reviewed("Suppressed", before=asleep, until=START + 60, now=START + 60)

    assert (asleep.state, awake.state) == ("Closed", "Reopened")
    assert awake.conditions[0]["message"] == "triage.suppressUntilTime has passed"


def test_a_suppression_without_an_end_lasts() -> None:
    asleep = reviewed("Suppressed")

    assert reviewed("Suppressed", before=asleep, now=START + 1e9).state == "Closed"


def test_under_another_journal_only_what_that_journal_found_new_reopens() -> None:
    covered = reviewed("Resolved", seen=500)
    quiet = reviewed("Resolved", before=covered, novel=0, journal="journal-b")
    loud = reviewed("Resolved", before=covered, novel=3, journal="journal-b")

    assert (quiet.state, loud.state) == ("Closed", "Reopened")


def test_transition_times_move_only_when_the_status_flips() -> None:
    first = reviewed("Acknowledged", now=START)
    second = reviewed("Resolved", before=first, generation=3, now=START + 60)
    times = {condition["type"]: condition["lastTransitionTime"] for condition in second.conditions}

    assert times == {"Acknowledged": "2027-01-15T08:00:00Z", "Resolved": "2027-01-15T08:01:00Z"}
    assert {condition["observedGeneration"] for condition in second.conditions} == {3}


def test_looking_twice_changes_nothing() -> None:
    for triage in ("New", "Acknowledged", "Suppressed", "Resolved"):
        first = reviewed(triage)
        assert reviewed(triage, before=first, now=START + 999) == first


def test_a_lifecycle_is_read_back_as_it_was_written() -> None:
    lifecycle = reviewed("Resolved")
    finding = {"status": lifecycle_body(lifecycle)}

    assert read_lifecycle(finding, through=lifecycle.through) == lifecycle
    FindingStatus.model_validate(finding["status"])


def test_conditions_of_others_are_not_ours_to_keep() -> None:
    finding = {"status": {"conditions": [{"type": "Delivered", "status": "True"}, "nonsense"]}}

    assert read_lifecycle(finding, through=None).conditions == ()


def test_triage_is_read_with_its_generation() -> None:
    finding = {
        "metadata": {"generation": 4},
        "triage": {"state": "Suppressed", "suppressUntilTime": "2027-01-15T08:00:00Z"},
    }

    assert read_triage(finding) == Triage(generation=4, state="Suppressed", suppressed_until=START)
    assert read_triage({}) == Triage(generation=0)


def test_a_watermark_is_read_from_status() -> None:
    assert read_watermark({"status": {"watermark": {"journalID": "j", "sequence": 3}}}) == Watermark("j", 3)
