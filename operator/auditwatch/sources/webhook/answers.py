"""What is answered: few codes, each for what senders do with it.

kube-apiserver tries a batch five times over 81 to 93 seconds whatever the error, then drops it; 429 and 5xx with
``Retry-After`` are tried up to ten times within each attempt, which at 2 seconds is the most patience it has (about
190 s). A redirect would be followed without the body and taken for success: never sent. 413 is never sent either:
the batch would be tried and dropped as a whole, and with it everybody's events that happened to be in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web

RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer before it is one of HTTP. ``reason``: how a refusal is counted; empty: it is not."""

    status: int
    text: str = ""
    document: bytes = b""
    """JSON, instead of a text."""
    reason: str = ""
    closes: bool = False
    """The connection is of no further use."""
    allow: str = ""

    def response(self) -> web.Response:
        """For aiohttp."""
        headers = {"Allow": self.allow} if self.allow else {}
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_SECONDS)
        if self.document:
            response = web.Response(
                status=self.status, body=self.document, content_type="application/json", headers=headers
            )
        else:
            response = web.Response(status=self.status, text=f"{self.text}\n" if self.text else "", headers=headers)
        if self.closes:
            response.force_close()
        return response


TAKEN: Final = Answer(status=200)
UNKNOWN_PATH: Final = Answer(
    status=404, text="no such path: events go to /ingest/v1/<source>/<instance>, as in the installer's configuration"
)


def later(reason: str, text: str, *, closes: bool = False) -> Answer:
    """Nothing was taken: come again soon."""
    return Answer(status=503, text=text, reason=reason, closes=closes)


def refused(status: int, reason: str, text: str, *, closes: bool = False) -> Answer:
    """It will not help to come again with the same."""
    return Answer(status=status, text=text, reason=reason, closes=closes)
