"""One request: who posts, what they post, and the answer, which is 200 only when everything of it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from auditwatch.events.audit import AuditRecord, Seen
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.journal.errors import JournalError, JournalFullError
from auditwatch.sources.webhook import answers
from auditwatch.sources.webhook.answers import Answer
from auditwatch.sources.webhook.bodies import EncodingError, TooSlowError, read_body, unpack
from auditwatch.sources.webhook.budget import Budget, Flight, NoRoomError
from auditwatch.sources.webhook.deliveries import Batch
from auditwatch.sources.webhook.doorkeeping import Admitted, Doorkeeper
from auditwatch.sources.webhook.plan import WebhookPlan
from auditwatch.sources.webhook.reading import BodyReader, Origin, Slice
from auditwatch.sources.webhook.sieve import HEADER, Sieve, encoded, told
from auditwatch.sources.webhook.toldgaps import GAPS_HEADER, gap_rows

log = structlog.get_logger()
_BROKEN = (aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError, ConnectionError)
"""What aiohttp raises where a connection breaks inside a body, or the body's framing is no HTTP."""
_TOO_LARGE = (
    "the body is larger than maxBytesInFlight of the source: lower --audit-webhook-truncate-max-batch-size of the "
    "API server (or the batch size of the agent), or raise maxBytesInFlight"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Answers requests. ``executor`` has one thread; ``clock``: seconds since the epoch."""

    plan: WebhookPlan
    intake: Intake
    redactor: Redactor
    seen: Seen
    sieve: Sieve
    doorkeeper: Doorkeeper
    budget: Budget
    waiting: Budget
    executor: Executor
    clock: Callable[[], float]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response, whatever happens."""
        try:
            answer = await self._answer(request)
        except Exception as error:  # noqa: BLE001 - the sender must come again, and nobody sees a traceback
            answer = _our_fault(error)
        return answer.response()

    async def _answer(self, request: web.BaseRequest) -> Answer:
        admitted = await self.doorkeeper.admit(request)
        if isinstance(admitted, Answer):
            return admitted
        if admitted.wants_needles:
            if request.method != "GET":
                return Answer(status=405, text="needles are asked for with GET", allow="GET")
            return Answer(status=200, document=encoded(told(self.sieve.needles)))
        if request.method != "POST":
            return Answer(status=405, text="events are sent with POST", allow="POST")
        return await self._receive(request, admitted)

    async def _receive(self, request: web.BaseRequest, admitted: Admitted) -> Answer:
        account = admitted.account
        with self.budget.flight() as flight:
            answer = await self._taken(request, flight, admitted)
        if answer.status != answers.TAKEN.status:
            account.refuse(answer.reason, answer.text)
            return answer
        digest = request.headers.get(HEADER, "")
        account.uses(digest, now=self.clock())
        account.took(now=self.clock())
        if self.sieve.is_stale(digest):
            return Answer(status=200, document=encoded({"needles": told(self.sieve.needles)}))
        return answer

    async def _taken(self, request: web.BaseRequest, flight: Flight, admitted: Admitted) -> Answer:
        try:
            body = await self._body(request, flight)
        except NoRoomError as error:
            reason, text = ("NoRoom", str(error)) if error.ever else ("BodyTooLarge", _TOO_LARGE)
            return answers.later(reason, text, closes=True)
        except TooSlowError as error:
            return answers.refused(408, "TooSlow", str(error), closes=True)
        except EncodingError as error:
            return answers.refused(400, "BadEncoding", str(error), closes=True)
        except _BROKEN:
            return answers.refused(400, "Interrupted", "the connection broke inside the body", closes=True)
        try:
            return await self._recorded(body, admitted, request.headers.get(GAPS_HEADER, ""))
        except Exception as error:  # noqa: BLE001 - the sender must come again, and this must be counted as its own
            return _our_fault(error)

    async def _body(self, request: web.BaseRequest, flight: Flight) -> bytes:
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip"}:
            raise EncodingError(f"Content-Encoding {encoding[:32]} is not known here: send gzip, or as it is")
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        body = await read_body(request.content, flight, self.plan.limits, promised=request.content_length)
        return await unpack(body, flight, self._elsewhere) if encoding == "gzip" else body

    async def _recorded(self, body: bytes, admitted: Admitted, gaps: str) -> Answer:
        reader = self._reader(body, admitted.instance)
        lost = gap_rows(gaps, cluster=self.plan.cluster, source=self.plan.name, instance=admitted.instance)
        refusal = await self._committed(Slice(rows=lost, size=len(gaps)))
        if refusal is not None:
            return refusal
        loop, is_last = asyncio.get_running_loop(), False
        while not is_last:
            part = await loop.run_in_executor(self.executor, reader.next_slice)
            refusal = await self._committed(part)
            if refusal is not None:
                return refusal
            await loop.run_in_executor(self.executor, self._show, part.records)
            admitted.account.read(part)
            is_last = part.is_last
        return answers.TAKEN

    def _reader(self, body: bytes, instance: str) -> BodyReader:
        plan = self.plan
        origin = Origin(cluster=plan.cluster, source=plan.name, instance=instance, received=self.clock())
        return BodyReader(
            body,
            origin=origin,
            prefilter=self.sieve.prefilter,
            redactor=self.redactor,
            body_limit=plan.limits.event_bytes,
        )

    async def _committed(self, part: Slice) -> Answer | None:
        """``None`` once the slice is on disk; otherwise why it is not."""
        if not part.rows:
            return None
        try:
            with self.waiting.flight() as flight:
                flight.enter(part.size)
                async with asyncio.timeout(self.plan.limits.commit_seconds):
                    await self.intake.put(Batch(self.plan.name, part.rows, part.size))
        except (TimeoutError, NoRoomError):
            return answers.later("Busy", "the journal is behind: nothing was lost, come again")
        except JournalFullError as error:
            return answers.later("JournalFull", f"the journal takes nothing more: {error.problem}; {error.fix}")
        except JournalError as error:
            return answers.later("JournalUnavailable", f"the journal takes nothing now: {error.problem}; {error.fix}")
        except Exception as error:  # noqa: BLE001 - of the engine, which stops: the sender must come again
            return answers.later("NotRecorded", f"nothing was recorded: {type(error).__name__}; come again")
        return None

    def _show(self, records: Sequence[AuditRecord]) -> None:
        """What is on disk proves its source alive: a sender that is refused may give the same up for good."""
        try:
            for record in records:
                self.seen(record)
        except Exception as error:  # noqa: BLE001 - the events are safe, and to have them sent again would change nothing
            log.error("events that were taken in could not be shown: report this", error=type(error).__name__)  # noqa: TRY400 - bodies may be in the traceback

    async def _elsewhere(self, work: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self.executor, partial(work))


def _our_fault(error: Exception) -> Answer:
    """Without its traceback, in which bodies may be."""
    log.error("a request failed: report this", error=f"{type(error).__name__}: {error}")
    return answers.later("InternalError", "this failed on our side; come again")
