"""Asking the API server whose token this is: remembered for a minute, and never more often than it can bear.

Strangers can make us ask. So what a token claims is looked at first, answers are kept by the token's hash, and
questions are rationed: who finds the ration used up is told to come again, and nobody is taken for somebody else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from auditwatch.cluster.errors import ClusterError
from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.sources.webhook.authentication import digest

AUDIENCE: Final = "k10-auditwatch"
KNOWN_SECONDS = 60.0
UNKNOWN_SECONDS = 10.0
REMEMBERED = 1_024
PER_SECOND = 10.0
BURST = 20.0


class TokenReviewer(Protocol):
    """Who can tell whose token one is."""

    async def review(self, token: str, *, audience: str) -> ReviewedToken | None:
        """Whose it is; ``None`` where it is not valid for the audience. Raises :class:`ClusterError`."""
        ...


class NoAnswerError(Exception):
    """It cannot be told right now; the request should come again."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    review: ReviewedToken | None
    until: float


class Reviews:
    """A reviewer with a memory and a ration. ``monotonic``: seconds."""

    def __init__(self, reviewer: TokenReviewer | None, *, monotonic: Callable[[], float]) -> None:
        self._reviewer = reviewer
        self._monotonic = monotonic
        self._memory: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._ration = BURST
        self._rationed = monotonic()

    async def whose(self, token: str) -> ReviewedToken | None:
        """Whose token it is; ``None``: nobody's. Raises :class:`NoAnswerError`."""
        key, now = digest(token), self._monotonic()
        known = self._memory.get(key)
        if known is not None and known.until > now:
            return known.review
        review = await self._ask(token)
        self._remember(key, review)
        return review

    async def _ask(self, token: str) -> ReviewedToken | None:
        if self._reviewer is None:
            raise NoAnswerError("there is no API server to ask whose token this is")
        self._spend()
        try:
            return await self._reviewer.review(token, audience=AUDIENCE)
        except ClusterError as error:
            raise NoAnswerError(f"cannot ask whose token this is: {error}") from error

    def _spend(self) -> None:
        now = self._monotonic()
        self._ration = min(BURST, self._ration + (now - self._rationed) * PER_SECOND)
        self._rationed = now
        if self._ration < 1:
            raise NoAnswerError("too many unknown tokens at once")
        self._ration -= 1

    def _remember(self, key: bytes, review: ReviewedToken | None) -> None:
        seconds = UNKNOWN_SECONDS if review is None else KNOWN_SECONDS
        self._memory[key] = _Remembered(review, self._monotonic() + seconds)
        self._memory.move_to_end(key)
        while len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
