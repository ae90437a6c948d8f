"""What an Event says: bounded words for machines, one honest line for people."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.changes import Change
from auditwatch.detection.signal import Severity
from auditwatch.detection.values import MISSING
from auditwatch.findings import notice
from auditwatch.findings.state import FindingState
from tests.unit.findings.making import ledger, only, signal


def state_of(**parts: object) -> FindingState:
    book = ledger()
    book.apply([signal(1, **parts)])  # type: ignore[arg-type]  # by keyword
    return only(book)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("policy-deleted", "PolicyDeleted"),
        ("k10-role-granted", "K10RoleGranted"),
        ("x", "X"),
        ("", "FindingDetected"),
        ("…", "FindingDetected"),
    ],
)
def test_a_reason_is_the_rule_in_camel_case(rule: str, reason: str) -> None:
    assert notice.reason(rule) == reason


@given(st.text(max_size=300))
def test_a_reason_is_one_bounded_word_whatever_the_rule(rule: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]{1,128}", notice.reason(rule))


def test_an_event_is_named_after_its_finding_and_reason() -> None:
    name = notice.event_name("policy-deleted-0123456789abcdef", "PolicyDeleted")

    assert re.fullmatch(r"policy-deleted-0123456789abcdef\.[0-9a-f]{8}", name)
    assert name != notice.event_name("policy-deleted-0123456789abcdef", "PolicyPaused")


@pytest.mark.parametrize(
    ("severity", "kind"),
    [("Info", "Normal"), ("Low", "Normal"), ("Medium", "Normal"), ("High", "Warning"), ("Critical", "Warning")],
)
def test_an_event_warns_of_what_must_be_looked_at_today(severity: Severity, kind: str) -> None:
    assert notice.event_type(state_of(severity=severity)) == kind


def test_a_note_says_what_changed_and_that_the_actor_is_a_hint() -> None:
    note = notice.note(state_of(changes=(Change("spec.retention.daily", 30, 1),)))

    assert note == (
        "High: retention of daily was cut (The object's last field manager is kubectl-edit: a hint, not proof; "
        "connect the audit log to learn who.) spec.retention.daily: 30 -> 1"
    )


def test_a_note_names_three_changes_at_most() -> None:
    note = notice.note(state_of(changes=tuple(Change(f"f{index}", 0, 1) for index in range(5))))

    assert "f2: 0 -> 1" in note
    assert "f3" not in note


def test_a_side_that_was_not_there_is_said_in_words() -> None:
    assert "immutable: 30 -> none" in notice.note(state_of(changes=(Change("immutable", 30, MISSING),)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_a_note_fits_the_limit_in_bytes_and_stays_one_line(title: str) -> None:
    note = notice.note(state_of(title=title, changes=(Change("spec.x", title * 9, title * 9),)))

    assert len(note.encode()) <= 1024
    assert "\n" not in note
    assert note.isprintable() or " " in note
