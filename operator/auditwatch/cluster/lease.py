"""One Lease around everything that writes: of several processes only the one that holds it may.

Clocks of different machines are never compared: a holder counts as gone when *we* have not seen its Lease change for
as long as it promised to renew it. ``decide`` is the whole policy; :class:`LeaseHolder` does what it says. The
identity is a parameter that restarts keep (a pod's name, a StatefulSet's), so that a process which was killed takes
its own Lease back at once.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ApiError, ClusterError, ConflictError, NotFoundError
from auditwatch.cluster.requests import Resource

LEASES = Resource("coordination.k8s.io", "v1", "leases")
JSONObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """Seconds: how long a Lease is good for, when a holder that cannot renew gives up, and between two tries.

    15, 10 and 2 are the defaults of Kubernetes' own controllers. ``deadline`` below ``duration`` is what keeps two
    holders apart: the old one has stopped before the new one may start.
    """

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    @classmethod
    def of(cls, duration: float) -> LeaseTimes:
        """The usual proportions for a Lease of ``duration`` seconds."""
        usual = cls()
        return cls(
            duration=duration,
            deadline=duration * usual.deadline / usual.duration,
            retry=duration * usual.retry / usual.duration,
        )


class Action(enum.Enum):
    """What to do about a Lease."""

    CREATE = "Create"
    TAKE = "Take"
    RENEW = "Renew"
    WAIT = "Wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A Lease as last read, and since when (our monotonic clock, seconds) it has not changed."""

    holder: str
    duration: float
    resource_version: str
    since: float
    body: JSONObject


def sight(previous: Sighting | None, lease: JSONObject | None, *, now: float, times: LeaseTimes) -> Sighting | None:
    """The sighting after reading ``lease`` (``None``: there is none); unchanged, it keeps its ``since``."""
    if lease is None:
        return None
    version = lease["metadata"]["resourceVersion"]
    if previous is not None and previous.resource_version == version:
        return previous
    spec = lease.get("spec") or {}
    return Sighting(
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or times.duration),
        resource_version=version,
        since=now,
        body=lease,
    )


def decide(sighting: Sighting | None, *, identity: str, now: float) -> Action:
    """Whether the Lease is ours, free, given up, or somebody's. ``now``: our monotonic clock."""
    if sighting is None:
        return Action.CREATE
    if sighting.holder == identity:
        return Action.RENEW
    if not sighting.holder or now - sighting.since > sighting.duration:
        return Action.TAKE
    return Action.WAIT


def lease_body(
    sighting: Sighting | None, *, namespace: str, name: str, identity: str, times: LeaseTimes, wall: datetime
) -> JSONObject:
    """The Lease to write: ours, renewed now; ``identity`` empty gives it back.

    It carries the resourceVersion that was read, so a write in between makes it fail (409).
    """
    before = sighting.body if sighting else {"metadata": {"namespace": namespace, "name": name}}
    spec = dict(before.get("spec") or {})
    stamp = wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if spec.get("holderIdentity") != identity:
        spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + (1 if identity and sighting else 0)
        spec["acquireTime"] = stamp
    spec |= {"holderIdentity": identity, "renewTime": stamp, "leaseDurationSeconds": int(times.duration)}
    if not identity:
        spec["leaseDurationSeconds"] = 1
    return {**before, "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}


class LeaseHolder:
    """Takes a Lease, keeps it, gives it back.

    ``clock`` is monotonic seconds, ``wall`` the time written for people; ``await acquire()``, then run ``keep()``
    beside the work.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        times: LeaseTimes | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._times = times or LeaseTimes()
        self._sighting: Sighting | None = None
        self._renewed: float | None = None

    @property
    def held(self) -> bool:
        """Whether it is ours: renewed, by our clock, within the deadline."""
        return self._renewed is not None and self._clock() - self._renewed < self._times.deadline

    @property
    def holder(self) -> str:
        """Who held it when it was last read; empty where nobody did."""
        return self._sighting.holder if self._sighting else ""

    async def acquire(self, *, waiting: Callable[[str], None] | None = None) -> None:
        """Return once the Lease is ours, however long that takes.

        ``waiting`` is told, at each try that fails, whom or what we wait for.
        """
        while True:
            if await self._try(waiting):
                return
            await asyncio.sleep(self._times.retry)

    async def keep(self, lost: Callable[[str], None]) -> None:
        """Renew until the Lease is lost; then call ``lost`` once with the reason and return."""
        reason = ""
        while not reason:
            await asyncio.sleep(self._times.retry)
            reason = await self._renew()
        self._renewed = None
        lost(reason)

    async def release(self) -> None:
        """Give it back, so that another may start at once. Harmless when it is not ours; errors are not raised."""
        if self._renewed is None:
            return
        self._renewed = None
        try:
            await self._write(identity="")
        except ClusterError:
            return  # it runs out by itself

    async def _try(self, waiting: Callable[[str], None] | None) -> bool:
        problem = ""
        try:
            await self._read()
            if decide(self._sighting, identity=self._identity, now=self._clock()) is Action.WAIT:
                problem = f"held by {self.holder}"
            else:
                await self._write(identity=self._identity)
        except ClusterError as error:
            problem = str(error)
        if problem and waiting:
            waiting(problem)
        return not problem

    async def _renew(self) -> str:
        """Why the Lease is lost; empty while it is ours."""
        assert self._renewed is not None
        left = self._renewed + self._times.deadline - self._clock()
        problem = "its deadline passed"
        try:
            async with asyncio.timeout(max(left, 0)):
                try:
                    await self._write(identity=self._identity)
                except ConflictError:
                    await self._read()  # a deleted Lease is a conflict too: the server sees a precondition fail
                    if self._sighting and self.holder != self._identity:
                        return f"{self.holder or 'nobody'} holds it now"
                    await self._write(identity=self._identity)
        except TimeoutError:
            pass
        except ApiError as error:
            problem = str(error)
            if isinstance(error, NotFoundError):
                self._sighting = None  # somebody deleted it: make it again
        except ClusterError as error:
            problem = str(error)
        return "" if self.held else f"not renewed for {self._times.deadline:g} s: {problem}"

    async def _read(self) -> None:
        try:
            lease = await self._cluster.get(LEASES, self._name, namespace=self._namespace)
        except NotFoundError:
            lease = None
        self._sighting = sight(self._sighting, lease, now=self._clock(), times=self._times)

    async def _write(self, *, identity: str) -> None:
        started = self._clock()
        body = lease_body(
            self._sighting,
            namespace=self._namespace,
            name=self._name,
            identity=identity,
            times=self._times,
            wall=self._wall(),
        )
        if self._sighting is None:
            written = await self._cluster.create(LEASES, body, namespace=self._namespace)
        else:
            written = await self._cluster.replace(LEASES, self._name, body, namespace=self._namespace)
        self._sighting = sight(self._sighting, written, now=self._clock(), times=self._times)
        self._renewed = started if identity else None
