"""Sends our own requests at their time and says what did not come back: awaits what ``canary.py`` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.events.canary import Overdue, gap_of
from auditwatch.journal.delivery import Intake
from auditwatch.k10.identity import AGGREGATED_APIS, K10Instance
from auditwatch.sources.k10stream.canary import Answer, Pace, Verdict, ask, is_due, probe_of, verdict
from auditwatch.sources.k10stream.deliveries import Batch
from auditwatch.sources.k10stream.follower import Follower, put
from auditwatch.sources.k10stream.knowledge import Knowledge

log = structlog.get_logger()
_REASONS: Final = {"SwitchedOff": "SwitchedOff"}


@dataclass(slots=True, kw_only=True)
class Prover:
    """Proves that one K10's stream is alive, or that it is not."""

    cluster: Cluster
    intake: Intake
    k10: K10Instance
    cluster_name: str
    source: str
    knowledge: Knowledge
    followers: Callable[[], Sequence[Follower]]
    clock: Callable[[], float]
    """Seconds since the epoch."""
    monotonic: Callable[[], float]
    """Of the pace: nobody can hold requests up by setting the clock back."""
    new_nonce: Callable[[], str]
    pace: Pace = field(default_factory=Pace)
    _last_sent: float | None = field(default=None, init=False)
    _answer: Answer | None = field(default=None, init=False)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._turn()
            await asyncio.sleep(self.pace.tick)

    def verdict(self) -> Verdict:
        """How the stream is, by what came back."""
        return verdict(
            self._answer,
            self.knowledge.canary,
            is_taught=self.knowledge.envelope is not None,
            is_heard=any(follower.is_heard for follower in self.followers()),
        )

    async def _turn(self) -> None:
        canary, now = self.knowledge.canary, self.clock()
        if not self._is_all_read():
            # What is not read now is read later, from where it was left: nothing is lost, and nothing can come back.
            for probe in canary.outstanding():
                canary.withdrawn(probe)
            return
        await self._report(canary.overdue(now))
        is_taught = self.knowledge.envelope is not None
        moment = self.monotonic()
        if is_due(self.pace, canary, last_sent=self._last_sent, now=moment, is_taught=is_taught):
            self._last_sent = moment
            await self._send(now)

    def _is_all_read(self) -> bool:
        """Whether a request would have to come back: it does through one pod, and nobody knows which."""
        followers = self.followers()
        return bool(followers) and all(follower.is_open for follower in followers)

    async def _send(self, now: float) -> None:
        probe = probe_of(self.k10, nonce=self.new_nonce(), now=now, pace=self.pace)
        self.knowledge.canary.sent(probe)
        answer = await ask(self.cluster, probe)
        if answer.reach != "Answered":
            self.knowledge.canary.withdrawn(probe)
        if self._answer is None or answer.reach != self._answer.reach:
            log.info("asked K10", namespace=self.k10.namespace, answer=answer.reach, message=answer.message)
        self._answer = answer

    async def _report(self, overdue: Overdue) -> None:
        if not overdue.probes:
            return
        found = self.verdict()
        log.warning("K10's audit stream is silent", namespace=self.k10.namespace, message=found.message)
        gaps = [
            gap_of(
                stretch,
                cluster=self.cluster_name,
                source=self.source,
                subject=AGGREGATED_APIS,
                reason=_REASONS.get(found.state, "Silent"),
                message=found.message or "a request of our own did not come back, though later ones did",
            )
            for stretch in overdue.missed
        ]
        if gaps:
            await put(self.intake, Batch(namespace=self.k10.namespace, source=self.source, gaps=gaps))
