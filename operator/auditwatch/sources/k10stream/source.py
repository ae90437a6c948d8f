"""The k10stream source as a whole, for one K10: a follower per pod that serves its APIs, and our own requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError
from auditwatch.cluster.pod_logs import PODS
from auditwatch.cluster.requests import Resource
from auditwatch.cluster.whoami import username
from auditwatch.events.audit import AuditRecord
from auditwatch.events.canary import Canary, gap_of
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.k10.identity import AGGREGATED_APIS, K10Instance
from auditwatch.sources.k10stream.canary import Pace, Verdict
from auditwatch.sources.k10stream.course import Intervals, Loss, departed, trouble
from auditwatch.sources.k10stream.deliveries import Departure, Recall
from auditwatch.sources.k10stream.follower import Follower, Surroundings, put
from auditwatch.sources.k10stream.knowledge import Knowledge
from auditwatch.sources.k10stream.marks import Position, Standing
from auditwatch.sources.k10stream.pods import ContainerRun, runs_of, selector_of
from auditwatch.sources.k10stream.proving import Prover
from auditwatch.sources.k10stream.reading import Reader
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.k10stream.waking import rest

log = structlog.get_logger()
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments")
_NO_K10: Final = "there is no Deployment aggregatedapis-svc: K10 is not installed here, or its API server was deleted"
_SUSPECT: Final = (
    "{} lines held something like an audit event and were not believed, for they do not stand in the envelope that our "
    "own requests have: they are forged, or K10 writes events in more than one"
)
_NO_POD: Final = "no pod of K10's Deployment aggregatedapis-svc runs: scale it up"


class K10StreamSource:
    """Runs in the event loop of its :class:`Cluster`; ``report`` and ``is_canary`` may be called from any thread.

    ``new_nonce`` gives at least 16 random characters of a URL. ``account``: our own username, asked for where empty.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        intake: Intake,
        redactor: Redactor,
        cluster_name: str,
        k10: K10Instance,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        new_nonce: Callable[[], str],
        name: str = "k10stream",
        account: str = "",
        pace: Pace | None = None,
        intervals: Intervals | None = None,
    ) -> None:
        self.name = name
        self._k10 = k10
        self._cluster_name = cluster_name
        self._redactor = redactor
        self._followers: dict[str, Follower] = {}
        self._left: dict[str, Position] = {}
        self._verdict = Verdict("Starting")
        self._knowledge = Knowledge(standing=Standing(began=clock()), canary=Canary(account=account))
        self._around = Surroundings(
            cluster=cluster,
            intake=intake,
            namespace=k10.namespace,
            clock=clock,
            jitter=jitter,
            pods=lambda: [follower.pod.pod for follower in self._followers.values()],
            look=asyncio.Event(),
            intervals=intervals or Intervals(),
        )
        self._prover = Prover(
            cluster=cluster,
            intake=intake,
            k10=k10,
            cluster_name=cluster_name,
            source=name,
            knowledge=self._knowledge,
            followers=lambda: list(self._followers.values()),
            clock=clock,
            monotonic=monotonic,
            new_nonce=new_nonce,
            pace=pace or Pace(),
        )

    async def run(self) -> None:
        """Follow every pod until cancelled."""
        await self._recall()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._prover.run())
            while True:
                await self._attempt(group)
                await rest(self._around.intervals.pods, news=self._around.look)

    def report(self) -> list[PodReport]:
        """One report per pod, by name; where there is none, one that says why."""
        now = self._around.clock()
        followers = sorted(self._followers.values(), key=lambda follower: follower.pod.pod)
        return [self._report(follower, now) for follower in followers] or [self._report(None, now)]

    def is_canary(self, record: AuditRecord) -> bool:
        """Whether a record, of whatever source, is one of our own requests: those, and no others, meet no rules."""
        return self._knowledge.canary.is_canary(record)

    def _report(self, follower: Follower | None, now: float) -> PodReport:
        found = self._standing_of(follower)
        proof = self._knowledge.canary.last_proof
        return PodReport(
            namespace=self._k10.namespace,
            pod=follower.pod.pod if follower else "",
            state=found.state,
            message=found.message,
            last_event=follower.last_event if follower else None,
            last_proof_of_life=proof,
            lag=None if proof is None else max(now - proof, 0.0),
            **({"counts": follower.counts()} if follower else {}),
        )

    def _standing_of(self, follower: Follower | None) -> Verdict:
        if follower is None:
            return self._verdict
        if follower.trouble is not None:
            return Verdict(follower.trouble.state, follower.trouble.message)
        found = self._prover.verdict()
        suspect = follower.counts().suspect
        return Verdict("Live", _SUSPECT.format(suspect)) if found.state == "Live" and suspect else found

    async def _recall(self) -> None:
        recall = Recall(namespace=self._k10.namespace, now=self._around.clock())
        await put(self._around.intake, recall)
        self._knowledge.standing = recall.standing
        self._knowledge.canary.last_proof = recall.standing.proof
        self._left = recall.positions

    async def _attempt(self, group: asyncio.TaskGroup) -> None:
        """Look at the pods; a failure is told and tried again."""
        intervals = self._around.intervals
        try:
            await self._look(group)
        except ClusterError as error:
            found = trouble(error, namespace=self._k10.namespace, failures=1, intervals=intervals, jitter=0.5)
            self._verdict = Verdict(found.state, found.message)
            log.warning("K10's pods not seen", namespace=self._k10.namespace, reason=str(error))
        except Exception as error:  # noqa: BLE001 - what is followed must go on; it is told
            self._verdict = Verdict("Unavailable", f"a defect of this program: {type(error).__name__}")
            log.critical("k10stream source failed", namespace=self._k10.namespace, error=repr(error))

    async def _look(self, group: asyncio.TaskGroup) -> None:
        cluster, namespace, canary = self._around.cluster, self._k10.namespace, self._knowledge.canary
        canary.account = canary.account or await username(cluster)
        named = {"fieldSelector": f"metadata.name={AGGREGATED_APIS}"}
        deployments = await cluster.list(DEPLOYMENTS, namespace=namespace, query=named)
        pods: Sequence[dict[str, Any]] = ()
        if deployments:
            chosen = {"labelSelector": selector_of(deployments[0])}
            pods = await cluster.list(PODS, namespace=namespace, query=chosen)
        runs = runs_of(pods, account=self._k10.service_account)
        self._verdict = Verdict("Absent", _NO_POD if deployments else _NO_K10)
        await self._compare(runs, group)

    async def _compare(self, runs: Sequence[ContainerRun], group: asyncio.TaskGroup) -> None:
        """Tell followers what became of their pods, and follow the new ones."""
        present = {run.uid: run for run in runs}
        for uid, follower in self._followers.items():
            if uid in present:
                follower.tell(present[uid])
            else:
                follower.gone()
        for run in runs:
            if run.uid not in self._followers:
                self._begin(run, group)
        for position in [position for uid, position in self._left.items() if uid not in present]:
            del self._left[position.uid]
            await self._depart(position, departed(position, successor=_after(position, runs), now=self._around.clock()))

    def _begin(self, run: ContainerRun, group: asyncio.TaskGroup) -> None:
        reader = Reader(
            cluster=self._cluster_name,
            source=self.name,
            pod=run.pod,
            redactor=self._redactor,
            knowledge=self._knowledge,
        )
        follower = Follower(run, self._left.pop(run.uid, None), reader, self._around)
        self._followers[run.uid] = follower
        group.create_task(self._follow(follower))

    async def _follow(self, follower: Follower) -> None:
        await follower.run()
        others = [other.pod for other in self._followers.values() if other is not follower]
        del self._followers[follower.pod.uid]
        position = follower.position
        if position is not None:
            successor = _after(position, others)
            lost = departed(position, successor=successor, now=self._around.clock())
            await self._depart(position, None if follower.is_complete else lost)

    async def _depart(self, position: Position, lost: Loss | None) -> None:
        gap = None
        if lost is not None:
            gap = gap_of(
                lost.stretch,
                cluster=self._cluster_name,
                source=self.name,
                subject=position.pod,
                reason=lost.reason,
                message=lost.message,
            )
        departure = Departure(namespace=self._k10.namespace, source=self.name, uid=position.uid, gap=gap)
        await put(self._around.intake, departure)


def _after(position: Position, runs: Sequence[ContainerRun]) -> float | None:
    """When the first container began that runs since a pod was read last."""
    return min((run.started for run in runs if run.started is not None and run.started > position.time), default=None)
