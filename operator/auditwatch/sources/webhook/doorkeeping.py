"""Lets a request in, or says why not: the awaiting half of authentication."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from auditwatch.sources.webhook import answers
from auditwatch.sources.webhook.accounts import Account, Accounts
from auditwatch.sources.webhook.answers import Answer
from auditwatch.sources.webhook.authentication import (
    Accepted,
    Presented,
    Refused,
    bearer,
    decide,
    judge,
)
from auditwatch.sources.webhook.claims import implausible
from auditwatch.sources.webhook.connections import Connection, Connections
from auditwatch.sources.webhook.paths import Place, place_of
from auditwatch.sources.webhook.plan import ANY_NODE, Sender, WebhookPlan
from auditwatch.sources.webhook.reviewing import AUDIENCE, NoAnswerError, Reviews
from auditwatch.sources.webhook.tls import TLSKeeper
from auditwatch.sources.webhook.tokenfiles import TokenFiles

_REASONS = {401: "Unauthenticated", 403: "Forbidden"}


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who may post, for which instance."""

    instance: str
    account: Account
    wants_needles: bool


class Doorkeeper:
    """Knows who may post where. ``clock``: seconds since the epoch."""

    def __init__(
        self,
        plan: WebhookPlan,
        *,
        accounts: Accounts,
        connections: Connections,
        tls: TLSKeeper,
        tokens: TokenFiles,
        reviews: Reviews,
        clock: Callable[[], float],
    ) -> None:
        self._senders = {(sender.source, sender.instance): sender for sender in plan.senders}
        self._accounts = accounts
        self._connections = connections
        self._tls = tls
        self._tokens = tokens
        self._reviews = reviews
        self._clock = clock

    async def admit(self, request: web.BaseRequest) -> Admitted | Answer:
        """The one who posts, or the answer that turns them away."""
        place = place_of(request.path)
        sender = self._sender(place) if place else None
        if place is None or sender is None:
            return answers.UNKNOWN_PATH
        connection = self._connection(request)
        if connection is None:
            return answers.refused(400, "Interrupted", "the connection is gone", closes=True)
        turned_away = await self._turned_away(request, connection, sender, place)
        account = self._accounts.of(place.instance) or self._accounts.of(sender.instance)
        if turned_away is None:
            account = self._accounts.opened(place.instance)
            if account is None:
                return answers.later("TooManyNodes", "more nodes post here than there can be")
            connection.is_proven = True
            return Admitted(place.instance, account, place.wants_needles)
        if account is not None and turned_away.reason:
            account.refuse(turned_away.reason, turned_away.text)
        return turned_away

    def _sender(self, place: Place) -> Sender | None:
        return self._senders.get((place.source, place.instance)) or self._senders.get((place.source, ANY_NODE))

    def _connection(self, request: web.BaseRequest) -> Connection | None:
        transport = request.transport
        return self._connections.of(request.protocol, transport) if isinstance(transport, asyncio.Transport) else None

    async def _turned_away(
        self, request: web.BaseRequest, connection: Connection, sender: Sender, place: Place
    ) -> Answer | None:
        if not self._tls.is_current(connection.context):
            # Its certificate was verified against files that have been replaced since.
            return answers.later("", "the certificates here were renewed: connect again", closes=True)
        verdict = await self._verdict(request, connection, sender, place)
        if isinstance(verdict, Answer):
            return verdict
        if isinstance(verdict, Refused):
            return answers.refused(verdict.status, _REASONS[verdict.status], verdict.message)
        return None

    async def _verdict(
        self, request: web.BaseRequest, connection: Connection, sender: Sender, place: Place
    ) -> Accepted | Refused | Answer:
        presented = Presented(
            certificate_name=connection.name if connection.expires > self._clock() else "",
            token=bearer(request.headers.get("Authorization", "")),
        )
        decision = decide(sender, presented, token_digest=self._tokens.digest(sender.token_file))
        if isinstance(decision, Accepted | Refused):
            return decision
        why = implausible(decision.token, account=sender.service_account, audience=AUDIENCE, now=self._clock())
        if why:
            return Refused(401, why)
        try:
            return judge(sender, place.instance, await self._reviews.whose(decision.token))
        except NoAnswerError as error:
            return answers.later("ReviewUnavailable", str(error))
