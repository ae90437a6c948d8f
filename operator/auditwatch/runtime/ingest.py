"""The ingest loop: sources run here, in a thread and a loop of their own, so that a long list never delays the Lease.

It lives as long as the operator. What follows K10 is replaced when K10 is found, moved or gone; what receives the audit
log stays.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.following import Following, Ground
from auditwatch.runtime.receiving import AuditPlan, Receiving
from auditwatch.runtime.sourcesections import K10StreamSection, SourceSection, StateSection
from auditwatch.sources.file.report import FileReport
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.webhook.report import WebhookReport

STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReports:
    """What all sources say of themselves at one moment."""

    kinds: Sequence[KindReport] = ()
    files: Sequence[FileReport] = ()
    senders: Sequence[WebhookReport] = ()
    pods: dict[str, list[PodReport]] = field(default_factory=dict)


class IngestThread:
    """``start``, ``follow`` the K10s there are, ``stop``; ``ended`` is called if it ends by itself."""

    def __init__(
        self,
        ground: Ground,
        audit: AuditPlan,
        engine: EngineThread,
        *,
        sections: Sequence[SourceSection],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._ground = ground
        self._canaries = audit.canaries
        self._sections = tuple(sections)
        self._ended = ended
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._following: Following | None = None
        self._receiving = Receiving(audit, ground, engine, instances=lambda: self.instances, ended=ended)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._replacing = asyncio.Lock()
        self._stopping = False
        self.instances: tuple[K10Instance, ...] = ()
        """The K10s that are followed."""

    def start(self, instances: Sequence[K10Instance]) -> None:
        """Start the thread, receive, and follow what there is to follow."""
        self.instances = tuple(instances)
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._receiving.start()
        self._soon(self._begin("audit", self._receiving.run()))
        self.follow(instances)

    def follow(self, instances: Sequence[K10Instance]) -> None:
        """Follow these K10s instead of the former ones."""
        self._soon(self._replace(tuple(instances)))

    def reports(self) -> SourceReports:
        """How every source stands."""
        following = self._following
        return SourceReports(
            kinds=following.kinds() if following else [],
            files=self._receiving.files(),
            senders=self._receiving.senders(),
            pods=following.pods() if following else {},
        )

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the sources; what they have not handed over is seen again after the next start."""
        self._stopping = True
        if self._thread.is_alive():
            self._soon(self._finish())
            self._receiving.stop()
            self._thread.join(STOP_SECONDS)

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _replace(self, instances: tuple[K10Instance, ...]) -> None:
        async with self._replacing:  # K10 may move again while what followed it before still ends
            await self._cancel("follow")
            self.instances = instances
            self._following = Following(
                self._ground, instances, state=_state(self._sections), streams=_streams(self._sections)
            )
            self._canaries.also([self._following.is_ours])
            await self._begin("follow", self._following.run())

    async def _begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = self._tasks[name] = asyncio.create_task(work, name=name)
        task.add_done_callback(self._note_end)

    async def _cancel(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.remove_done_callback(self._note_end)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _finish(self) -> None:
        for name in list(self._tasks):
            await self._cancel(name)
        self._loop.stop()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        has_ended = not task.cancelled() and (task.exception() is not None or task.get_name() == "follow")
        if has_ended and not self._stopping:
            self._ended(task.exception())


def _state(sections: Sequence[SourceSection]) -> StateSection:
    return next((each for each in sections if isinstance(each, StateSection)), StateSection())


def _streams(sections: Sequence[SourceSection]) -> list[K10StreamSection]:
    return [each for each in sections if isinstance(each, K10StreamSection)]
