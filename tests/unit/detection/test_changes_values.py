"""The two values JSON has no word for keep apart from each other, from null, and from everything that is there."""

import copy
import pickle

import msgspec
import pytest

from auditwatch.detection.values import MISSING, UNKNOWN, Sentinel, body_value, is_known, is_present


def test_absent_and_unknown_are_different() -> None:
    assert len({MISSING, UNKNOWN}) == 2


@pytest.mark.parametrize("sentinel", list(Sentinel))
def test_they_keep_their_identity_through_copies(sentinel: Sentinel) -> None:
    assert copy.deepcopy(sentinel) is sentinel
    assert pickle.loads(pickle.dumps(sentinel)) is sentinel  # noqa: S301  # our own bytes, made a moment before


@pytest.mark.parametrize("value", [None, "", 0, False, {}, [], "x"])
def test_every_json_value_is_known_and_present(value: object) -> None:
    assert is_known(value)
    assert is_present(value)


def test_absent_is_known_and_not_present() -> None:
    assert is_known(MISSING)
    assert not is_present(MISSING)


def test_unknown_is_neither() -> None:
    assert not is_known(UNKNOWN)
    assert not is_present(UNKNOWN)


def test_neither_is_true() -> None:
    assert not any(Sentinel)


def test_they_read_as_their_names() -> None:
    assert f"{MISSING!r} {UNKNOWN!r}" == "MISSING UNKNOWN"


def test_a_body_nobody_saw_is_unknown() -> None:
    assert body_value(msgspec.UNSET) is UNKNOWN


def test_no_body_is_absent() -> None:
    assert body_value(None) is MISSING


def test_a_body_is_itself_even_when_it_is_empty() -> None:
    body: dict[str, object] = {}
    assert body_value(body) is body
