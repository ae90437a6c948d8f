"""Names are computed from what an intruder may choose in part: they must be valid, stable and never alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.findings import identity

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
TEXT = st.text(st.characters(), max_size=80)
GROUP = st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple)


def name(rule: str = "policy-deleted", start: float = 1_800_000_000.0, **parts: object) -> str:
    defaults: dict[str, object] = {
        "cluster": "prod",
        "watch": "k10-auditwatch/k10",
        "group": (("target.name", "daily"),),
    }
    return identity.incident_name(rule=rule, start=start, **(defaults | parts))  # type: ignore[arg-type]  # by keyword


@given(cluster=TEXT, watch=TEXT, rule=TEXT, group=GROUP, start=st.floats(-1e10, 1e12))
def test_a_name_is_a_dns_label_and_a_label_value_whatever_it_is_made_of(
    cluster: str, watch: str, rule: str, group: identity.Group, start: float
) -> None:
    made = identity.incident_name(cluster=cluster, watch=watch, rule=rule, group=group, start=start)

    assert len(made) <= 63
    assert DNS_LABEL.fullmatch(made)
    assert LABEL_VALUE.fullmatch(made)


@given(TEXT)
def test_any_text_becomes_a_label_value(text: str) -> None:
    value = identity.label_value(text)

    assert len(value) <= 63
    assert LABEL_VALUE.fullmatch(value)


@given(TEXT)
def test_any_rule_keeps_at_most_46_characters_of_its_name(rule: str) -> None:
    assert 1 <= len(identity.slug(rule)) <= 46


def test_a_name_shows_its_rule_and_16_hex_digits() -> None:
    assert re.fullmatch(r"policy-deleted-[0-9a-f]{16}", name())


def test_a_name_never_changes_between_releases() -> None:
    assert name() == "policy-deleted-0e71ad00a31ff9f0"


def test_a_long_rule_is_cut_and_the_hash_still_fits() -> None:
    made = name("r" * 63)

    assert made.startswith("r" * 46 + "-")
    assert len(made) == 63


def test_two_long_rules_with_the_same_front_have_different_names() -> None:
    assert name("r" * 50 + "a") != name("r" * 50 + "b")


def test_a_rule_without_a_usable_character_still_has_a_name() -> None:
    assert identity.slug("…") == "finding"


def test_a_rule_cut_at_a_dash_does_not_end_in_one() -> None:
    assert identity.slug("a" * 45 + "-bc") == "a" * 45


@pytest.mark.parametrize(
    "parts",
    [
        {"cluster": "test"},
        {"watch": "k10-auditwatch/other"},
        {"group": (("target.name", "weekly"),)},
        {"group": ()},
        {"start": 1_800_000_001.0},
    ],
)
def test_each_part_of_the_identity_changes_the_name(parts: dict[str, object]) -> None:
    assert name(**parts) != name()  # type: ignore[arg-type]  # by keyword


def test_microseconds_of_the_start_count() -> None:
    assert name(start=1_800_000_000.000001) != name(start=1_800_000_000.0)


def test_moving_a_border_between_two_parts_changes_the_hash() -> None:
    assert identity.digest("ab", "c") != identity.digest("a", "bc")
    assert identity.digest("a", "") != identity.digest("a")
    assert identity.digest("1:a") != identity.digest("a")


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
def test_different_parts_have_different_hashes(one: list[str], other: list[str]) -> None:
    assert (identity.digest(*one) == identity.digest(*other)) is (one == other)


def test_a_fingerprint_leaves_the_start_out() -> None:
    parts: dict[str, object] = {"cluster": "prod", "watch": "a/b", "rule": "r", "group": (("f", "v"),)}
    mark = identity.fingerprint(**parts)  # type: ignore[arg-type]  # by keyword

    assert re.fullmatch(r"[0-9a-f]{16}", mark)
    assert not name().endswith(mark)


def test_a_valid_label_value_stands_as_it_is() -> None:
    assert identity.label_value("policy-deleted") == "policy-deleted"


@pytest.mark.parametrize("text", ["", "jane@example.com", "a" * 64, "-a", "a-", "system:serviceaccount:ci:deploy"])
def test_what_is_no_label_value_is_hashed_and_not_cut(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", identity.label_value(text))


def test_two_long_values_with_the_same_front_are_told_apart() -> None:
    assert identity.label_value("a" * 64) != identity.label_value("a" * 65)


def test_a_watch_is_labelled_with_a_dot_between_namespace_and_name() -> None:
    assert identity.watch_label("k10-auditwatch/k10") == "k10-auditwatch.k10"


def test_a_watch_too_long_for_a_label_is_hashed() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", identity.watch_label("n" * 40 + "/" + "w" * 40))
