"""What teaches the envelope, what changes it, and since when lines have to be read anew."""

from __future__ import annotations

import msgspec
import pytest

from auditwatch.events.decode import decode
from auditwatch.sources.k10stream.marks import Standing
from tests.unit.sources.k10stream.making import (
    POD,
    START,
    bare,
    compact,
    echo,
    event,
    knowledge,
    probe,
    taught,
    wrapped,
)


def test_one_request_is_not_enough() -> None:
    known = knowledge(probe(1))

    returned = known.learn(wrapped(echo(probe(1))), pods=[POD])

    assert returned is not None
    assert (known.envelope, known.revision, known.canary.last_proof) == (None, 0, START)


def test_two_requests_agree_on_the_envelope() -> None:
    known = knowledge(probe(1), probe(2, sent=START + 2))
    known.learn(wrapped(echo(probe(1)), time="1"), pods=[POD])
    known.learn(wrapped(echo(probe(2)), time="2"), pods=[POD])

    assert known.envelope == taught()
    assert known.revision == 1
    assert known.rewind(0) == known.standing.began
    assert known.rewind(1) is None


def test_the_same_request_does_not_teach_twice() -> None:
    known = knowledge(probe(1))
    known.learn(wrapped(echo(probe(1)), time="1"), pods=[POD])

    assert not known.is_expected(wrapped(echo(probe(1))))
    assert known.learn(wrapped(echo(probe(1)), time="2"), pods=[POD]) is None
    assert known.envelope is None


@pytest.mark.parametrize(
    "line",
    [
        wrapped(event("forged", user="admin", uri=f"/x?{probe(1).nonce}")),
        wrapped(None, msg=f"not found: {probe(1).nonce}"),
        wrapped({**echo(probe(1)), "user": {"username": "mallory"}}),
        wrapped({**echo(probe(1)), "impersonatedUser": {"username": "mallory"}}),
        wrapped({**echo(probe(1)), "kind": "Status"}),
        compact({"msg": f"GET {compact(echo(probe(1)))} 404"}).encode(),
    ],
    ids=["of others", "no event", "another user", "impersonated", "another kind", "inside a text"],
)
def test_a_line_that_only_looks_like_ours_teaches_nothing(line: bytes) -> None:
    known = knowledge(probe(1))

    assert known.is_expected(line)
    assert known.learn(line, pods=[POD]) is None
    assert known.canary.nonces() == (probe(1).nonce,)


def test_two_shapes_teach_only_what_comes_twice() -> None:
    known = knowledge(probe(1), probe(2), probe(3))
    known.learn(bare(echo(probe(1))), pods=[POD])
    known.learn(wrapped(echo(probe(2)), time="1"), pods=[POD])
    assert known.envelope is None

    known.learn(wrapped(echo(probe(3)), time="2"), pods=[POD])

    assert known.envelope == taught()


def test_a_value_that_changed_is_learned_from_one_request() -> None:
    known = knowledge(probe(3), envelope=taught(), proof=START - 60)
    line = wrapped(echo(probe(3)), version="9.1.0")
    assert taught().event_of(line) is None

    known.learn(line, pods=[POD])

    assert known.envelope is not None
    assert known.envelope.event_of(wrapped(event(), version="9.2.0")) is not None
    assert known.rewind(0) == START - 60


def test_another_shape_replaces_the_envelope_after_two_requests() -> None:
    known = knowledge(probe(3), probe(4), envelope=taught(), proof=START - 60)
    known.learn(bare(echo(probe(3))), pods=[POD])
    assert known.envelope == taught()

    known.learn(bare(echo(probe(4))), pods=[POD])

    assert known.envelope is not None
    assert known.envelope.event_of(bare(event())) is not None
    assert known.envelope.event_of(wrapped(event())) is None
    assert known.rewind(0) == START - 60


def test_a_request_in_the_envelope_moves_the_proof_that_is_kept() -> None:
    known = knowledge(probe(3), envelope=taught(), proof=START - 60)

    assert known.returned(decode(bare(echo(probe(3)))).event) is not None
    assert known.standing.proof == START
    assert known.returned(decode(bare(event())).event) is None


def test_lines_are_read_anew_since_the_oldest_change_that_was_missed() -> None:
    known = knowledge()
    known.standing = Standing(began=0.0, revision=20, changes=(5.0, 3.0, 9.0))

    assert (known.rewind(20), known.rewind(19), known.rewind(18), known.rewind(0)) == (None, 9.0, 3.0, 3.0)


def test_the_number_of_changes_kept_is_bounded() -> None:
    known = knowledge(*(probe(number) for number in range(100)), envelope=taught())
    for number in range(0, 100, 2):
        wrap = (bare, wrapped)[number // 2 % 2]
        known.learn(wrap(echo(probe(number))), pods=[POD])
        known.learn(wrap(echo(probe(number + 1)), time="x"), pods=[POD])

    assert known.revision > 16
    assert len(known.standing.changes) == 16
    assert msgspec.json.decode(msgspec.json.encode(known.standing), type=Standing) == known.standing
