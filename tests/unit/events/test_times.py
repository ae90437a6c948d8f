"""Times of the API server and of other writers, to seconds since the epoch and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.events.times import format_time, parse_time

NOON = 1_795_867_200.0  # 2026-11-28T12:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-28T12:00:00Z", NOON),
        ("2026-11-28T12:00:00.250000Z", NOON + 0.25),
        ("2026-11-28T12:00:00.250000000Z", NOON + 0.25),
        ("2026-11-28T12:00:00.5Z", NOON + 0.5),
        ("2026-11-28T13:30:00+01:30", NOON),
        ("2026-11-28T04:00:00-08:00", NOON),
        ("2026-11-28t12:00:00z", NOON),
        ("2026-11-28 12:00:00Z", NOON),
        ("2026-11-28T11:59:60Z", NOON),
        ("2026-11-28T11:59:60.250000Z", NOON + 0.25),
        ("1969-12-31T23:59:59.5Z", -0.5),
    ],
)
def test_a_time_is_read_with_any_number_of_decimals_and_any_zone(text: str, moment: float) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-28",
        "2026-11-28T12:00:00",
        "2026-13-28T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-02-30T12:00:00.000000Z",
        "2026-11-28T24:00:00Z",
        "2026-11-28T24:00:00.000000Z",
        "2026-11-28T12:00:61Z",
        "0000-01-01T00:00:00Z",
        "2026-11-28T12:00:00.Z",
        "2026-11-28T12:00:00.1234567890123456789Z",
        "2026-11-28T12:00:00Z\n",
        "\u0662026-11-28T12:00:00Z",
        "2026-11-28T12:00:00Z" * 10_000,
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_a_time_is_written_as_the_api_server_writes_it() -> None:
    assert format_time(NOON + 0.25) == "2026-11-28T12:00:00.250000Z"
    assert format_time(-62_135_596_800.0) == "0001-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("moment", "nearest"),
    [(1e300, "9999-12-31T23:59:59.999999Z"), (-1e300, "0001-01-01T00:00:00.000000Z")],
)
def test_a_time_out_of_the_calendar_is_written_as_the_nearest_in_it(moment: float, nearest: str) -> None:
    assert format_time(moment) == nearest


@given(microseconds=st.integers(0, 4_000_000_000_000_000))
def test_a_time_that_was_written_is_read_to_the_microsecond(microseconds: int) -> None:
    written = format_time(microseconds / 1e6)
    read = parse_time(written)

    assert read is not None
    assert abs(read - microseconds / 1e6) <= 1e-6


@given(microseconds=st.integers(-4_000_000_000_000_000, 4_000_000_000_000_000))
def test_the_times_of_the_api_server_are_read_fast_and_to_the_same_number_as_all_others(microseconds: int) -> None:
    written = format_time(microseconds / 1e6)

    assert parse_time(written) == parse_time(written.replace("Z", "+00:00"))
