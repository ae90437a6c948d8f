"""The state source as a whole: a follower per stream, none of which can stop another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from auditwatch.cluster.client import Cluster
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.sources.state.course import Intervals
from auditwatch.sources.state.follower import Follower, Surroundings
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.streams import Stream

LISTINGS_AT_ONCE = 4


class StateSource:
    """Runs in the event loop of its :class:`Cluster`; ``report`` may be called from any thread."""

    name = "state"

    def __init__(
        self,
        *,
        cluster: Cluster,
        intake: Intake,
        redactor: Redactor,
        streams: Sequence[Stream],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        intervals: Intervals | None = None,
    ) -> None:
        around = Surroundings(
            cluster=cluster,
            intake=intake,
            redactor=redactor,
            clock=clock,
            jitter=jitter,
            listings=asyncio.Semaphore(LISTINGS_AT_ONCE),
            intervals=intervals or Intervals(),
        )
        self._clock = clock
        self._followers = [Follower(stream, around) for stream in streams]

    async def run(self) -> None:
        """Follow every stream until cancelled."""
        async with asyncio.TaskGroup() as group:
            for follower in self._followers:
                group.create_task(follower.run())

    def report(self) -> list[KindReport]:
        """One report per stream, in the order given."""
        now = self._clock()
        return [follower.report(now=now) for follower in self._followers]
