"""Shown text: nothing an intruder names can move a cursor, hide or reorder what a person reads."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.texts import counted, cut, escaped, plain, shown
from auditwatch.detection.values import MISSING, UNKNOWN

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (None, ""),
        (MISSING, ""),
        (["b", 1], '["b",1]'),
        ({"b": 1, "a": None}, '{"a":null,"b":1}'),
    ],
)
def test_a_value_reads_as_rules_write_it(value: object, expected: str) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("a\u200bb", "a\\u200bb"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("größe → 1", "größe → 1"),
    ],
)
def test_what_could_deceive_is_written_as_its_escape(text: str, expected: str) -> None:
    assert escaped(text) == expected


@given(ANY_TEXT)
def test_escaped_text_holds_no_hidden_character(text: str) -> None:
    assert not {unicodedata.category(character) for character in escaped(text)} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(ANY_TEXT, st.integers(1, 30))
def test_shown_text_is_never_longer_than_asked(text: str, length: int) -> None:
    assert len(shown(text, length)) <= length


@pytest.mark.parametrize(("number", "told"), [(0, "0 rules"), (1, "1 rule"), (2000, "2,000 rules")])
def test_a_number_and_its_noun_agree(number: int, told: str) -> None:
    assert counted(number, "rule") == told


def test_a_cut_says_that_it_cut() -> None:
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


def test_what_nobody_saw_is_told_from_what_is_not_there() -> None:
    assert shown(UNKNOWN) == "unknown"
    assert shown(MISSING) == "none"
