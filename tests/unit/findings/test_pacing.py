"""The token bucket, asked with made-up times: how much may go at once, and how much later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditwatch.findings.pacing import TokenBucket


def taken(bucket: TokenBucket, now: float, tries: int) -> int:
    return sum(bucket.take(now) for _ in range(tries))


def test_the_burst_may_go_at_once_and_no_more() -> None:
    assert taken(TokenBucket(rate=10, burst=20), 0.0, 100) == 20


def test_tokens_come_back_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    taken(bucket, 0.0, 20)

    assert taken(bucket, 0.55, 100) == 5


def test_no_more_than_the_burst_is_ever_saved_up() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    taken(bucket, 0.0, 20)

    assert taken(bucket, 3600.0, 100) == 20


def test_waiting_as_long_as_it_says_yields_a_token() -> None:
    bucket = TokenBucket(rate=3, burst=1)
    now = 0.1
    for _ in range(1000):
        assert bucket.take(now)
        now += bucket.wait(now)


def test_there_is_nothing_to_wait_for_while_tokens_are_left() -> None:
    assert TokenBucket(rate=1, burst=1).wait(5.0) == 0.0


def test_a_clock_that_steps_back_gives_nothing_twice() -> None:
    bucket = TokenBucket(rate=1, burst=5)
    taken(bucket, 100.0, 5)

    assert taken(bucket, 50.0, 5) == 0
    assert taken(bucket, 100.0, 5) == 0
    assert taken(bucket, 102.0, 5) == 2


@given(st.lists(st.floats(0, 1), max_size=60))
def test_never_more_than_burst_and_rate_allow(steps: list[float]) -> None:
    bucket, now, total = TokenBucket(rate=10, burst=20), 0.0, 0
    for step in steps:
        now += step
        total += taken(bucket, now, 30)

    assert total <= 20 + now * 10 + 1e-6
