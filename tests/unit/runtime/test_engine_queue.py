"""The letter box: bounded in bytes, first come first served, and nobody is left waiting for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from auditwatch.runtime.intake import EngineStoppedError, Mailbox, QueueFigures
from tests.unit.runtime.engine_parts import Changes, one


def uids(mailbox: Mailbox, *, most: int = 100) -> list[str]:
    taken = mailbox.take(timeout=0, most=most).deliveries
    return [uid for pending in taken if isinstance(pending.delivery, Changes) for uid in pending.delivery.uids]


def test_deliveries_are_handed_over_in_the_order_they_came() -> None:
    mailbox = Mailbox()
    for uid in "abc":
        mailbox.put(one(uid))

    assert uids(mailbox) == ["a", "b", "c"]
    assert uids(mailbox) == []


def test_a_visit_takes_no_more_than_it_may() -> None:
    mailbox = Mailbox()
    for uid in "abc":
        mailbox.put(one(uid))

    assert uids(mailbox, most=2) == ["a", "b"]
    assert uids(mailbox, most=2) == ["c"]


def test_what_finds_no_room_waits_outside_and_comes_in_when_there_is_some() -> None:
    mailbox = Mailbox(limit_bytes=250)
    for uid in "abcd":
        mailbox.put(one(uid, size=100))

    assert mailbox.figures() == QueueFigures(bytes=200, deliveries=2, waiting=2)
    assert uids(mailbox) == ["a", "b"]
    assert mailbox.figures() == QueueFigures(bytes=200, deliveries=2, waiting=0)
    assert uids(mailbox) == ["c", "d"]
    assert mailbox.figures() == QueueFigures(bytes=0, deliveries=0, waiting=0)


def test_a_small_delivery_does_not_overtake_a_large_one_that_waits() -> None:
    mailbox = Mailbox(limit_bytes=250)
    mailbox.put(one("first", size=200))
    mailbox.put(one("large", size=200))
    mailbox.put(one("small", size=1))

    assert [uids(mailbox), uids(mailbox)] == [["first"], ["large", "small"]]


def test_a_delivery_above_the_bound_is_let_in_alone() -> None:
    mailbox = Mailbox(limit_bytes=250)
    mailbox.put(one("huge", size=10_000))
    mailbox.put(one("next"))

    assert [uids(mailbox), uids(mailbox)] == [["huge"], ["next"]]


def test_what_is_given_up_leaves_the_box_and_its_room_to_others() -> None:
    mailbox = Mailbox(limit_bytes=250)
    inside, also, outside, last = (mailbox.put(one(uid)) for uid in "abcd")

    assert outside.cancel()
    assert mailbox.figures() == QueueFigures(bytes=200, deliveries=2, waiting=1)
    assert inside.cancel()
    assert mailbox.figures() == QueueFigures(bytes=200, deliveries=2, waiting=0)
    assert uids(mailbox) == ["b", "d"]
    assert [also.done(), last.done()] == [False, False]


def test_what_a_commit_has_begun_with_cannot_be_given_up() -> None:
    mailbox = Mailbox()
    done = mailbox.put(one("a"))
    (taken,) = mailbox.take(timeout=0, most=10).deliveries
    taken.done.set_running_or_notify_cancel()

    assert not done.cancel()
    taken.done.set_result(None)
    assert done.result() is None


def test_what_is_given_up_between_the_box_and_the_commit_changes_no_count() -> None:
    mailbox = Mailbox()
    done = mailbox.put(one("a"))
    mailbox.take(timeout=0, most=10)

    assert done.cancel()
    assert mailbox.figures() == QueueFigures(bytes=0, deliveries=0, waiting=0)


async def test_put_waits_while_the_queue_is_full() -> None:
    mailbox = Mailbox(limit_bytes=100)
    first, second = (asyncio.wrap_future(mailbox.put(one(uid))) for uid in "ab")
    await asyncio.sleep(0)
    assert not second.done()

    for _ in range(2):
        for pending in mailbox.take(timeout=0, most=10).deliveries:
            pending.done.set_result(None)
    await asyncio.gather(first, second)
    assert second.done()


def test_calls_are_handed_over_with_the_deliveries() -> None:
    mailbox = Mailbox()
    mailbox.put(one("a"))
    done = mailbox.call(lambda: 42)
    mail = mailbox.take(timeout=0, most=10)
    mail.calls[0].run()

    assert (len(mail.deliveries), done.result()) == (1, 42)


def test_what_a_call_raises_goes_to_who_waits() -> None:
    mailbox = Mailbox()
    done = mailbox.call(lambda: 1 // 0)
    mailbox.take(timeout=0, most=10).calls[0].run()

    assert isinstance(done.exception(), ZeroDivisionError)


def test_a_cancelled_call_is_not_run() -> None:
    mailbox = Mailbox()
    ran: list[bool] = []
    done = mailbox.call(lambda: ran.append(True))
    done.cancel()
    mailbox.take(timeout=0, most=10).calls[0].run()

    assert ran == []


def test_a_closed_box_takes_no_delivery_but_hands_over_what_it_has() -> None:
    mailbox = Mailbox(limit_bytes=100)
    mailbox.put(one("inside"))
    mailbox.put(one("waiting"))
    mailbox.close()

    with pytest.raises(EngineStoppedError):
        mailbox.put(one("late"))
    assert [uids(mailbox), uids(mailbox)] == [["inside"], ["waiting"]]


def test_an_abandoned_box_tells_everyone_who_waits() -> None:
    mailbox = Mailbox(limit_bytes=100)
    waiting = [mailbox.put(one("inside")), mailbox.put(one("outside")), mailbox.call(lambda: None)]
    mailbox.abandon()

    assert [type(done.exception()) for done in waiting] == [EngineStoppedError] * 3
    with pytest.raises(EngineStoppedError):
        mailbox.call(lambda: None)
    assert mailbox.figures() == QueueFigures(bytes=0, deliveries=0, waiting=0)


def test_an_abandoned_box_passes_over_what_was_cancelled() -> None:
    mailbox = Mailbox()
    done = mailbox.put(one("a"))
    done.cancel()
    mailbox.abandon()

    assert done.cancelled()


def test_a_visitor_who_waits_is_woken_by_the_first_letter() -> None:
    mailbox = Mailbox()
    found: list[int] = []
    visitor = threading.Thread(target=lambda: found.append(len(mailbox.take(timeout=60, most=10).deliveries)))
    visitor.start()
    mailbox.put(one("a"))
    visitor.join(30)

    assert found == [1]


def test_a_delivery_without_a_size_still_counts() -> None:
    mailbox = Mailbox(limit_bytes=1)
    mailbox.put(one("a", size=0))
    mailbox.put(one("b", size=0))

    assert mailbox.figures() == QueueFigures(bytes=1, deliveries=1, waiting=1)
