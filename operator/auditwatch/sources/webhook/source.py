"""The webhook source: puts the parts together, listens, and keeps certificates and tokens current while it runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import structlog
from aiohttp import web

from auditwatch.events.audit import Seen, unseen
from auditwatch.events.needles import Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.sources.webhook.accounts import Accounts
from auditwatch.sources.webhook.budget import Budget
from auditwatch.sources.webhook.capublication import CAPublication, ConfigMaps
from auditwatch.sources.webhook.certificates import Random, SelfMadeError, ensure
from auditwatch.sources.webhook.connections import Connections
from auditwatch.sources.webhook.doorkeeping import Doorkeeper
from auditwatch.sources.webhook.listening import Listener
from auditwatch.sources.webhook.plan import SelfMade, TLSFiles, WebhookPlan, check
from auditwatch.sources.webhook.receiving import Receiver
from auditwatch.sources.webhook.report import WebhookReport
from auditwatch.sources.webhook.reviewing import Reviews, TokenReviewer
from auditwatch.sources.webhook.sieve import Sieve
from auditwatch.sources.webhook.tls import TLSKeeper
from auditwatch.sources.webhook.tokenfiles import TokenFiles

SWEEP_SECONDS = 1.0
FILES_EVERY = 5
"""Sweeps between two looks at the files of certificates and tokens."""
DRAIN_SECONDS = 5.0
log = structlog.get_logger()


class WebhookSource:
    """``start`` and ``stop`` in one event loop; ``report`` may be called from any thread.

    ``needles`` is asked at every request and may be answered by whatever is in force then. ``clock``: seconds since the
    epoch. Without a ``reviewer`` service accounts cannot be told apart and are to come again. ``config_maps``: by whom
    the self-made CA is published, where the plan says so.
    """

    def __init__(
        self,
        plan: WebhookPlan,
        *,
        intake: Intake,
        redactor: Redactor,
        needles: Callable[[], Needles],
        reviewer: TokenReviewer | None,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        serial: Random,
        config_maps: ConfigMaps | None = None,
        seen: Seen = unseen,
    ) -> None:
        self._plan = plan
        self._intake = intake
        self._redactor = redactor
        self._seen = seen
        self._sieve = Sieve(needles)
        self._reviews = Reviews(reviewer, monotonic=monotonic)
        self._clock = clock
        self._serial = serial
        self._accounts = Accounts(plan.name, tuple(sender.instance for sender in plan.senders))
        self._connections = Connections(
            most=plan.limits.connections, patience=plan.limits.head_seconds, monotonic=monotonic
        )
        self._tokens = TokenFiles(sender.token_file for sender in plan.senders if sender.token_file)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=plan.name)
        self._problem = ""
        self._server: web.Server | None = None
        self._listener: Listener | None = None
        self._publication = self._ca_publication(config_maps, monotonic)
        self._keeping: list[asyncio.Task[None]] = []
        self._tls: TLSKeeper | None = None

    @property
    def port(self) -> int:
        """The port it really listens on; 0 before the start."""
        return self._listener.port if self._listener else 0

    async def start(self) -> None:
        """Listen. Raises :class:`UnsafePlanError`, :class:`TLSFilesError`, :class:`SelfMadeError`, ``OSError``."""
        check(self._plan)
        self._tls = TLSKeeper(await asyncio.to_thread(self._files))
        self._server = web.Server(
            self._receiver(self._tls).answer,
            access_log=None,
            logger=_silent(),
            keepalive_timeout=self._plan.limits.idle_seconds,
            auto_decompress=False,
            lingering_time=self._plan.limits.stall_seconds,
        )
        self._listener = Listener(
            self._server, context=self._current, connections=self._connections, limits=self._plan.limits
        )
        self._listener.start(self._plan.address, self._plan.port)
        self._keeping = [asyncio.create_task(self._keep(self._tls), name=f"{self._plan.name} keeps")]
        if self._publication is not None:
            self._keeping.append(asyncio.create_task(self._publication.run(), name=f"{self._plan.name} publishes"))
        log.info("webhook listens", source=self._plan.name, port=self.port)

    async def stop(self) -> None:
        """Take no more, answer what was begun for :data:`DRAIN_SECONDS`; what was not answered will come again."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        if self._listener is not None:
            await self._listener.stop()
        if self._server is not None:
            self._server.pre_shutdown()
            await self._server.shutdown(DRAIN_SECONDS)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def report(self) -> list[WebhookReport]:
        """One report per instance."""
        unpublished = self._publication.problem if self._publication else ""
        problems = [self._tls.problem if self._tls else "", self._tokens.problem, self._problem, unpublished]
        return self._accounts.report("; ".join(filter(None, problems)))

    def _ca_publication(self, config_maps: ConfigMaps | None, monotonic: Callable[[], float]) -> CAPublication | None:
        tls = self._plan.tls
        if not isinstance(tls, SelfMade) or not tls.published_in:
            return None
        return CAPublication(
            self._plan.name, tls.published_in, file=tls.authority, config_maps=config_maps, monotonic=monotonic
        )

    def _receiver(self, tls: TLSKeeper) -> Receiver:
        doorkeeper = Doorkeeper(
            self._plan,
            accounts=self._accounts,
            connections=self._connections,
            tls=tls,
            tokens=self._tokens,
            reviews=self._reviews,
            clock=self._clock,
        )
        return Receiver(
            plan=self._plan,
            intake=self._intake,
            redactor=self._redactor,
            seen=self._seen,
            sieve=self._sieve,
            doorkeeper=doorkeeper,
            budget=Budget(self._plan.limits.flight_bytes),
            waiting=Budget(self._plan.limits.waiting_bytes),
            executor=self._executor,
            clock=self._clock,
        )

    def _current(self) -> ssl.SSLContext:
        assert self._tls is not None
        return self._tls.context

    def _files(self) -> TLSFiles:
        """The files to serve with, made or renewed first where they are ours."""
        if isinstance(self._plan.tls, TLSFiles):
            return self._plan.tls
        return self._made(self._plan.tls)

    def _made(self, where: SelfMade) -> TLSFiles:
        made = ensure(where, now=datetime.fromtimestamp(self._clock(), UTC), serial=self._serial)
        for each in made.done:
            log.warning("webhook certificates", source=self._plan.name, done=each)
        self._note(made.problem)
        return made.files

    def _note(self, problem: str) -> None:
        if problem and not self._problem:
            log.warning("webhook certificates", source=self._plan.name, problem=problem)
        self._problem = problem

    async def _keep(self, tls: TLSKeeper) -> None:
        turn = 0
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._connections.sweep()
            turn = (turn + 1) % FILES_EVERY
            if turn == 0:
                await asyncio.to_thread(self._look_at_files, tls)

    def _look_at_files(self, tls: TLSKeeper) -> None:
        try:
            self._files()
        except SelfMadeError as error:
            self._note(str(error))
        tls.refresh()
        self._tokens.refresh()


def _silent() -> logging.Logger:
    """For aiohttp, which would log a traceback for every request that is not HTTP."""
    logger = logging.getLogger("auditwatch.webhook")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return logger
