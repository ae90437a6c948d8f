"""What waiting in vain says: to a test it is a failure, to whoever ran a command it is a message."""

from __future__ import annotations

import pytest

from tests.cluster.errors import ClusterError, NotInTimeError
from tests.cluster.waiting import eventually


def test_waiting_ends_as_soon_as_it_holds() -> None:
    answers = iter([0, "", None, "here"])
    eventually(lambda: next(answers), seconds=60)
    assert list(answers) == []


def test_waiting_in_vain_says_for_what_and_for_how_long() -> None:
    with pytest.raises(NotInTimeError, match="an answer of dockerd did not happen within 0 s"):
        eventually(lambda: False, "an answer of dockerd", seconds=0)


@pytest.mark.parametrize("kind", [ClusterError, AssertionError])
def test_it_is_a_failure_of_tests_and_an_error_that_commands_print(kind: type[Exception]) -> None:
    with pytest.raises(kind):
        eventually(lambda: False, seconds=0)
