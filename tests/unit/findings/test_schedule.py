"""Which finding is written next, decided with made-up times."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.findings.schedule import Schedule


def wanting(
    schedule: Schedule, *keys: str, severity: Severity = "High", creates: bool = True, now: float = 0.0
) -> None:
    for key in keys:
        schedule.want(key, severity=severity, creates=creates, now=now)


def drained(schedule: Schedule, now: float) -> list[str]:
    """Everything that may be written now, written at once."""
    keys = []
    while (key := schedule.take(now)) is not None:
        schedule.succeeded(key, now)
        keys.append(key)
    return keys


def test_the_first_write_is_at_once() -> None:
    schedule = Schedule()
    wanting(schedule, "a", now=7.0)

    assert schedule.wait(7.0) == 0.0
    assert schedule.take(7.0) == "a"


def test_nothing_is_taken_twice() -> None:
    schedule = Schedule()
    wanting(schedule, "a")

    assert (schedule.take(0.0), schedule.take(0.0)) == ("a", None)
    assert schedule.is_in_flight("a")


def test_a_further_write_waits_for_the_cadence() -> None:
    schedule = Schedule(cadence=5)
    wanting(schedule, "a")
    drained(schedule, 0.0)
    wanting(schedule, "a", creates=False, now=1.0)

    assert schedule.take(4.9) is None
    assert schedule.wait(1.0) == 4.0
    assert schedule.take(5.0) == "a"


def test_what_changes_while_it_is_written_is_written_again() -> None:
    schedule = Schedule(cadence=5)
    wanting(schedule, "a")
    schedule.take(0.0)
    wanting(schedule, "a", now=0.1)
    schedule.succeeded("a", 0.2)

    assert schedule.backlog() == 1
    assert schedule.take(5.2) == "a"


def test_the_most_severe_is_first_and_the_longest_waiting_among_equals() -> None:
    schedule = Schedule()
    wanting(schedule, "low", severity="Low", now=0.0)
    wanting(schedule, "high-later", now=2.0)
    wanting(schedule, "high", now=1.0)
    wanting(schedule, "critical", severity="Critical", now=3.0)

    assert drained(schedule, 3.0) == ["critical", "high", "high-later", "low"]


def test_a_finding_that_becomes_worse_moves_ahead() -> None:
    schedule = Schedule()
    wanting(schedule, "a", "b", severity="Low")
    wanting(schedule, "b", severity="Critical", now=1.0)

    assert drained(schedule, 1.0) == ["b", "a"]


def test_creations_go_in_a_burst_of_twenty_and_then_ten_a_second() -> None:
    schedule = Schedule()
    wanting(schedule, *(f"f-{index:03}" for index in range(100)))
    written = [len(drained(schedule, second)) for second in (0.0, 0.5, 1.0, 2.0, 3.0)]

    assert written == [20, 5, 5, 10, 10]
    assert schedule.backlog() == 50


def test_all_creations_come_in_the_end() -> None:
    schedule, written, now = Schedule(), [], 0.0
    wanting(schedule, *(f"f-{index:03}" for index in range(100)))
    while not schedule.is_idle():
        written += drained(schedule, now)
        if not schedule.is_idle():
            now += schedule.wait(now)

    assert sorted(written) == [f"f-{index:03}" for index in range(100)]
    assert 7.99 < now < 8.01


def test_updates_are_not_held_up_by_the_limit_on_creations() -> None:
    schedule = Schedule(burst=1)
    wanting(schedule, "old")
    drained(schedule, 0.0)
    wanting(schedule, "new-1", "new-2", severity="Critical", now=6.0)
    wanting(schedule, "old", severity="Low", creates=False, now=6.0)

    assert drained(schedule, 6.0) == ["new-1", "old"]


def test_a_failed_write_is_tried_again_later_each_time() -> None:
    schedule, now, waits = Schedule(), 0.0, []
    wanting(schedule, "a", creates=False)
    for _ in range(9):
        assert schedule.take(now) == "a"
        schedule.failed("a", now, creates=False)
        waits.append(schedule.wait(now))
        now += waits[-1]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_that_fails_does_not_hold_up_the_others() -> None:
    schedule = Schedule()
    wanting(schedule, "bad", severity="Critical")
    wanting(schedule, "good", severity="Low")
    schedule.take(0.0)
    schedule.failed("bad", 0.0, creates=True)

    assert drained(schedule, 0.0) == ["good"]
    assert schedule.backlog() == 1


def test_success_ends_the_back_off() -> None:
    schedule = Schedule(cadence=0)
    wanting(schedule, "a", creates=False)
    schedule.take(0.0)
    schedule.failed("a", 0.0, creates=False)
    schedule.take(1.0)
    schedule.succeeded("a", 1.0)
    wanting(schedule, "a", creates=False, now=1.0)
    schedule.take(1.0)
    schedule.failed("a", 1.0, creates=False)

    assert schedule.wait(1.0) == 1.0


def test_while_the_api_server_is_away_nothing_is_tried() -> None:
    schedule = Schedule()
    wanting(schedule, "a", "b")
    schedule.take(0.0)
    schedule.unavailable("a", 0.0, creates=True)

    assert schedule.take(0.9) is None
    assert schedule.wait(0.0) == 1.0
    assert schedule.take(1.0) is not None


def test_pauses_grow_to_half_a_minute_and_end_with_the_outage() -> None:
    schedule, now, waits = Schedule(cadence=0), 0.0, []
    wanting(schedule, "a", creates=False)
    for _ in range(7):
        schedule.take(now)
        schedule.unavailable("a", now, creates=False)
        waits.append(schedule.wait(now))
        now += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 30, 30]

    drained(schedule, now)
    wanting(schedule, "a", creates=False, now=now)
    schedule.take(now)
    schedule.unavailable("a", now, creates=False)
    assert schedule.wait(now) == 1.0


def test_eight_writers_meeting_one_outage_are_one_outage() -> None:
    schedule = Schedule()
    keys = [f"f-{index}" for index in range(8)]
    wanting(schedule, *keys)
    for _ in keys:
        schedule.take(0.0)
    for key in keys:
        schedule.unavailable(key, 0.0, creates=True)

    assert schedule.wait(0.0) == 1.0
    assert schedule.backlog() == 8


def test_the_server_s_own_wish_for_a_pause_is_obeyed() -> None:
    schedule = Schedule()
    wanting(schedule, "a")
    schedule.take(0.0)
    schedule.unavailable("a", 0.0, creates=True, retry_after=17.0)

    assert schedule.wait(0.0) == 17.0
    assert schedule.take(16.9) is None


def test_the_backlog_counts_what_is_in_flight_and_tells_since_when_the_oldest_waits() -> None:
    schedule = Schedule()
    wanting(schedule, "a", now=3.0)
    wanting(schedule, "b", now=4.0)
    assert (schedule.backlog(), schedule.waiting_since()) == (2, 3.0)

    schedule.take(5.0)
    assert (schedule.backlog(), schedule.waiting_since()) == (2, 4.0)
    schedule.succeeded("a", 5.0)
    assert schedule.backlog() == 1


def test_with_nothing_to_do_it_waits_for_ever() -> None:
    schedule = Schedule()
    assert schedule.wait(0.0) == math.inf
    assert schedule.waiting_since() is None

    wanting(schedule, "a")
    drained(schedule, 0.0)
    assert schedule.wait(0.0) == math.inf
    assert schedule.is_idle()


def test_a_finding_that_is_gone_is_not_written() -> None:
    schedule = Schedule()
    wanting(schedule, "a")
    schedule.drop("a")
    schedule.succeeded("a", 0.0)
    schedule.failed("a", 0.0, creates=True)

    assert schedule.take(9.0) is None
    assert schedule.is_idle()


def test_at_the_end_updates_do_not_wait_for_their_cadence_but_failures_do() -> None:
    schedule = Schedule(cadence=5)
    wanting(schedule, "a", "bad")
    schedule.take(0.0)
    schedule.succeeded("a", 0.0)
    schedule.take(0.0)
    schedule.failed("bad", 0.0, creates=True)
    wanting(schedule, "a", creates=False, now=0.1)
    schedule.hurry()

    assert drained(schedule, 0.1) == ["a"]


def test_at_the_end_what_changed_during_its_write_does_not_wait_either() -> None:
    schedule = Schedule(cadence=5)
    wanting(schedule, "a")
    schedule.take(0.0)
    wanting(schedule, "a", creates=False, now=0.1)
    schedule.hurry()
    schedule.succeeded("a", 0.2)

    assert drained(schedule, 0.2) == ["a"]


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(SEVERITIES), st.booleans()), max_size=30),
)
def test_nothing_that_is_wanted_is_ever_lost(wishes: list[tuple[str, Severity, bool]]) -> None:
    schedule, now, written = Schedule(), 0.0, set()
    for key, severity, fails in wishes:
        schedule.want(key, severity=severity, creates=True, now=now)
        taken = schedule.take(now)
        if taken is not None and fails:
            schedule.failed(taken, now, creates=True)
        elif taken is not None:
            schedule.succeeded(taken, now)
            written.add(taken)
        now += 0.1
    while not schedule.is_idle():
        written.update(drained(schedule, now))
        now += min(schedule.wait(now), 60.0)

    assert written == {key for key, _, _ in wishes}


def test_what_is_refused_again_and_again_gives_way_to_what_can_be_written() -> None:
    schedule = Schedule(rate=1, burst=1)
    wanting(schedule, "refused", severity="Critical")
    for now in (0.0, 100.0, 200.0, 300.0):
        assert schedule.take(now) == "refused"
        schedule.failed("refused", now, creates=True)
    wanting(schedule, "other", severity="Low", now=400.0)

    assert (schedule.take(400.0), schedule.take(400.0), schedule.take(401.0)) == ("other", None, "refused")
