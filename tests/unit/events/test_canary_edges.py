"""Requests of our own at the edges of time and of a restart: when one is lost, and which silence it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditwatch.events.canary import MEMORY_SECONDS, SHORTEST_NONCE, Overdue, Returned, Stretch

from .test_canary import START, canary, echo, probe


def test_a_nonce_may_be_as_short_as_the_shortest_and_no_shorter() -> None:
    assert replace(probe(), nonce="n" * SHORTEST_NONCE).nonce == "n" * SHORTEST_NONCE
    with pytest.raises(ValueError, match="give at least"):
        replace(probe(), nonce="n" * (SHORTEST_NONCE - 1))


def test_a_request_is_lost_at_its_deadline() -> None:
    mine = canary(probe(), last_proof=START - 60)

    assert mine.overdue(START + 30) == Overdue((probe(),), (Stretch(START - 60, START + 30),))
    assert mine.overdue(START + 30) == Overdue()


def test_requests_lost_together_are_one_silence() -> None:
    first, second = probe(1), probe(2, sent=START + 10)
    mine = canary(first, second, last_proof=START - 60)

    assert mine.overdue(START + 50) == Overdue((first, second), (Stretch(START - 60, START + 50),))
    assert mine.lost == 2


def test_an_answer_to_a_request_from_before_the_silence_was_told_ends_it_without_a_rest() -> None:
    first, second = probe(1), probe(2, sent=START + 10)
    mine = canary(first, second, last_proof=START - 60)
    mine.overdue(START + 31)

    assert mine.returned(echo(second)) == Returned(second)
    assert (mine.is_silent, mine.last_proof) == (False, START + 10)


def test_an_answer_to_a_request_sent_when_the_silence_was_told_leaves_nothing_between() -> None:
    first, second = probe(1), probe(2, sent=START + 31)
    mine = canary(first, last_proof=START - 60)
    mine.overdue(START + 31)
    mine.sent(second)

    assert mine.returned(echo(second)) == Returned(second)


def test_a_silence_that_ended_is_not_told_again_with_the_next() -> None:
    first, second, third = probe(1), probe(2, sent=START + 60), probe(3, sent=START + 120)
    mine = canary(first, last_proof=START - 60)
    mine.overdue(START + 31)
    mine.sent(second)
    mine.returned(echo(second))
    mine.sent(third)

    assert mine.overdue(START + 150) == Overdue((third,), (Stretch(START + 60, START + 150),))


def test_a_request_lost_before_the_first_that_came_back_has_no_gap_with_a_beginning() -> None:
    lost, later = probe(1), probe(2, sent=START + 10)
    mine = canary(lost, later)
    mine.returned(echo(later))

    assert mine.overdue(START + 31) == Overdue((lost,))
    assert not mine.is_silent


def test_a_request_sent_at_the_moment_that_is_proven_is_lost_and_no_silence() -> None:
    lost, other = probe(1), probe(2)
    mine = canary(lost, other, last_proof=START - 60)
    mine.returned(echo(other))

    assert mine.overdue(START + 31) == Overdue((lost,), (Stretch(START - 60, START),))
    assert not mine.is_silent


def test_requests_from_before_a_restart_are_ours_and_prove_nothing() -> None:
    mine = canary(last_proof=START - 60)
    mine.know([probe(1), probe(2)])

    assert mine.owns(echo(probe(1)))
    assert mine.owns(echo(probe(2)))
    assert mine.returned(echo(probe(1))) is None
    assert (mine.nonces(), mine.last_proof) == ((), START - 60)
    assert mine.overdue(START + 31) == Overdue()


def test_what_a_restart_is_given_is_all_that_is_still_known_as_ours() -> None:
    mine = canary(probe(1), probe(2, sent=START + 10))
    mine.withdrawn(probe(1))
    mine.know([probe(3)])
    assert mine.known() == (probe(1), probe(2, sent=START + 10), probe(3))

    mine.overdue(START + 30 + MEMORY_SECONDS)
    assert mine.known() == (probe(2, sent=START + 10),)


def test_what_is_outstanding_is_told_oldest_first() -> None:
    first, second = probe(1), probe(2, sent=START - 10)
    mine = canary(first, second)

    assert (mine.outstanding(), mine.nonces()) == ((first, second), (first.nonce, second.nonce))
