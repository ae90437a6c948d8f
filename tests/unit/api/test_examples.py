"""The examples, read without a server: those to copy are sound, those to avoid are told why."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditwatch.api.parse import ParsedWatch, parse_watch

EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = sorted(EXAMPLES.glob("*.yaml"))
BAD = sorted((EXAMPLES / "invalid").glob("*.yaml"))


def parsed(path: Path) -> ParsedWatch:
    return parse_watch(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_there_are_enough_examples() -> None:
    assert len(GOOD) >= 5
    assert len(BAD) >= 15


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_an_example_has_no_problems(path: Path) -> None:
    assert parsed(path).problems == ()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_a_server_refuses_the_operator_finds_too(path: Path) -> None:
    assert parsed(path).problems


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_an_invalid_example_says_who_finds_it(path: Path) -> None:
    finder, _, message = path.read_text(encoding="utf-8").splitlines()[0].partition(": ")
    assert finder in {"# server", "# operator"}
    assert message


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_the_words_of_a_cross_field_message_are_the_same_on_both_sides(path: Path) -> None:
    """The CEL messages and those of the operator must not drift apart."""
    finder, _, message = path.read_text(encoding="utf-8").splitlines()[0].partition(": ")
    servers_own = ("Unsupported", "Duplicate", "unknown field", "should be", "spec.rules[0]")
    found = "\n".join(map(str, parsed(path).problems))
    assert message in found or (finder == "# server" and message.startswith(servers_own)), found
