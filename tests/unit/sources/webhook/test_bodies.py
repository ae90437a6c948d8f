"""Reading and unpacking: however the pieces come, the body is the same, and no more is held than allowed."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.sources.webhook import bodies
from auditwatch.sources.webhook.bodies import EncodingError, TooSlowError, Unpacking, read_body, unpack
from auditwatch.sources.webhook.budget import Budget, NoRoomError
from auditwatch.sources.webhook.plan import MIB, Limits

PIECES = st.lists(st.binary(min_size=1, max_size=50), max_size=20)


class Pieces:
    """Content that comes in these pieces; with ``then_hangs`` it never ends."""

    def __init__(self, pieces: Sequence[bytes], *, then_hangs: bool = False) -> None:
        self._pieces = list(pieces)
        self._then_hangs = then_hangs

    async def readany(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._then_hangs:
            await asyncio.Event().wait()
        return b""


async def here(work: Callable[[], bytes]) -> bytes:
    return work()


def unpacked(packed: bytes, *, room: int = MIB) -> bytes:
    budget = Budget(room)
    with budget.flight() as flight:
        return asyncio.run(unpack(packed, flight, here))


@given(PIECES)
def test_a_body_is_its_pieces_in_order(pieces: list[bytes]) -> None:
    budget = Budget(MIB)
    with budget.flight() as flight:
        body = asyncio.run(read_body(Pieces(pieces), flight, Limits(), promised=None))
        assert budget.used == len(body)

    assert body == b"".join(pieces)
    assert budget.used == 0


@given(PIECES, st.integers(min_value=0, max_value=300))
def test_no_more_is_held_than_there_is_room(pieces: list[bytes], room: int) -> None:
    budget = Budget(room)
    with budget.flight() as flight:
        if sum(map(len, pieces)) <= room:
            assert asyncio.run(read_body(Pieces(pieces), flight, Limits(), promised=None)) == b"".join(pieces)
        else:
            with pytest.raises(NoRoomError):
                asyncio.run(read_body(Pieces(pieces), flight, Limits(), promised=None))
        assert budget.used <= room


async def test_a_body_that_stops_is_given_up_and_what_was_held_is_given_back() -> None:
    budget = Budget(MIB)
    with pytest.raises(TooSlowError), budget.flight() as flight:
        await read_body(Pieces([b"x"], then_hangs=True), flight, Limits(stall_seconds=0.01), promised=10)

    assert budget.used == 0


async def test_a_promise_alone_holds_nothing() -> None:
    budget = Budget(100)
    with budget.flight() as one, budget.flight() as other:
        assert await read_body(Pieces([]), one, Limits(), promised=100) == b""
        assert await read_body(Pieces([b"x" * 100]), other, Limits(), promised=100) == b"x" * 100


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_members_of_gzip_are_unpacked_one_after_another(parts: list[bytes]) -> None:
    assert unpacked(b"".join(gzip.compress(part) for part in parts)) == b"".join(parts)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_gzip_that_is_cut_anywhere_is_refused(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    cut = data.draw(st.integers(min_value=0, max_value=len(packed) - 1))

    with pytest.raises(EncodingError):
        unpacked(packed[:cut])


@given(st.binary(max_size=100))
def test_what_is_no_gzip_is_refused(content: bytes) -> None:
    if not content.startswith(b"\x1f\x8b"):
        with pytest.raises(EncodingError):
            unpacked(content)


def test_a_damaged_checksum_is_refused() -> None:
    packed = bytearray(gzip.compress(b"some content"))
    packed[-6] ^= 0xFF

    with pytest.raises(EncodingError, match="not gzip"):
        unpacked(bytes(packed))


def test_a_member_that_unpacks_to_nothing_does_not_end_the_body() -> None:
    assert unpacked(gzip.compress(b"") + gzip.compress(b"after")) == b"after"


def test_after_each_member_others_have_their_turn() -> None:
    turns: list[int] = []

    async def counted(work: Callable[[], bytes]) -> bytes:
        turns.append(1)
        return work()

    with Budget(MIB).flight() as flight:
        body = asyncio.run(unpack(gzip.compress(b"") * 500 + gzip.compress(b"after"), flight, counted))

    assert body == b"after"
    assert len(turns) == 501


def test_after_each_step_of_a_long_member_others_have_their_turn() -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * bodies.STEP
    turns: list[int] = []

    async def counted(work: Callable[[], bytes]) -> bytes:
        turns.append(1)
        return work()

    packed = gzip.compress(b"")[:10] + empty_blocks + b"\x01\x00\x00\xff\xff" + bytes(8)
    with Budget(MIB).flight() as flight:
        assert asyncio.run(unpack(packed, flight, counted)) == b""

    assert len(turns) >= 5


def test_a_body_has_at_most_so_many_members() -> None:
    member = gzip.compress(b"")

    assert unpacked(member * bodies.MEMBERS) == b""
    with pytest.raises(EncodingError, match="more than 1024 gzip members"):
        unpacked(member * (bodies.MEMBERS + 1))


def test_deflate_without_its_wrapper_is_refused() -> None:
    with pytest.raises(EncodingError):
        unpacked(zlib.compress(b"content"))


def test_unpacking_goes_on_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE", 10)
    unpacking = Unpacking(gzip.compress(b"0123456789" * 5))

    pieces = []
    while not unpacking.is_done:
        pieces.append(unpacking.more())

    assert b"".join(pieces) == b"0123456789" * 5
    assert max(map(len, pieces)) == 10


def test_a_bomb_is_stopped_after_the_first_piece_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE", 1_000)
    taken: list[int] = []

    async def counted(work: Callable[[], bytes]) -> bytes:
        piece = work()
        taken.append(len(piece))
        return piece

    budget = Budget(10_000)
    with pytest.raises(NoRoomError) as caught, budget.flight() as flight:
        asyncio.run(unpack(gzip.compress(bytes(10_000_000)), flight, counted))

    assert caught.value.ever is False
    assert sum(taken) == 11_000
