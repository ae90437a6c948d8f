"""What is said of a log: its state, its trouble with the fix, and what was counted."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.report import FileReport, Tally, report_of
from auditwatch.sources.file.tail import TailFigures
from auditwatch.sources.file.trouble import Trouble, absent, explain, refuse

PATH = Path("/var/log/kubernetes/audit.log")


def report(tally: Tally, figures: TailFigures, *, now: float = 100.0) -> FileReport:
    return report_of(tally, figures, source="audit-log", instance="n", path=str(PATH), now=now)


@pytest.mark.parametrize(
    ("number", "state", "words"),
    [
        (errno.ENOENT, "Absent", "--audit-log-path"),
        (errno.EACCES, "Denied", "run auditwatch agent as user 0"),
        (errno.EPERM, "Denied", "SELinux"),
        (errno.ELOOP, "Refused", "links are not followed"),
        (errno.ENXIO, "Refused", "no regular file"),
        (errno.ENOTDIR, "Refused", "no directory"),
        (errno.EIO, "Failing", "Input/output error"),
        (errno.ESTALE, "Failing", "tried again"),
    ],
)
def test_every_error_is_a_state_and_a_sentence_with_the_path_and_the_fix(number: int, state: str, words: str) -> None:
    trouble = explain(OSError(number, os.strerror(number)), PATH)

    assert trouble.state == state
    assert words in trouble.message
    assert str(PATH) in trouble.message


def test_what_is_absent_or_no_file_is_said_without_an_error() -> None:
    assert absent(PATH).state == "Absent"
    assert refuse(PATH).state == "Refused"


def test_all_is_well_is_said_as_reading_with_its_lag() -> None:
    found = report(Tally(), TailFigures(seen=97.5, lag_bytes=10, files_open=2, files_waiting=3))

    assert (found.state, found.message) == ("Reading", "")
    assert (found.lag, found.last_proof_of_life) == (2.5, 97.5)
    assert (found.lag_bytes, found.files_open, found.files_waiting) == (10, 2, 3)


def test_a_clock_that_went_back_makes_no_negative_lag() -> None:
    assert report(Tally(), TailFigures(seen=97.5), now=50.0).lag == 0.0


def test_before_anything_was_read_there_is_no_proof_of_life() -> None:
    found = report(Tally(), TailFigures())

    assert found.lag is found.last_proof_of_life is found.last_event is None


def test_what_keeps_lines_from_being_handed_over_is_said_first() -> None:
    denied = TailFigures(trouble=Trouble("Denied", "permission denied"))

    assert (report(Tally(), denied).state, report(Tally(), denied).message) == ("Denied", "permission denied")
    found = report(Tally(message="the journal is full"), denied)
    assert (found.state, found.message) == ("Failing", "the journal is full")


def test_lines_are_counted_by_their_form() -> None:
    tally = Tally()
    tally.count([Line(0, b"a"), Line(2, b"b", "Cut"), Line(9, b"c", "Torn"), Line(12, b"d", "Torn")])
    found = report(tally, TailFigures())

    assert (found.read, found.cut, found.torn) == (4, 1, 2)


def test_a_report_does_not_change_with_what_is_counted_later() -> None:
    tally = Tally()
    before = report(tally, TailFigures())
    tally.undecodable["Torn"] += 1
    tally.gaps["HistoryLost"] += 1

    assert before.undecodable == before.gaps == {}
    assert report(tally, TailFigures()).undecodable == {"Torn": 1}
