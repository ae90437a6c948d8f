"""Waiting that news cut short, and that ends when it is told to end."""

from __future__ import annotations

import asyncio

import pytest

from auditwatch.sources.k10stream.waking import rest

LONG = 600.0


async def test_news_cut_it_short_and_are_forgotten() -> None:
    news = asyncio.Event()
    resting = asyncio.create_task(rest(LONG, news=news))
    await asyncio.sleep(0)
    news.set()
    await resting
    assert not news.is_set()


async def test_without_news_it_ends_by_itself() -> None:
    news = asyncio.Event()
    await rest(0.0, news=news)
    assert not news.is_set()


async def test_an_end_that_comes_with_news_is_an_end() -> None:
    news = asyncio.Event()
    resting = asyncio.create_task(rest(LONG, news=news))
    for _ in range(3):  # until it waits, whatever it waits by
        await asyncio.sleep(0)
    news.set()
    resting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resting
