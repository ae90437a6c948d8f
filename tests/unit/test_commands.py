"""How commands of people end."""

from __future__ import annotations

import pytest

from tests.cluster.commands import FAILED, INTERRUPTED, exit_code
from tests.cluster.errors import ClusterError


def test_a_commands_own_exit_code_is_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: 3) == 3
    assert capsys.readouterr().err == ""


def test_an_expected_problem_is_a_message_with_its_fix_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> int:
        raise ClusterError("no daemon: start one")

    assert exit_code(refused) == FAILED
    assert capsys.readouterr().err == "error: no daemon: start one\n"


def test_who_interrupts_gets_the_shells_code() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert exit_code(interrupted) == INTERRUPTED


def test_what_nobody_expected_is_shown_whole() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        exit_code(broken)
