"""Globs and regular expressions over text an intruder chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.globs import PatternError, glob_matcher, is_literal, regex_matcher

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*", ""),
        ("spec.*", "spec.retention.daily"),
        ("a?c", "abc"),
        ("spec.actions[*].x", "spec.actions[export].x"),
        ("a.c", "a.c"),
        ("*\n*", "a\nb"),
        ("k10-*", "k10-admin"),
    ],
)
def test_a_glob_fits(pattern: str, text: str) -> None:
    assert glob_matcher([pattern])(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("spec.*", "status.x"), ("a?c", "ac"), ("a.c", "abc"), ("[ab]", "a"), ("a*", "ba"), ("A", "a"), ("a", "aa")],
)
def test_a_glob_does_not_fit(pattern: str, text: str) -> None:
    assert not glob_matcher([pattern])(text)


def test_one_of_several_globs_is_enough_and_none_fits_nothing() -> None:
    assert glob_matcher(["a", "b*"])("bc")
    assert not glob_matcher([])("a")
    assert is_literal("a[b]")
    assert not is_literal("a?")


@given(ANY_TEXT)
def test_a_pattern_without_wildcards_fits_itself_alone(text: str) -> None:
    if is_literal(text):
        assert glob_matcher([text])(text)
        assert not glob_matcher([text])(text + "x")


@given(ANY_TEXT, ANY_TEXT)
def test_a_glob_of_beginnings_or_endings_fits_what_re2_says_it_fits(end: str, more: str) -> None:
    end = end.encode(errors="replace").decode().translate({ord("*"): None, ord("?"): None})
    for text in (end, end + more, more + end, more):
        for plain, by_re2 in ((f"{end}*", f"{end}**"), (f"*{end}", f"**{end}")):
            assert glob_matcher([plain])(text) == glob_matcher([by_re2])(text)


def test_globs_of_every_form_stand_side_by_side() -> None:
    fits = glob_matcher(["is", "starts*", "*ends", "in*side"])
    assert [text for text in ("is", "starts so", "so ends", "in its side", "side", "so starts") if fits(text)] == [
        "is",
        "starts so",
        "so ends",
        "in its side",
    ]


@pytest.mark.parametrize("pattern", ["\ud800*", "*\ud800", "*\ud800*", "?", "\ud800"])
def test_half_a_character_is_a_character_of_a_pattern(pattern: str) -> None:
    assert glob_matcher([pattern])("\ud800")


@given(ANY_TEXT)
def test_no_text_makes_a_matcher_raise(text: str) -> None:
    assert glob_matcher(["a*b", "?"])(text) in {True, False}
    assert regex_matcher(["^a.*b$"])(text) in {True, False}


def test_a_regex_is_searched_for() -> None:
    assert regex_matcher([r"b\d"])("ab1c")
    assert not regex_matcher([r"^b\d$"])("ab1c")


@pytest.mark.parametrize("pattern", ["a(b", "(?=a)", "a{2,1}", "\ud800"])
def test_what_re2_refuses_is_an_error_of_ours(pattern: str) -> None:
    with pytest.raises(PatternError):
        regex_matcher([pattern])
