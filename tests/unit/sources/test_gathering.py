"""Groups that arrive close together become one; nothing is held back for long and nothing is lost at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from auditwatch.sources.state.gathering import gathered

LONG = 30.0


async def given(*groups: list[int], error: Exception | None = None, stay: bool = False) -> AsyncIterator[list[int]]:
    for group in groups:
        yield group
    if error:
        raise error
    if stay:
        await asyncio.Event().wait()


async def collected(source: AsyncIterator[list[int]], *, window: float = LONG, most: int = 200) -> list[list[int]]:
    return [group async for group in gathered(source, window=window, most=most)]


async def test_groups_within_the_window_are_joined_in_order() -> None:
    assert await collected(given([1], [2, 3], [4])) == [[1, 2, 3, 4]]


async def test_a_full_group_is_not_held_back() -> None:
    assert await collected(given([1, 2], [3, 4], [5]), most=2) == [[1, 2], [3, 4], [5]]


async def test_a_lone_event_is_passed_on_while_the_stream_stays_open() -> None:
    async with aclosing(gathered(given([1], stay=True), window=0.01)) as groups:
        assert await anext(groups) == [1]


async def test_an_empty_group_passes_at_once() -> None:
    async with aclosing(gathered(given([], stay=True), window=LONG)) as groups:
        assert await anext(groups) == []


async def test_what_was_held_comes_before_the_error_that_ended_the_stream() -> None:
    groups = gathered(given([1], [2], error=OSError("reset")), window=LONG)

    assert await anext(groups) == [1, 2]
    with pytest.raises(OSError, match="reset"):
        await anext(groups)


async def test_an_empty_stream_yields_nothing() -> None:
    assert await collected(given()) == []


async def test_leaving_early_stops_reading() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[list[int]]:
        try:
            yield [1]
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with aclosing(gathered(endless(), window=0.01)) as groups:
        await anext(groups)
        pending = asyncio.ensure_future(anext(groups))
        await asyncio.sleep(0)
        pending.cancel()
        await asyncio.wait({pending})

    await asyncio.wait_for(stopped.wait(), LONG)


async def test_who_is_asked_to_end_while_the_reading_still_ends_does_end() -> None:
    is_ending = asyncio.Event()

    async def reluctant() -> AsyncIterator[list[int]]:
        yield [1]
        try:
            await asyncio.Event().wait()
        finally:
            is_ending.set()
            await asyncio.sleep(0.05)

    async def follow_and_try_again() -> None:
        try:
            async with aclosing(gathered(reluctant(), window=0.001)) as groups:
                await anext(groups)
                raise OSError("the journal takes nothing")
        except OSError:
            await asyncio.sleep(LONG)

    following = asyncio.create_task(follow_and_try_again())
    await is_ending.wait()
    following.cancel()
    await asyncio.wait({following}, timeout=LONG / 3)

    assert following.cancelled()
