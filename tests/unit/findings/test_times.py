"""Times as the API has them: text without floats, whatever clock they came from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.findings.times import epoch_seconds, rfc3339, rfc3339_micro


def test_a_time_is_cut_to_whole_seconds() -> None:
    assert rfc3339(1_800_000_000.999) == "2027-01-15T08:00:00Z"


def test_an_event_s_time_has_six_digits() -> None:
    assert rfc3339_micro(1_800_000_000.25) == "2027-01-15T08:00:00.250000Z"


@pytest.mark.parametrize(("seconds", "text"), [(-5.0, "1970-01-01T00:00:00Z"), (1e15, "9999-12-31T23:59:59Z")])
def test_a_clock_that_lies_is_held_to_what_the_api_can_say(seconds: float, text: str) -> None:
    assert rfc3339(seconds) == text


@given(st.integers(0, 253_402_300_799))
def test_whole_seconds_survive_the_way_there_and_back(seconds: int) -> None:
    assert epoch_seconds(rfc3339(seconds)) == seconds


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2027-01-15T08:00:00", ["2027-01-15T08:00:00Z"]])
def test_what_is_no_time_with_an_offset_is_none(text: object) -> None:
    assert epoch_seconds(text) is None
