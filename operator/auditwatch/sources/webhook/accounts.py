"""What each sender sent, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from auditwatch.sources.webhook.plan import ANY_NODE
from auditwatch.sources.webhook.reading import Slice
from auditwatch.sources.webhook.report import State, WebhookReport

MOST_NODES: Final = 1_024


@dataclass(slots=True)
class Account:
    """One sender's counts. Times are seconds since the epoch."""

    source: str
    instance: str
    state: State = "Waiting"
    message: str = "nothing has been received since the start: is the sender configured, and can it reach this port?"
    last_event: float | None = None
    last_received: float | None = None
    requests: int = 0
    events: int = 0
    selected: int = 0
    undecodable: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    needles_digest: str = ""
    needles_since: float | None = None

    def uses(self, digest: str, *, now: float) -> None:
        """The sender says by which needles it chose."""
        if self.needles_since is None or digest != self.needles_digest:
            self.needles_digest, self.needles_since = digest, now

    def read(self, part: Slice) -> None:
        """A slice of a body was read, and what was selected of it is on disk."""
        self.events += part.items
        self.selected += len(part.rows)
        self.undecodable += part.undecodable
        if part.last_event is not None:
            self.last_event = max(part.last_event, self.last_event or part.last_event)

    def took(self, *, now: float) -> None:
        """A request was taken as a whole."""
        self.requests += 1
        self.last_received = now
        self.state, self.message = "Receiving", ""

    def refuse(self, reason: str, message: str) -> None:
        """A request was not taken."""
        self.requests += 1
        self.refused[reason] += 1
        self.state, self.message = "Refusing", message

    def report(self, trouble: str, *, is_replaced: bool = False) -> WebhookReport:
        """Everything so far; ``trouble`` is what is wrong with the source as a whole.

        ``is_replaced``: as :class:`WebhookReport` says.
        """
        return WebhookReport(
            source=self.source,
            instance=self.instance,
            state=self.state,
            message="; ".join(filter(None, [self.message, trouble])),
            trouble=trouble,
            last_event=self.last_event,
            last_received=self.last_received,
            requests=self.requests,
            events=self.events,
            selected=self.selected,
            undecodable=dict(self.undecodable),
            refused=dict(self.refused),
            needles_digest=self.needles_digest,
            needles_since=self.needles_since,
            is_replaced=is_replaced,
        )


class Accounts:
    """The accounts of one source, by instance: those configured, and nodes as they prove to be some."""

    def __init__(self, source: str, instances: tuple[str, ...]) -> None:
        self._source = source
        self._configured = frozenset(instances)
        self._accounts = {instance: Account(source, instance) for instance in instances}

    def of(self, instance: str) -> Account | None:
        """The account of an instance that is configured or has proven itself before."""
        return self._accounts.get(instance)

    def opened(self, instance: str) -> Account | None:
        """The account of an instance that has just proven itself; ``None`` where there are too many already."""
        if instance not in self._accounts and len(self._accounts) >= MOST_NODES:
            return None
        return self._accounts.setdefault(instance, Account(self._source, instance))

    def report(self, trouble: str) -> list[WebhookReport]:
        """One report per instance."""
        accounts = list(self._accounts.values())
        has_nodes = any(account.instance not in self._configured for account in accounts)
        return [each.report(trouble, is_replaced=has_nodes and each.instance == ANY_NODE) for each in accounts]
