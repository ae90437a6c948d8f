"""Which of several requests is told as the cause of a change, and when nobody claims to know."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.causes import Cause, Explanation, explain
from auditwatch.detection.joiner.fitting import Fit
from auditwatch.detection.joiner.steps import Step

PLACE = ("prod", "config.kio.kasten.io", "policies", "kasten-io", "daily")
STEP = Step(place=PLACE, uid="u-1", verb="update", latest=110.0, seen=110.0)
LISTED = Step(place=PLACE, uid="u-1", verb="update", latest=110.0, seen=110.0, is_single=False)
COLLECTION: dict[str, Any] = {"verb": "deletecollection"}


def cause(
    name: str,
    *,
    end: float = 109.0,
    found: Fit = Fit.POSSIBLE,
    verb: str = "patch",
    outcome: Any = "Succeeded",
    **of: Any,
) -> Cause[str]:
    """A request that was received a second before ``end``."""
    return Cause(name, Asked(place=PLACE, verb=verb, outcome=outcome, start=end - 1, end=end), name, found, **of)


def explained(step: Step, *causes: Cause[str]) -> Explanation[str]:
    found = explain(step, causes)
    assert found is not None
    return found


def test_where_nothing_fits_nobody_did_it() -> None:
    assert explain(STEP, []) is None


def test_the_version_decides_whoever_else_may_have_done_it() -> None:
    found = explained(STEP, cause("near", end=110.0), cause("sure", end=50.0, found=Fit.CERTAIN))

    assert (found.cause.request, found.surely, found.among, found.is_last) == ("sure", "Audited", (), False)


def test_of_two_with_the_same_version_the_earlier_one_made_it() -> None:
    late, early = cause("late", end=109.0, found=Fit.CERTAIN), cause("early", end=108.0, found=Fit.CERTAIN)

    assert explained(STEP, late, early).cause is explained(STEP, early, late).cause is early


def test_a_request_whose_change_is_proven_by_its_version_is_no_suspect_of_another() -> None:
    assert explain(STEP, [cause("sure of another", is_taken=True, is_sure=True)]) is None
    found = explained(STEP, cause("eve"), cause("sure of another", is_taken=True, is_sure=True))

    assert (found.cause.request, found.surely, found.among) == ("eve", "Correlated", ())


def test_a_request_that_explains_a_change_is_a_suspect_and_not_the_cause_of_the_next() -> None:
    found = explained(STEP, cause("eve", end=90.0), cause("bob", end=110.0, is_taken=True))

    assert (found.cause.request, found.surely) == ("eve", "Ambiguous")
    assert [each.request for each in found.among] == ["eve", "bob"]


def test_where_every_request_explains_a_change_already_the_next_one_is_nobodys() -> None:
    assert explain(STEP, [cause("eve", is_taken=True), cause("bob", is_taken=True)]) is None


@pytest.mark.parametrize(
    ("verb", "uids", "is_free"),
    [
        ("deletecollection", ("u-2",), True),
        ("deletecollection", (), True),
        ("delete", ("u-1",), True),
        ("delete", ("u-2",), False),
        ("patch", ("u-1",), False),
        ("update", (), False),
    ],
)
def test_a_deletion_explains_both_steps_of_one_object_and_one_of_many_those_of_all(
    verb: str, uids: tuple[str, ...], *, is_free: bool
) -> None:
    taken = cause("eve", verb=verb, uids=uids, is_taken=True)

    assert taken.is_free(STEP) is is_free
    assert (explain(STEP, [taken]) is not None) is is_free


def test_a_request_that_explains_nothing_yet_may_explain_anything() -> None:
    assert all(cause("eve", verb=verb).is_free(STEP) for verb in ("create", "patch", "delete", "deletecollection"))


@pytest.mark.parametrize(
    ("step", "carrier"),
    [(STEP, "near"), (LISTED, "early")],
    ids=["watched", "listed"],
)
def test_the_nearest_carries_a_change_that_was_watched_and_the_earliest_one_that_was_listed(
    step: Step, carrier: str
) -> None:
    assert explained(step, cause("near", end=109.5), cause("early", end=100.0)).cause.request == carrier


def test_nearest_is_before_or_after() -> None:
    assert explained(STEP, cause("before", end=109.0), cause("after", end=110.5)).cause.request == "after"


def test_one_that_is_known_to_have_succeeded_carries_it_however_far_it_is() -> None:
    found = explained(STEP, cause("open", end=110.0, outcome="Unknown"), cause("known", end=60.0))

    assert (found.cause.request, found.surely, len(found.among)) == ("known", "Ambiguous", 2)


def test_requests_of_one_moment_are_told_apart_by_their_keys() -> None:
    one, other = cause("a"), cause("b")

    assert explained(STEP, one, other) == explained(STEP, other, one)
    assert explained(STEP, other, one).cause is one


def test_suspects_are_named_in_the_order_of_time() -> None:
    found = explained(STEP, cause("third", end=109.0), cause("first", end=100.0), cause("second", end=105.0))

    assert [each.request for each in found.among] == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("causes", "is_last"),
    [
        ((cause("eve"),), True),
        ((cause("eve"), cause("bob", is_taken=True)), True),
        ((cause("eve"), cause("bob")), False),
        ((cause("eve", verb="delete"),), True),
        ((cause("eve", **COLLECTION),), False),
        ((cause("eve", found=Fit.CERTAIN),), False),
    ],
    ids=["alone", "beside one that is taken", "beside one that is free", "a deletion", "of many", "proven"],
)
def test_the_last_request_that_could_have_made_a_change_is_said_to_be_it(
    causes: tuple[Cause[str], ...], *, is_last: bool
) -> None:
    assert explained(STEP, *causes).is_last is is_last


CAUSES = st.lists(
    st.builds(
        cause,
        st.sampled_from("abcdef"),
        end=st.sampled_from([100.0, 105.0, 110.0]),
        found=st.sampled_from([Fit.POSSIBLE, Fit.CERTAIN]),
        verb=st.sampled_from(["patch", "delete", "deletecollection"]),
        outcome=st.sampled_from(["Succeeded", "Unknown"]),
        is_taken=st.booleans(),
        is_sure=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda each: each.key,
)


@given(causes=CAUSES, step=st.sampled_from([STEP, LISTED]), data=st.data())
def test_the_order_in_which_requests_came_decides_nothing(
    causes: list[Cause[str]], step: Step, data: st.DataObject
) -> None:
    assert explain(step, data.draw(st.permutations(causes))) == explain(step, causes)


@given(causes=CAUSES)
def test_several_suspects_are_always_named_and_never_by_a_surer_word(causes: list[Cause[str]]) -> None:
    found = explain(STEP, causes)

    if found is not None:
        assert found.cause in causes
        assert (found.surely == "Ambiguous") is (len(found.among) > 1)
        assert (found.surely == "Audited") is (found.cause.fit is Fit.CERTAIN)


def test_what_fits_nowhere_is_nobodys_suspect() -> None:
    assert explain(STEP, [cause("elsewhere", found=Fit.NONE)]) is None
    assert explained(STEP, cause("eve"), cause("elsewhere", found=Fit.NONE)).surely == "Correlated"
