"""The operator as a whole: what is started, in which order, what ends it, and how it ends.

Order is correctness here. The journal opens before the Lease is asked for, because its id is the identity that
restarts keep. Rule sets are installed before matching is enabled, so that no row of the log passes unmatched. What
saw something last is stopped first: sources, then matching, then publishing, then the Lease is given back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog

from auditwatch.cluster import discovery, whoami
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError
from auditwatch.cluster.findings import FindingStore
from auditwatch.detection.packs import built_in_packs
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.k10.identity import K10Instance
from auditwatch.outputs.events.recorder import EventRecorder
from auditwatch.runtime import defaultwatch
from auditwatch.runtime.kopfing import KopfThread, login_with
from auditwatch.runtime.metrics import registry_of
from auditwatch.runtime.parts import Launch, Parts, Surface
from auditwatch.runtime.probes import LoopLag, Probes
from auditwatch.runtime.proving import know_our_own
from auditwatch.runtime.publishing import Publisher
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.registry import Registry
from auditwatch.runtime.repair import Repair
from auditwatch.runtime.sharing import Sharing
from auditwatch.runtime.statuswriter import StatusWriter

RETRY_SECONDS = 2.0
BACKLOG_SECONDS = 1.0
EXIT_STOPPED, EXIT_FAILED, EXIT_LOST_LEASE = 0, 1, 3

log = structlog.get_logger()


class Operator:
    """One run. ``stop()`` ends it in order; :meth:`run` returns the exit code."""

    def __init__(self, launch: Launch, cluster: Cluster) -> None:
        self._launch = launch
        self._settings = launch.settings
        self._cluster = cluster
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[int] = self._loop.create_future()
        self._stopping = asyncio.Event()
        self._ready_reason = "starting"
        self._tasks: list[asyncio.Task[Any]] = []
        self._lag = LoopLag()
        self._registry = Registry(changed=self._watches_changed)
        self._publisher = Publisher(
            FindingStore(cluster),
            EventRecorder(cluster, instance=launch.namespace),
            namespaces=self._finding_namespaces,
        )
        self._status: StatusWriter | None = None

    def stop(self) -> None:
        """End in order; from a signal handler."""
        self._end(EXIT_STOPPED, "stopped as asked")

    async def run(self) -> int:
        """Start everything, wait for what ends it, stop everything. Raises what keeps it from starting."""
        name = self._settings.cluster_name or await self._patiently("reach the API server", discovery.cluster_id)
        if name is None:
            return self._ending.result()
        self._parts = self._open(name)
        probes = self._probes()
        try:
            await probes.start(address=self._settings.probes.address, port=self._settings.probes.port)
            self._spawn(self._lag.measure(), "loop lag")
            await self._lead()
            return await self._ending
        finally:
            await self._shut_down()
            await probes.stop()

    # Starting

    def _open(self, cluster_name: str) -> Parts:
        surface = Surface(
            cluster=self._cluster,
            registry=self._registry,
            publisher=self._publisher,
            lag=self._lag,
            engine_ended=self._ended_by("engine"),
            sources_ended=self._ended_by("sources"),
        )
        return Parts(self._launch, surface, cluster_name)

    def _probes(self) -> Probes:
        return Probes(
            health=self._parts.overview.health,
            readiness=lambda: self._parts.overview.readiness(self._ready_reason),
            metrics=registry_of(self._parts.overview.figures),
        )

    async def _lead(self) -> None:
        """Take the Lease, then everything that writes."""
        self._ready_reason = "waiting for the Lease"
        if not await self._unless_ended(self._parts.lease.acquire(waiting=_told_once("waiting for the Lease"))):
            return
        self._spawn(
            self._parts.lease.keep(lambda reason: self._end(EXIT_LOST_LEASE, f"lost the Lease: {reason}")), "lease"
        )
        self._ready_reason = "reading AuditWatches"
        found = await self._patiently("find K10", self._surroundings)
        if found is None:
            return
        instances, account = found
        reconciling = self._reconciling(instances, account)
        repair = Repair(self._cluster, reconciling, find=self._instances, follow=self._follow, found=instances)
        sharing = Sharing(self._cluster, reconciling, namespace=self._launch.namespace)
        if await self._patiently("read ConfigMaps with packs", lambda _: sharing.once()) is None:
            return
        if await self._default_watch() is None:
            return
        if not await self._take_up(repair, reconciling):
            return
        if await self._patiently("read findings", lambda _: self._start_publishing()) is None:
            return
        with suppress(JournalUnavailableError):  # told by the engine; what is not known is taken up a little later
            await know_our_own(self._parts.canaries, self._parts.engine)
        await asyncio.wrap_future(self._parts.engine.read_with(self._parts.reading(instances or (K10Instance(),))))
        await asyncio.wrap_future(self._parts.engine.enable_matching())
        self._parts.ingest.start(instances or (K10Instance(),))
        self._start_kopf(reconciling)
        self._status = StatusWriter(self._cluster, self._registry, overview=self._parts.overview)
        self._publishing = self._spawn(self._publisher.run(self._parts.engine, self._stopping), "publishing")
        self._spawn(self._status.run(), "status")
        self._spawn(repair.run(), "repair")
        self._spawn(sharing.run(), "packs")
        self._ready_reason = ""
        log.info("operator ready", k10s=[instance.namespace for instance in instances])

    async def _take_up(self, repair: Repair, reconciling: Reconciling) -> bool:
        """Every AuditWatch is in force; False where the operator was told to end first.

        A journal that cannot be written is waited for: windows of rules that are not in force are given up.
        """
        tell = _told_once("rules not in force yet")
        while await self._patiently("read AuditWatches", lambda _: repair.once()):
            waiting = reconciling.waiting_for()
            if not waiting or self._parts.engine.figures().is_healthy:
                return True
            tell(waiting)
            self._ready_reason = f"cannot put rules in force: {waiting}"
            await self._unless_ended(asyncio.sleep(RETRY_SECONDS))
        return False

    async def _default_watch(self) -> bool | None:
        """The installation's own AuditWatch is there, or was refused; ``None`` as of :meth:`_patiently`."""
        wanted, namespace = self._settings.default_watch, self._launch.namespace
        if wanted is None:
            return True
        making = f"make AuditWatch {wanted.name}"
        refused = await self._patiently(making, lambda each: defaultwatch.provide(each, wanted, namespace=namespace))
        if refused:
            log.error("default AuditWatch refused", watch=wanted.name, reason=refused)
        return None if refused is None else True

    async def _surroundings(self, cluster: Cluster) -> tuple[tuple[K10Instance, ...], str]:
        """The K10s there are, and who we are to their cluster."""
        return await self._instances(cluster), await self._account(cluster)

    async def _account(self, cluster: Cluster) -> str:
        """Our username; empty where the server tells nobody."""
        try:
            return await whoami.username(cluster)
        except (ForbiddenError, NotFoundError) as error:
            log.warning("our own account is not known", reason=str(error))
            return ""

    def _reconciling(self, instances: tuple[K10Instance, ...], account: str) -> Reconciling:
        packs, problems = built_in_packs()
        for problem in problems:
            log.error("a pack of this release has a problem", problem=str(problem))
        return Reconciling(
            self._registry,
            self._parts.engine,
            operator_namespace=self._launch.namespace,
            tenant_namespaces=self._settings.tenancy.namespaces,
            packs=packs,
            needles=self._parts.needles,
            instances=instances or (K10Instance(),),
            clock=time.time,
            runbooks=self._settings.runbooks.url,
            account=account,
        )

    async def _instances(self, cluster: Cluster) -> tuple[K10Instance, ...]:
        if self._settings.k10s:
            return tuple(
                K10Instance(
                    name=k10.name,
                    namespace=k10.namespace,
                    service_account=k10.service_account,
                    api_domain=k10.api_domain,
                    multicluster_namespace=k10.multicluster_namespace,
                )
                for k10 in self._settings.k10s
            )
        return await discovery.find_instances(cluster)

    def _follow(self, instances: tuple[K10Instance, ...]) -> None:
        self._parts.engine.read_with(self._parts.reading(instances))
        self._parts.ingest.follow(instances)

    async def _start_publishing(self) -> bool:
        await self._publisher.start(self._parts.engine)
        return True

    def _start_kopf(self, reconciling: Reconciling) -> None:
        self._kopf = KopfThread(
            reconciling,
            identity=self._launch.namespace,
            login=login_with(self._cluster.connection),
            ended=self._ended_by("kopf"),
        )
        self._kopf.start()

    # Ending

    async def _shut_down(self) -> None:
        log.info("stopping", why=self._ready_reason or "asked")
        if hasattr(self, "_kopf"):
            await asyncio.to_thread(self._kopf.stop)
            await asyncio.to_thread(self._parts.ingest.stop)
        if hasattr(self, "_publishing"):
            await self._finish_matching()
            self._stopping.set()
            with suppress(Exception):  # what ended it was logged where it ended
                await self._publishing
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._parts.engine.stop)
        await self._parts.lease.release()

    async def _finish_matching(self) -> None:
        """A short while for what is committed to become findings; the rest is matched after the next start."""
        end = self._loop.time() + BACKLOG_SECONDS
        while self._parts.engine.figures().backlog and self._loop.time() < end:  # noqa: ASYNC110 - another thread's figure
            await asyncio.sleep(0.02)

    def _end(self, code: int, why: str) -> None:
        if not self._ending.done():
            log.log(20 if code == EXIT_STOPPED else 40, "ending", why=why, exit_code=code)
            self._ready_reason = "stopping"
            self._ending.set_result(code)

    def _ended_by(self, what: str) -> Any:
        def ended(error: BaseException | None) -> None:
            why = f"{what} ended: {_cause(error)}" if error else f"{what} ended"
            self._loop.call_soon_threadsafe(self._end, EXIT_FAILED, why)

        return ended

    # The parts' parts

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._note_end)
        self._tasks.append(task)
        return task

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(EXIT_FAILED, f"{task.get_name()} failed: {_cause(error)}")

    async def _unless_ended(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Run it; False where the operator was told to end first."""
        task = asyncio.create_task(work)
        await asyncio.wait([task, self._ending], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return False
        task.result()
        return True

    async def _patiently(self, what: str, work: Any) -> Any:
        """What ``work(cluster)`` answers, tried until it does; ``None`` where the operator was told to end first."""
        tell = _told_once(f"cannot {what} yet")
        while not self._ending.done():
            try:
                return await work(self._cluster)
            except ClusterError as error:
                tell(str(error))
                self._ready_reason = f"cannot {what}: {error}"
            await self._unless_ended(asyncio.sleep(RETRY_SECONDS))
        return None

    def _watches_changed(self) -> None:
        if self._status is not None:
            self._status.wake()

    def _finding_namespaces(self) -> set[str]:
        named = {entry.spec.findings.namespace or entry.namespace for entry in self._registry.entries()}
        return named | {self._launch.namespace}


def _cause(error: BaseException) -> str:
    """What went wrong; of several things at once the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _told_once(event: str) -> Any:
    """A function that logs ``event`` with its reason, once per reason."""
    said: set[str] = set()

    def tell(reason: str) -> None:
        if reason not in said:
            said.add(reason)
            log.warning(event, reason=reason)

    return tell
