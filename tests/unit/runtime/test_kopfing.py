"""The thread kopf runs in: it ends when it is told to, whenever that is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any

import pytest

from auditwatch.runtime.kopfing import KopfThread
from tests.unit.runtime.apiserver import until


class Nobody:
    """Whom the handlers would report to."""

    def seen(self, body: Mapping[str, Any]) -> None: ...

    def gone(self, uid: str) -> None: ...


async def _for_ever(**_: Any) -> None:
    await asyncio.Event().wait()


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> KopfThread:
    """One in which kopf would run for ever."""
    monkeypatch.setattr("auditwatch.runtime.kopfing.kopf.operator", _for_ever)
    return KopfThread(Nobody(), identity="test", login=lambda _: None, ended=lambda _: None)


async def test_one_that_runs_ends_when_it_is_stopped(thread: KopfThread) -> None:
    thread.start()
    await until(lambda: thread._task is not None)

    thread.stop()

    await until(lambda: not thread.alive, what="its end")


async def test_one_that_is_stopped_before_its_loop_runs_ends_as_well(
    thread: KopfThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, run = threading.Event(), asyncio.run

    def late(work: Coroutine[Any, Any, None]) -> None:
        told.wait(30.0)
        run(work)

    monkeypatch.setattr("auditwatch.runtime.kopfing.asyncio.run", late)
    monkeypatch.setattr("auditwatch.runtime.kopfing.STOP_SECONDS", 0.0)
    thread.start()
    thread.stop()
    told.set()

    await until(lambda: not thread.alive, what="its end")
