"""Kleene's three-valued logic: the laws that make unknown safe."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.kleene import Truth, all_of, any_of, negate

TRUTHS = st.sampled_from([True, False, None])
LISTS = st.lists(TRUTHS, max_size=6)


def _less_known(truth: Truth, known: Truth) -> bool:
    return truth is None or truth is known


@given(TRUTHS)
def test_negating_twice_changes_nothing(truth: Truth) -> None:
    assert negate(negate(truth)) is truth


@given(LISTS)
def test_de_morgan_holds_with_unknown(truths: list[Truth]) -> None:
    assert negate(all_of(truths)) is any_of(map(negate, truths))


@given(LISTS)
def test_order_does_not_matter(truths: list[Truth]) -> None:
    turned = list(reversed(truths))
    assert all_of(truths) is all_of(turned)
    assert any_of(truths) is any_of(turned)


@given(st.lists(st.booleans(), max_size=6))
def test_without_unknown_it_is_ordinary_logic(truths: list[bool]) -> None:
    assert all_of(truths) is all(truths)
    assert any_of(truths) is any(truths)


@given(LISTS, st.sampled_from([True, False]))
def test_learning_more_never_turns_an_answer_around(truths: list[Truth], answer: Truth) -> None:
    before = [*truths, None]
    after = list(before)
    after[after.index(None)] = answer
    assert _less_known(all_of(before), all_of(after))
    assert _less_known(any_of(before), any_of(after))


def test_one_false_decides_an_and_though_the_rest_is_unknown() -> None:
    assert all_of([None, False, None]) is False
    assert all_of([None, True]) is None


def test_one_true_decides_an_or_though_the_rest_is_unknown() -> None:
    assert any_of([None, True, None]) is True
    assert any_of([None, False]) is None


def test_nothing_is_asked_after_the_answer_is_known() -> None:
    asked: list[Truth] = []

    def ask(truths: list[Truth]) -> Iterator[Truth]:
        for truth in truths:
            asked.append(truth)
            yield truth

    assert all_of(ask([True, False, True])) is False
    assert any_of(ask([False, True, False])) is True
    assert asked == [True, False, False, True]
