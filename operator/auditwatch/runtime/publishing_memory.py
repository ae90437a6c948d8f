"""What publishing keeps in the journal, through the engine: how far each finding is written, and what may be dropped.

It is saved once a second and not with every write: what is saved too late is only written once more, and the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

import structlog

from auditwatch.findings.board import Board
from auditwatch.findings.forgetting import Told
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.published import decode_published, encode_published
from auditwatch.journal.errors import JournalError
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.intake import EngineStoppedError
from auditwatch.runtime.matching import DETECTED, FINDINGS

SPACE: Final = "published"
"""Snapshot space: key of the finding → :class:`Published`."""
SAVE_SECONDS: Final = 1.0
FORGET_TURNS: Final = 600
"""Saves between two looks for incidents that are over and told."""

T = TypeVar("T")
Rows = dict[str, bytes]
log = structlog.get_logger()


class EngineDoor(Protocol):
    """What publishing needs of :class:`auditwatch.runtime.engine.EngineThread`."""

    def call(self, function: Callable[[Engine], T]) -> Future[T]:
        """Run a function in the engine thread, in one transaction."""
        ...


class Memory:
    """The journal's side of a :class:`Board`."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def adopt(self, engine: EngineDoor, findings: Iterable[Mapping[str, Any]]) -> None:
        """Let the ledger continue findings of an earlier journal. Raises :class:`JournalError`."""
        existing = list(findings)
        await asyncio.wrap_future(engine.call(lambda inner: _adopt(inner, existing)))

    async def load(self, engine: EngineDoor, *, now: float, moment: float) -> None:
        """Read what was found and what was written. Raises :class:`JournalError`."""
        findings, published = await asyncio.wrap_future(engine.call(_saved))
        self._board.restore({key: decode_published(row) for key, row in published.items()})
        self._board.add_older(findings, now=now, moment=moment)

    async def save_regularly(self, engine: EngineDoor, *, clock: Callable[[], float]) -> None:
        """Save once a second, and let the ledger drop what is over every ten minutes, for ever."""
        turn = 0
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self.save(engine)
            turn += 1
            if turn % FORGET_TURNS == 0:
                await self.forget(engine, before=clock())

    async def save(self, engine: EngineDoor) -> None:
        """Save what changed; what cannot be saved now is saved later."""
        changed = self._board.take_unsaved()
        if not changed:
            return
        rows = {key: encode_published(row) if row is not None else None for key, row in changed.items()}
        try:
            await asyncio.wrap_future(engine.call(lambda inner: _save(inner, rows)))
        except (JournalError, EngineStoppedError) as error:
            self._board.keep_unsaved(changed)
            log.warning("progress of publishing not saved", error=str(error))

    async def hear_out(self, engine: EngineDoor) -> None:
        """Return when the engine has told of everything it committed before: one more turn of it has begun."""
        with suppress(JournalError, EngineStoppedError):
            await asyncio.wrap_future(engine.call(lambda _: None))

    async def forget(self, engine: EngineDoor, *, before: float) -> None:
        """Let the ledger drop incidents that are over and told."""
        told = Told(self._board.revisions(), self._board.refusals.keys())
        try:
            await asyncio.wrap_future(engine.call(lambda inner: _forget(inner, before, told)))
        except (JournalError, EngineStoppedError) as error:
            log.warning("incidents that are over not dropped", error=str(error))


def configure(engine: Engine, watch: str, policy: FindingPolicy) -> None:
    """Use this policy for the watch's findings; those of which nothing was written yet go where it says."""
    ledger = _ledger(engine)
    ledger.configure(watch, policy, at=engine.change_time)
    ledger.move_unwritten(watch, dict(engine.journal.snapshots(SPACE)))


def _adopt(engine: Engine, findings: Iterable[Mapping[str, Any]]) -> None:
    for finding in findings:
        _ledger(engine).adopt(finding)


def _saved(engine: Engine) -> tuple[Rows, Rows]:
    journal = engine.journal
    return dict(journal.snapshots(FINDINGS)), dict(journal.snapshots(SPACE))


def _save(engine: Engine, rows: Mapping[str, bytes | None]) -> None:
    engine.journal.put_snapshots(SPACE, rows, sequence=engine.journal.position(DETECTED))


def _forget(engine: Engine, before: float, told: Told) -> int:
    return _ledger(engine).forget(told, before=before)


def _ledger(engine: Engine) -> Ledger:
    assert isinstance(engine.ledger, Ledger)
    return engine.ledger
