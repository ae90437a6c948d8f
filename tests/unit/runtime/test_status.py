"""The status of an AuditWatch: honest conditions, exact transition times, and nothing the API would refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.api.conditions import Reason
from auditwatch.api.problems import Problem, validate
from auditwatch.api.watchstatus import WatchStatus
from auditwatch.runtime.registry import WatchEntry
from auditwatch.runtime.status import RULES_SHOWN, Figures, RuleFigures, SourceFigures, watch_status

NOON = 1_790_000_000.0
LIVE = SourceFigures(name="state", type="State", state="Live", last_proof_of_life=NOON)
FIGURES = Figures(sources=[LIVE], rules=[], finding_count=0, durable=True, backlog=0, backlog_since=None)
ENTRY = WatchEntry(uid="u", namespace="ns", name="k10", generation=3, spec=WatchSpec(), rule_set=None)


def rule(name: str, **changes: Any) -> RuleFigures:
    base = RuleFigures(name=name, severity="High", visibility="Partial", reason="NoAuditLog", message="net differences")
    return replace(base, **changes)


def condition(kind: str, entry: WatchEntry = ENTRY, figures: Figures = FIGURES, *, now: float = NOON) -> dict[str, Any]:
    status = watch_status(entry, figures, now=now)
    return next(each for each in status["conditions"] if each["type"] == kind)


def test_a_sound_watch_with_live_sources_is_ready() -> None:
    assert condition("Ready")["status"] == "True"
    assert condition("Ready")["reason"] == Reason.WATCHING
    assert condition("Ready")["observedGeneration"] == 3


def test_every_problem_is_listed_and_the_rest_said_to_be_in_force() -> None:
    problems = (Problem("spec.rules[0].severity", "is not one of …"), Problem("spec.rules[2].match", "is missing"))
    accepted = condition("Accepted", replace(ENTRY, problems=problems))

    assert accepted["status"] == "False"
    assert accepted["reason"] == Reason.INVALID_SPEC
    assert "spec.rules[0].severity: is not one of …; spec.rules[2].match: is missing" in accepted["message"]
    assert "in force" in accepted["message"]


def test_warnings_alone_leave_a_watch_accepted_and_are_told() -> None:
    accepted = condition("Accepted", replace(ENTRY, problems=(Problem("spec.packs[0]", "no such rule", fatal=False),)))

    assert accepted["status"] == "True"
    assert "spec.packs[0]: no such rule" in accepted["message"]


def test_a_watch_where_none_may_be_is_refused_with_the_reason() -> None:
    entry = replace(ENTRY, refused="namespace 'x' may hold no AuditWatch: …")

    assert condition("Accepted", entry)["message"].startswith("namespace 'x'")
    assert condition("Ready", entry)["status"] == "False"


def test_a_paused_watch_says_so_and_is_not_ready() -> None:
    ready = condition("Ready", replace(ENTRY, spec=WatchSpec(paused=True)))

    assert (ready["status"], ready["reason"]) == ("False", Reason.PAUSED)


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("Starting", None, ("Unknown", Reason.STARTING)),
        ("Unavailable", None, ("False", Reason.SOURCE_UNAVAILABLE)),
        ("Degraded", Reason.WATCH_FORBIDDEN, ("False", Reason.WATCH_FORBIDDEN)),
    ],
)
def test_a_source_in_trouble_is_named_with_its_reason(state: Any, reason: Any, expected: tuple[str, Reason]) -> None:
    source = replace(LIVE, state=state, reason=reason, message="policies: needs list")
    available = condition("SourcesAvailable", figures=replace(FIGURES, sources=[source]))

    assert (available["status"], available["reason"]) == expected
    assert available["message"] == "state: policies: needs list"


WAITING = replace(
    LIVE, name="hook", type="Webhook", state="Starting", reason=Reason.WAITING_FOR_FIRST_SENDER, message="nobody yet"
)


def test_a_webhook_that_nobody_was_told_of_yet_is_said_and_does_not_end_readiness() -> None:
    figures = replace(FIGURES, sources=[LIVE, WAITING])
    ready, available = condition("Ready", figures=figures), condition("SourcesAvailable", figures=figures)

    assert (available["status"], available["reason"]) == ("Unknown", "WaitingForFirstSender")
    assert (ready["status"], ready["reason"]) == ("True", Reason.WATCHING)
    assert ready["message"].endswith("; SourcesAvailable is Unknown, WaitingForFirstSender: hook: nobody yet")


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("Degraded", Reason.WATCH_FORBIDDEN, "False"),
        ("Unavailable", Reason.SOURCE_UNAVAILABLE, "False"),
        ("Starting", None, "Unknown"),
    ],
)
def test_it_hides_nothing_that_is_wrong_with_another(state: Any, reason: Any, status: str) -> None:
    figures = replace(FIGURES, sources=[WAITING, replace(LIVE, state=state, reason=reason, message="why")])

    assert condition("SourcesAvailable", figures=figures)["message"] == f"{LIVE.name}: why"
    assert condition("Ready", figures=figures)["status"] == status


def test_a_paused_or_refused_watch_is_not_ready_whatever_it_waits_for() -> None:
    figures = replace(FIGURES, sources=[WAITING])

    assert condition("Ready", replace(ENTRY, spec=WatchSpec(paused=True)), figures)["status"] == "False"
    assert condition("Ready", replace(ENTRY, refused="no"), figures)["status"] == "False"


def test_a_watch_that_names_no_installed_source_says_so() -> None:
    assert condition("SourcesAvailable", figures=replace(FIGURES, sources=[]))["reason"] == Reason.UNKNOWN_SOURCE


def test_an_ephemeral_journal_is_told_with_the_fix() -> None:
    durable = condition("Durable", figures=replace(FIGURES, durable=False))

    assert durable["status"] == "False"
    assert "PersistentVolumeClaim" in durable["message"]


def test_a_backlog_is_told_only_when_it_lasts() -> None:
    young = replace(FIGURES, backlog=7, backlog_since=NOON - 5)
    old = replace(FIGURES, backlog=7, backlog_since=NOON - 31)

    assert condition("Backlogged", figures=young)["status"] == "False"
    assert condition("Backlogged", figures=old)["status"] == "True"
    assert condition("Backlogged", figures=old)["message"].startswith("7 findings")


def test_what_did_not_come_into_force_is_told_with_the_reason() -> None:
    entry = replace(ENTRY, not_in_force="the disk is full")

    for kind in ("Accepted", "Ready"):
        told = condition(kind, entry)
        assert (told["status"], told["reason"]) == ("False", Reason.NOT_IN_FORCE)
        assert "the disk is full (0 rules in force)" in told["message"]


def test_findings_that_are_refused_are_told_with_the_fix_when_it_lasts() -> None:
    old = replace(FIGURES, refused=3, refused_seconds=31.0, refusal="no such namespace; create it")
    told = condition("Backlogged", figures=old)

    assert condition("Backlogged", figures=replace(old, refused_seconds=5.0))["status"] == "False"
    assert (told["status"], told["reason"]) == ("True", Reason.FINDINGS_REFUSED)
    assert told["message"].startswith("3 findings of this watch refused")
    assert told["message"].endswith("no such namespace; create it")


def test_transition_times_move_only_when_the_status_does() -> None:
    first = watch_status(ENTRY, FIGURES, now=NOON)
    entry = replace(ENTRY, status=first)

    kept = condition("Ready", entry, now=NOON + 60)
    moved = condition("Ready", replace(entry, spec=WatchSpec(paused=True)), now=NOON + 60)

    assert kept["lastTransitionTime"] == condition("Ready")["lastTransitionTime"]
    assert moved["lastTransitionTime"] != kept["lastTransitionTime"]


def test_the_same_state_gives_the_same_status() -> None:
    first = watch_status(ENTRY, FIGURES, now=NOON)

    assert watch_status(replace(ENTRY, status=first), FIGURES, now=NOON + 300) == first


def test_rules_are_counted_by_what_they_see() -> None:
    rules = [rule("a"), rule("b", visibility="Blind"), rule("c", visibility="Full", reason="", message="")]
    status = watch_status(ENTRY, replace(FIGURES, rules=rules), now=NOON)

    assert status["visibility"] == {"full": 1, "partial": 1, "blind": 1}
    assert [each["name"] for each in status["rules"]] == ["a", "b"]


def test_a_rule_that_matched_is_shown_even_when_it_sees_everything() -> None:
    seen = rule("c", visibility="Full", reason="", message="", last_match=NOON, matches=4)
    status = watch_status(ENTRY, replace(FIGURES, rules=[seen]), now=NOON)

    assert status["rules"][0]["matches"] == 4
    assert status["lastMatchTime"] == status["rules"][0]["lastMatchTime"]


def test_no_more_rules_are_shown_than_the_api_holds() -> None:
    rules = [rule(f"r{number}", last_match=NOON + number) for number in range(200)]

    assert len(watch_status(ENTRY, replace(FIGURES, rules=rules), now=NOON)["rules"]) == RULES_SHOWN


def test_what_is_written_is_what_the_api_accepts() -> None:
    rules = [rule("a", last_match=NOON, matches=2), rule("b", message="x" * 5000)]
    source = replace(LIVE, state="Degraded", reason=Reason.WATCH_FORBIDDEN, message="y" * 5000, lag_seconds=3)
    status = watch_status(ENTRY, replace(FIGURES, rules=rules, sources=[source]), now=NOON)

    assert validate(WatchStatus, status)[1] == []


def test_a_source_that_is_alive_and_sees_less_than_it_could_is_told_and_does_not_end_readiness() -> None:
    dim = replace(LIVE, reason=Reason.WATCH_FORBIDDEN, message="no right to list pods in namespace kasten-io-mc")
    conditions = watch_status(ENTRY, replace(FIGURES, sources=[dim]), now=NOON)["conditions"]

    told = {each["type"]: (each["status"], each["message"]) for each in conditions}
    assert told["Ready"][0] == told["SourcesAvailable"][0] == "True"
    assert told["SourcesAvailable"][1].endswith("proof of life; state: no right to list pods in namespace kasten-io-mc")
