"""Sends our own requests, by which audit sources prove that they are alive, and reports what they did not bring back.

Each time two requests for one object that does not exist: a get, and a delete that we have no right to. A get alone
could be dropped by a policy that keeps reads away; the refused delete has the shape of what must never be missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.cluster.whoami import username
from auditwatch.events.activity import Gap
from auditwatch.events.canary import Probe
from auditwatch.events.keys import gap_key
from auditwatch.journal.delivery import Intake
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.journal.journal import Journal
from auditwatch.k10.groups import in_domain
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.canaries import CANARY_NAME, AuditCanaries
from auditwatch.runtime.observing import OBSERVED, Observing

GROUP: Final = "config.kio.kasten.io"
VERSION: Final = "v1alpha1"
RESOURCE: Final = "policies"
VERBS: Final = ("get", "delete")
INTERVAL_SECONDS: Final = 20.0
TICK_SECONDS: Final = 1.0
_PROOF: Final = "canary/proof/"
_SENT: Final = "canary/sent"
_ACCOUNT: Final = "canary/account"
_PARAMETER: Final = "canary"

log = structlog.get_logger()


@dataclass(slots=True)
class Recall:
    """Asks the journal for the last proofs of life."""

    proofs: dict[str, float] = field(default_factory=dict)
    probes: list[Probe] = field(default_factory=list)
    observed: list[tuple[str, bytes]] = field(default_factory=list)
    account: str = ""
    """Our own username, as an earlier start learned it."""
    size: int = 200

    def record(self, journal: Journal) -> None:
        """Read the marks."""
        for name, value in journal.marks(_PROOF).items():
            self.proofs[name.removeprefix(_PROOF)] = msgspec.json.decode(value, type=float)
        sent = journal.mark(_SENT)
        self.probes = msgspec.json.decode(sent, type=list[Probe]) if sent else []
        self.observed = list(journal.snapshots(OBSERVED))
        self.account = (journal.mark(_ACCOUNT) or b"").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Gaps, proofs of life and what is about to be sent, for the journal."""

    gaps: Sequence[Gap] = ()
    proofs: Mapping[str, float] = field(default_factory=dict)
    probes: Sequence[Probe] | None = None
    observed: Mapping[str, bytes | None] = field(default_factory=dict)
    account: str = ""
    size: int = 500

    def record(self, journal: Journal) -> None:
        """Write them; the same gap twice is one."""
        for gap in self.gaps:
            journal.receive(key=gap_key(gap), source=gap.source, payload=msgspec.json.encode(gap))
        for source, proof in self.proofs.items():
            journal.set_mark(f"{_PROOF}{source}", msgspec.json.encode(proof))
        if self.probes is not None:
            journal.set_mark(_SENT, msgspec.json.encode(self.probes))
        if self.account:
            journal.set_mark(_ACCOUNT, self.account.encode())
        if self.observed:
            journal.put_snapshots(OBSERVED, self.observed, sequence=journal.last_sequence())


async def know_our_own(canaries: AuditCanaries, intake: Intake) -> None:
    """Know the requests of an earlier start as ours, before any event of it is settled. Raises what ``put`` raises."""
    recall = Recall()
    await intake.put(recall)
    if recall.account:
        canaries.recall(recall.account, recall.proofs, recall.probes)


class AuditProver:
    """``run`` until cancelled. ``clock``: seconds since the epoch; ``new_nonce``: at least 16 characters of a URL.

    The pace is that of ``monotonic``: nobody can hold requests up by setting the clock back.
    """

    def __init__(
        self,
        canaries: AuditCanaries,
        observing: Observing,
        *,
        cluster: Cluster,
        intake: Intake,
        instances: Callable[[], Sequence[K10Instance]],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        new_nonce: Callable[[], str],
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._canaries = canaries
        self._observing = observing
        self._cluster = cluster
        self._intake = intake
        self._instances = instances
        self._clock = clock
        self._monotonic = monotonic
        self._new_nonce = new_nonce
        self._interval = interval
        self._told: dict[str, float] = {}
        self._complaints: set[str] = set()

    async def run(self) -> None:
        """Ask, look, tell; a failure is told and tried again."""
        await self._recall()
        next_at = self._monotonic()
        while True:
            if self._monotonic() >= next_at:
                await self._ask()
                next_at = self._monotonic() + self._interval
            await self._tell()
            await asyncio.sleep(TICK_SECONDS)

    async def _recall(self) -> None:
        recall = Recall()
        await self._put(recall)
        self._observing.restore(recall.observed)
        account = await self._learn_account()
        self._canaries.recall(account, recall.proofs, recall.probes)
        if account != recall.account:
            await self._put(Telling(account=account))

    async def _learn_account(self) -> str:
        while True:
            try:
                return await username(self._cluster)
            except ClusterError as error:
                self._complain(f"cannot learn our own name: {error}")
                await asyncio.sleep(self._interval)

    async def _ask(self) -> None:
        if not self._canaries.sources:
            return
        reached = [await self._send(instance, verb) for instance in self._instances() for verb in VERBS]
        if all(reached):
            self._complaints.clear()  # the next outage is news again

    async def _send(self, instance: K10Instance, verb: str) -> bool:
        """Whether the API server answered."""
        nonce, now = self._new_nonce(), self._clock()
        probes = {
            each.source: _probe(instance, verb=verb, nonce=nonce, now=now, deadline=now + each.deadline)
            for each in self._canaries.sources
        }
        self._canaries.sent(probes)
        await self._put(Telling(probes=self._canaries.known()))  # known as ours also to who comes after a crash
        reached = await self._reached(instance, verb, nonce)
        if not reached:
            self._canaries.withdrawn(probes)
        return reached

    async def _reached(self, instance: K10Instance, verb: str, nonce: str) -> bool:
        """Whether the API server answered, which it does with a refusal."""
        resource = Resource(in_domain(GROUP, instance.api_domain), VERSION, RESOURCE)
        try:
            if verb == "get":
                await self._cluster.get(resource, CANARY_NAME, namespace=instance.namespace, query={_PARAMETER: nonce})
            else:
                await self._cluster.delete(
                    resource, CANARY_NAME, namespace=instance.namespace, query={_PARAMETER: nonce}
                )
        except (NotFoundError, ForbiddenError):
            return True
        except ClusterError as error:
            self._complain(f"the API server does not answer: {error}")
            return False
        return True

    async def _tell(self) -> None:
        gaps, proofs = self._canaries.overdue(self._clock()), self._canaries.proofs()
        fresh = {source: proof for source, proof in proofs.items() if self._told.get(source) != proof}
        observed = self._observing.take_dirty()
        if not (gaps or fresh or observed):
            return
        for gap in gaps:
            log.warning("audit source missed our own requests", source=gap.source, reason=gap.reason)
        await self._put(Telling(gaps=gaps, proofs=fresh, observed=observed))
        self._told |= fresh

    async def _put(self, delivery: Recall | Telling) -> None:
        while True:
            try:
                await self._intake.put(delivery)
            except JournalUnavailableError as error:
                self._complain(f"the journal takes nothing: {error}")
                await asyncio.sleep(TICK_SECONDS)
            else:
                return

    def _complain(self, problem: str) -> None:
        if problem not in self._complaints:
            log.warning("audit sources cannot be proven alive", reason=problem)
        self._complaints.add(problem)


def _probe(instance: K10Instance, *, verb: str, nonce: str, now: float, deadline: float) -> Probe:
    return Probe(
        nonce=nonce,
        verb=verb,
        group=in_domain(GROUP, instance.api_domain),
        resource=RESOURCE,
        namespace=instance.namespace,
        name=CANARY_NAME,
        sent=now,
        deadline=deadline,
    )
