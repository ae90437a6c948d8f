"""Field selectors: what a name must be is read as the API server reads it, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.selectors import required

NAME = "metadata.name"


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("metadata.name=daily", "daily"),
        ("metadata.name==daily", "daily"),
        ("status.phase=Bound,metadata.name=daily", "daily"),
        (",metadata.name=daily,", "daily"),
        ("metadata.name=a,metadata.name=b", "a"),
        (r"metadata.name=a\,b\=c\\d", r"a,b=c\d"),
        (r"spec.x=\,metadata.name\=a,metadata.name=b", "b"),
    ],
)
def test_a_name_that_is_asked_for_is_known(selector: str, name: str) -> None:
    assert required(selector, NAME) == name


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "metadata.name",
        "metadata.name=",
        "metadata.name!=daily",
        "!metadata.name=daily",
        " metadata.name=daily",
        "Metadata.Name=daily",
        "metadata.namespace=daily",
        "metadata.name=a=b",
        r"metadata.name=a\b",
        "metadata.name=a\\",
        r"spec.x=1\,metadata.name=daily",
    ],
)
def test_any_other_selector_leaves_the_name_open(selector: str) -> None:
    assert required(selector, NAME) is None


@given(st.text(min_size=1), st.lists(st.sampled_from(["a=b", "c!=d", "", "e==f"]), max_size=3))
def test_every_name_can_be_asked_for(name: str, others: list[str]) -> None:
    escaped = name.replace("\\", r"\\").replace(",", r"\,").replace("=", r"\=")
    assert required(",".join([*others, f"metadata.name={escaped}"]), NAME) == name


@given(st.text(alphabet="ab=!,\\", max_size=30))
def test_no_selector_is_an_error(selector: str) -> None:
    assert required(selector, "a") != ""
