"""Sends Events about findings, behind the publisher's back: it never makes a finding wait, and never floods.

Events are hints with an hour to live. So they go through a small queue and a token bucket; what does not fit is
counted, and told with the finding's next change.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from auditwatch.cluster.errors import ClusterError, ConflictError, ForbiddenError, NotFoundError, TooManyRequestsError
from auditwatch.cluster.requests import Query, Resource
from auditwatch.findings.pacing import TokenBucket
from auditwatch.findings.state import FindingState
from auditwatch.outputs.events.bodies import event_body, name_of, series_body
from auditwatch.outputs.events.series import Told, next_step

EVENTS: Final = Resource("events.k8s.io", "v1", "events")
RATE: Final = 1.0
BURST: Final = 20
QUEUE: Final = 256
REMEMBERED: Final = 10_000
"""Findings whose Event is remembered; an older one costs one request more."""
RETRY_SECONDS: Final = 5.0

log = structlog.get_logger()


class Requests(Protocol):
    """The two requests an Event takes (:class:`auditwatch.cluster.client.Cluster`)."""

    async def create(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        query: Query | None = None,
    ) -> dict[str, Any]:
        """POST."""
        ...

    async def patch(
        self, resource: Resource, name: str, body: Mapping[str, Any] | list[Any], *, namespace: str = ""
    ) -> dict[str, Any]:
        """PATCH, as a merge patch."""
        ...


@dataclass(frozen=True, slots=True)
class _Offer:
    state: FindingState
    uid: str


class EventRecorder:
    """``offer`` from the loop that runs ``run``. ``instance`` names this pod."""

    def __init__(
        self,
        requests: Requests,
        *,
        instance: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        rate: float = RATE,
        burst: int = BURST,
    ) -> None:
        self._requests = requests
        self._instance = instance
        self._clock = clock
        self._monotonic = monotonic
        self._bucket = TokenBucket(rate=rate, burst=burst)
        self._queue: OrderedDict[str, _Offer] = OrderedDict()
        self._told: OrderedDict[str, Told] = OrderedDict()
        self._filled = asyncio.Event()
        self.dropped = 0
        """Events not sent for want of room, or because the API server refused them."""
        self.sent = 0
        """Requests that succeeded."""

    def offer(self, state: FindingState, *, uid: str) -> None:
        """The finding was written; tell of it if that is due. Returns at once."""
        if next_step(self._told.get(state.key), count=state.count, now=self._clock()) == "Nothing":
            return
        if state.key not in self._queue and len(self._queue) >= QUEUE:
            self.dropped += 1
            return
        self._queue[state.key] = _Offer(state, uid)
        self._filled.set()

    def forget(self, key: str) -> None:
        """The finding is gone."""
        self._queue.pop(key, None)
        self._told.pop(key, None)

    async def run(self) -> None:
        """Send what is offered until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(self._bucket.wait(self._monotonic()))
            await self.send_one()

    async def send_one(self) -> None:
        """Send the oldest offer, if a token is there."""
        if not self._queue or not self._bucket.take(self._monotonic()):
            return
        key, offer = self._queue.popitem(last=False)
        if not self._queue:
            self._filled.clear()
        try:
            await self._send(offer)
        except TooManyRequestsError as error:
            self._again(key, offer)
            await asyncio.sleep(error.retry_after or RETRY_SECONDS)
        except ForbiddenError as error:
            # Also the answer of a namespace that is being deleted: nobody would ever see the Event.
            self._give_up(offer, error)
        except ClusterError as error:
            self._give_up(offer, error)
        except Exception as error:  # noqa: BLE001 - an Event is a hint: a defect met in one must not end publishing
            self._give_up(offer, error)

    async def _send(self, offer: _Offer) -> None:
        now, state = self._clock(), offer.state
        if next_step(self._told.get(state.key), count=state.count, now=now) == "Create":
            await self._create(offer, now)
        else:
            await self._patch(offer, now)
        self.sent += 1
        self._told[state.key] = Told(state.count, now)
        self._told.move_to_end(state.key)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)

    async def _create(self, offer: _Offer, now: float) -> None:
        body = event_body(offer.state, uid=offer.uid, instance=self._instance, now=now)
        try:
            await self._requests.create(EVENTS, body, namespace=offer.state.namespace)
        except ConflictError:
            # It was told in an earlier life; only its series may change.
            if offer.state.count > 1:
                await self._patch(offer, now)

    async def _patch(self, offer: _Offer, now: float) -> None:
        state = offer.state
        try:
            await self._requests.patch(EVENTS, name_of(state), series_body(state.count, now), namespace=state.namespace)
        except NotFoundError:
            # Events live for an hour.
            body = event_body(state, uid=offer.uid, instance=self._instance, now=now)
            await self._requests.create(EVENTS, body, namespace=state.namespace)

    def _again(self, key: str, offer: _Offer) -> None:
        self._queue.setdefault(key, offer)
        self._queue.move_to_end(key, last=False)
        self._filled.set()

    def _give_up(self, offer: _Offer, error: Exception) -> None:
        self.dropped += 1
        told = str(error) if isinstance(error, ClusterError) else repr(error)
        log.warning("event not sent", finding=offer.state.name, namespace=offer.state.namespace, error=told)
