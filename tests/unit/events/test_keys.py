"""Content keys: the same activity has one key, and different activity never shares one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.activity import Gap, StateChange
from auditwatch.events.keys import gap_key, state_change_key

CHANGE = StateChange(
    cluster="c",
    group="config.kio.kasten.io",
    version="v1alpha1",
    resource="policies",
    namespace="kasten-io",
    name="daily",
    uid="u1",
    verb="update",
    old={"a": 1},
    new={"a": 2},
    old_version="10",
    new_version="11",
    observed=5.0,
)
GAP = Gap(cluster="c", source="state", subject="policies", reason="HistoryLost", message="m", start=1.0, end=2.0)


def test_a_key_is_a_sha256_in_hex() -> None:
    assert len(bytes.fromhex(state_change_key(CHANGE))) == 32
    assert len(bytes.fromhex(gap_key(GAP))) == 32


def test_keys_do_not_change_between_releases() -> None:
    assert state_change_key(CHANGE) == "c7dda662f344674a271b57a28d52e52de0d96fd5083d4843252ec002c90953db"
    assert gap_key(GAP) == "1914c2981bca30c51a9ffadbc9fb2bc3d373dec5949c818cec662d0807b3793b"


@pytest.mark.parametrize("field", ["cluster", "group", "resource", "uid", "old_version", "new_version"])
def test_a_state_change_is_told_apart_by_each_identifying_field(field: str) -> None:
    assert state_change_key(msgspec.structs.replace(CHANGE, **{field: "other"})) != state_change_key(CHANGE)


@pytest.mark.parametrize(
    "difference",
    [{"name": "renamed"}, {"observed": 9.0}, {"manner": "List"}, {"not_before": 1.0}, {"new": {"a": 3}}],
    ids=lambda difference: next(iter(difference)),
)
def test_how_and_when_a_state_change_was_seen_is_no_part_of_its_key(difference: dict[str, object]) -> None:
    assert state_change_key(msgspec.structs.replace(CHANGE, **difference)) == state_change_key(CHANGE)


@pytest.mark.parametrize(
    "difference",
    [{"cluster": "d"}, {"source": "file"}, {"subject": "pods"}, {"reason": "Downtime"}, {"start": 0.5}, {"end": 3.0}],
    ids=lambda difference: next(iter(difference)),
)
def test_a_gap_is_told_apart_by_what_was_not_seen_why_and_when(difference: dict[str, object]) -> None:
    assert gap_key(msgspec.structs.replace(GAP, **difference)) != gap_key(GAP)


def test_the_wording_of_a_gap_is_no_part_of_its_key() -> None:
    assert gap_key(msgspec.structs.replace(GAP, message="another wording")) == gap_key(GAP)


@given(first=st.tuples(st.text(), st.text()), second=st.tuples(st.text(), st.text()))
def test_text_cannot_slide_from_one_field_into_the_next(first: tuple[str, str], second: tuple[str, str]) -> None:
    def key(group: str, resource: str) -> str:
        return state_change_key(msgspec.structs.replace(CHANGE, group=group, resource=resource))

    assert (key(*first) == key(*second)) == (first == second)
