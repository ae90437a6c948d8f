"""Whether a request can have made a change: object, verb, version, time and writer, each alone and at its border."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.fitting import SLACK_SECONDS, Fit, fit, places_of
from auditwatch.detection.joiner.steps import Step

PLACE = ("prod", "config.kio.kasten.io", "policies", "kasten-io", "daily")
VERBS = ("create", "update", "patch", "delete", "deletecollection")


def asked(verb: str = "patch", **fields: Any) -> Asked:
    """A request that was received at 100 and answered at 101."""
    filled: dict[str, Any] = {"place": PLACE, "outcome": "Succeeded", "start": 100.0, "end": 101.0, "writes": True}
    return Asked(verb=verb, **(filled | fields))


def step(verb: Any = "update", **fields: Any) -> Step:
    """A change that was watched between 90 and 102."""
    filled: dict[str, Any] = {"place": PLACE, "uid": "u-1", "earliest": 90.0, "latest": 102.0, "seen": 102.0}
    filled["ends"] = verb == "delete"
    return Step(verb=verb, **(filled | fields))


def fits(request: Asked, change: Step) -> bool:
    return fit(request, change) is not Fit.NONE


@pytest.mark.parametrize(
    ("change", "verbs"),
    [
        (step("create"), {"create", "update", "patch"}),
        (step("update"), {"update", "patch"}),
        (step("update", ends=True), {"delete", "deletecollection"}),
        (step("update", was_ending=True), {"update", "patch"}),
        (step("delete"), {"delete", "deletecollection"}),
    ],
    ids=["made", "changed", "marked for deletion", "changed on its way out", "gone"],
)
def test_each_change_is_the_work_of_the_verbs_that_can_make_it(change: Step, verbs: set[str]) -> None:
    places = {"deletecollection": (*PLACE[:4], "")}

    assert {verb for verb in VERBS if fits(asked(verb, place=places.get(verb, PLACE)), change)} == verbs


def test_what_writes_nothing_made_no_change() -> None:
    assert not fits(asked(writes=False), step())
    assert not fits(asked(writes=False, version="11"), step(version="11"))


@pytest.mark.parametrize("part", range(4))
def test_what_is_about_another_cluster_group_resource_or_namespace_made_no_change(part: int) -> None:
    other = tuple("other" if index == part else name for index, name in enumerate(PLACE))

    assert not fits(asked(place=other), step())
    assert not fits(asked(place=other, version="11"), step(version="11"))


@pytest.mark.parametrize(
    ("verb", "change", "may"),
    [
        ("create", "create", True),
        ("deletecollection", "delete", True),
        ("patch", "create", False),
        ("update", "update", False),
        ("delete", "delete", False),
    ],
)
def test_only_a_creation_and_a_deletion_of_many_may_name_no_object(verb: str, change: str, *, may: bool) -> None:
    assert fits(asked(verb, place=(*PLACE[:4], "")), step(change)) is may


def test_a_deletion_of_many_in_all_namespaces_is_about_an_object_of_each() -> None:
    everywhere = (*PLACE[:3], "", "")

    assert fits(asked("deletecollection", place=everywhere), step("delete"))
    assert not fits(asked("deletecollection", place=(*PLACE[:2], "profiles", "", "")), step("delete"))


def test_a_change_is_looked_for_by_name_in_its_namespace_and_everywhere_each_place_once() -> None:
    assert places_of(step()) == (PLACE, (*PLACE[:4], ""), (*PLACE[:3], "", ""))
    cluster_scoped = ("prod", "", "namespaces", "", "shop")
    assert places_of(step(place=cluster_scoped)) == (cluster_scoped, (*cluster_scoped[:4], ""))


@pytest.mark.parametrize(
    ("mine", "its", "may"),
    [
        ("u-1", "u-1", True),
        ("u-2", "u-1", False),
        ("", "u-1", True),
        ("u-1", "", True),
        ("u-2", "kasten-io/daily", True),
        ("kasten-io/other", "u-1", True),
    ],
)
def test_two_uids_that_differ_are_two_objects_where_both_are_uids(mine: str, its: str, *, may: bool) -> None:
    assert fits(asked(uid=mine), step(uid=its)) is may


@pytest.mark.parametrize(
    ("created", "change", "may"),
    [
        (None, step("create"), True),
        (True, step("create"), True),
        (False, step("create"), False),
        (False, step("create", is_single=False), True),
        (None, step("update"), True),
        (True, step("update"), False),
        (True, step("update", is_single=False), False),
        (False, step("update"), True),
    ],
)
def test_a_request_that_made_its_object_changed_none_and_one_that_found_it_made_none(
    *, created: bool | None, change: Step, may: bool
) -> None:
    assert fits(asked(created=created), change) is may


@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_the_version_of_the_answer_is_proof(verb: str) -> None:
    change = step("create" if verb == "create" else "update", version="11")

    assert fit(asked(verb, version="11"), change) is Fit.CERTAIN
    assert fit(asked(verb, version="12"), change) is Fit.NONE


def test_the_version_is_proof_at_any_time_and_by_any_writer() -> None:
    change = step(version="11", earliest=500.0, latest=600.0, manager="helm")

    assert fit(asked(version="11", manager="kubectl"), change) is Fit.CERTAIN
    assert fit(asked(manager="kubectl"), change) is Fit.NONE


def test_another_version_is_another_write_only_where_exactly_one_was_seen() -> None:
    assert fit(asked(version="10"), step(version="11")) is Fit.NONE
    assert fit(asked(version="10"), step(version="11", is_single=False)) is Fit.POSSIBLE


@pytest.mark.parametrize(("mine", "its"), [("", "11"), ("11", ""), ("", "")])
def test_a_version_that_only_one_side_has_proves_nothing_and_excludes_nothing(mine: str, its: str) -> None:
    assert fit(asked(version=mine), step(version=its)) is Fit.POSSIBLE


def test_a_deletion_is_never_proven_by_a_version() -> None:
    assert fit(asked("delete", version="11"), step("delete", version="11")) is Fit.POSSIBLE
    assert fit(asked("delete", version="12"), step("delete", version="11")) is Fit.POSSIBLE


@pytest.mark.parametrize(
    ("earliest", "latest", "may"),
    [
        (90.0, 100.0 - SLACK_SECONDS, True),
        (90.0, 99.99 - SLACK_SECONDS, False),
        (101.0 + SLACK_SECONDS, 200.0, True),
        (101.01 + SLACK_SECONDS, 200.0, False),
        (100.5, 100.6, True),
        (None, 100.0, True),
        (None, 99.99 - SLACK_SECONDS, False),
        (0.0, 1e9, True),
    ],
)
def test_a_request_fits_while_it_and_the_change_are_within_the_slack_of_clocks(
    earliest: float | None, latest: float, *, may: bool
) -> None:
    assert fits(asked(), step(earliest=earliest, latest=latest)) is may


@given(
    start=st.floats(0, 1000),
    took=st.floats(0, 60),
    earliest=st.floats(0, 1000),
    length=st.floats(0, 60),
    shift=st.sampled_from([-512.0, 0.0, 1024.0]),
)
def test_a_request_within_the_interval_of_a_change_always_fits_it(
    start: float, took: float, earliest: float, length: float, shift: float
) -> None:
    request = asked(start=start + shift, end=start + took + shift)
    around = step(earliest=start + shift, latest=start + took + shift)
    elsewhere = step(earliest=earliest + shift, latest=earliest + length + shift)

    assert fits(request, around)
    if fits(request, elsewhere):
        assert fits(request, msgspec.structs.replace(elsewhere, latest=elsewhere.latest + 10.0))
        assert fits(request, msgspec.structs.replace(elsewhere, earliest=None))


@pytest.mark.parametrize(
    ("request_", "change", "may"),
    [
        (asked(manager="kubectl"), step(manager="kubectl"), True),
        (asked(manager="helm"), step(manager="kubectl"), False),
        (asked(manager=""), step(manager="kubectl"), True),
        (asked(manager="helm"), step(manager=""), True),
        (asked(manager="helm"), step(manager="kubectl", is_single=False), True),
        (asked("delete", manager="helm"), step("delete", manager="kubectl"), True),
        (asked("delete", manager="helm"), step("update", manager="kubectl", ends=True), True),
        (asked("create", manager="helm"), step("create", manager="kubectl"), False),
        (asked("update", manager="helm"), step("create", manager="kubectl"), False),
        (asked("update", manager="helm"), step("update", manager="kubectl"), False),
    ],
)
def test_a_single_write_that_the_server_signed_with_another_name_is_anothers(
    request_: Asked, change: Step, *, may: bool
) -> None:
    assert fits(request_, change) is may
