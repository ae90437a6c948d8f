"""The agent's end of the file source: posts lines to the operator as they are, and saves the position when it has them.

It knows nothing of rules and has no rights: the operator tells it what to look for; until it has, everything is sent.
Nothing is ever dropped: what is not taken is sent again, and meanwhile the log is not read any further.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from isal import igzip

from auditwatch.events.needles import Needle, Needles
from auditwatch.sources.file.checkpoint import Checkpoint
from auditwatch.sources.file.filtering import Filter, Selection
from auditwatch.sources.file.gapheaders import gap_headers
from auditwatch.sources.file.gaps import FileGap
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.posting import Answer, Poster
from auditwatch.sources.file.pumping import StoppedError
from auditwatch.sources.file.report import Tally
from auditwatch.sources.file.tail import Batch

log = structlog.get_logger()
NEEDLES_HEADER = "Auditwatch-Needles"
GAPS_HEADER = "Auditwatch-Gaps"


class ToldNeedles(msgspec.Struct, rename="camel"):
    """Needles as the operator tells them."""

    digest: str
    reads_everything: bool = False
    needles: list[tuple[str, ...]] = []

    def to_needles(self) -> Needles:
        """With the digest as it was told. Raises :class:`ValueError` for what can be no needle."""
        chosen = frozenset(Needle(literals) for literals in self.needles)
        return Needles(needles=chosen, reads_everything=self.reads_everything, digest=self.digest)


class _Told(msgspec.Struct):
    needles: ToldNeedles | None = None


_NEEDLES = msgspec.json.Decoder(ToldNeedles)
_TOLD = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait after what. Seconds."""

    first: float = 0.5
    longest: float = 30.0
    refused: float = 30.0
    """After an answer that will not change by itself."""
    needles: float = 15.0
    """How often to ask for needles."""

    def after(self, answer: Answer, failures: int, *, jitter: float) -> float:
        """Before the next attempt; ``failures`` in a row so far, ``jitter`` 0 to 1."""
        if answer.retry_after is not None:
            return answer.retry_after * (1 + jitter / 4)
        if answer.kind == "Refused":
            return self.refused * (1 + jitter / 4)
        longest: float = min(self.longest, self.first * 2 ** min(failures, 16))
        return longest * (0.5 + jitter / 2)


class ForwardingSink:
    """Where an agent's lines go."""

    def __init__(
        self,
        poster: Poster,
        checkpoint: Checkpoint,
        *,
        stop: threading.Event,
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        patience: Patience | None = None,
        compress: bool = False,
    ) -> None:
        self.tally = Tally()
        self.posts = 0
        self._poster = poster
        self._checkpoint = checkpoint
        self._stop = stop
        self._monotonic = monotonic
        self._jitter = jitter
        self._patience = patience or Patience()
        self._compress = compress
        self._needles: Needles | None = None
        self._filter = Filter(lambda: self._needles)
        self._ask_at = monotonic()

    def take(self, batch: Batch) -> bool:
        """Post what matters of a batch; without anything, its position may wait."""
        self._ask_for_needles()
        selection = self._filter.select(batch.records)
        self._count(batch, selection)
        if not (selection.lines or batch.gaps):
            return False
        self._post(selection, batch.gaps)
        self.save(batch.position_after)
        return True

    def save(self, position: Position) -> None:
        """Write the position; a disk that refuses is told of, and tried again with the next one."""
        self._ask_for_needles()
        try:
            self._checkpoint.save(position)
        except OSError as error:
            self._complain(f"the position cannot be saved ({error}); after a restart events are sent again")
        else:
            self._complain("")

    def _post(self, selection: Selection, gaps: list[FileGap]) -> None:
        """Until all is taken: what one post cannot tell of gaps is told with posts of their own."""
        body = b"\n".join(line.data for line in selection.lines)
        first, *others = gap_headers(gaps) or [""]
        self._send(body, self._headers(selection.digest, first))
        for other in others:
            self._send(b"", self._headers(selection.digest, other))

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        if self._compress and body:
            body, headers["Content-Encoding"] = igzip.compress(body, compresslevel=1), "gzip"
        failures = 0
        while (answer := self._poster.post(body, headers)).kind != "Taken":
            self._complain(answer.message)
            if self._stop.wait(self._patience.after(answer, failures, jitter=self._jitter())):
                raise StoppedError
            failures += 1
        self.posts += 1
        self._complain("")
        self._learn(answer.body)

    @staticmethod
    def _headers(digest: str, gaps: str) -> dict[str, str]:
        headers = {"Content-Type": "application/x-ndjson"}
        if digest:
            headers[NEEDLES_HEADER] = digest
        if gaps:
            headers[GAPS_HEADER] = gaps
        return headers

    def _ask_for_needles(self) -> None:
        now = self._monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + self._patience.needles
        answer = self._poster.get_needles()
        if answer.kind != "Taken":
            log.warning("needles not known", problem=answer.message, reads_everything=self._needles is None)
            return
        try:
            self._adopt(_NEEDLES.decode(answer.body))
        except (msgspec.DecodeError, ValueError) as error:
            log.error("needles unreadable", problem=str(error))  # noqa: TRY400 - the sentence says it all

    def _learn(self, body: bytes) -> None:
        """A post chosen by old needles is answered with the new ones."""
        if not body:
            return
        try:
            told = _TOLD.decode(body).needles
            if told is not None:
                self._adopt(told)
        except (msgspec.DecodeError, ValueError) as error:
            log.error("needles unreadable", problem=str(error))  # noqa: TRY400 - the sentence says it all

    def _adopt(self, told: ToldNeedles) -> None:
        if self._needles is None or self._needles.digest != told.digest:
            self._needles = told.to_needles()
            log.info("needles", digest=told.digest, count=len(told.needles), reads_everything=told.reads_everything)

    def _count(self, batch: Batch, selection: Selection) -> None:
        self.tally.count(batch.records)
        self.tally.selected += len(selection.lines)
        self.tally.needles_digest = selection.digest
        self.tally.last_event = batch.last_event or self.tally.last_event
        for gap in batch.gaps:
            self.tally.gaps[gap.reason] += 1
            log.warning("audit log incomplete", reason=gap.reason, problem=gap.message)

    def _complain(self, problem: str) -> None:
        if problem and problem != self.tally.message:
            log.warning("not delivered", problem=problem)
        self.tally.message = problem
