"""Streams, observations and a real journal for the tests of the state source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from auditwatch.events.activity import Gap, Record, StateChange
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.k10.kinds import Keep, Scope, Serving, WatchedKind
from auditwatch.sources.state.deliveries import ListingEnd, ListingPage, Watched, WatchedBatch
from auditwatch.sources.state.observation import Observation, observe
from auditwatch.sources.state.streams import Stream

START = 1_800_000_000.0
REDACTOR = Redactor(b"key")
POLICIES = WatchedKind(
    group="config.kio.kasten.io",
    version="v1alpha1",
    resource="policies",
    kind="Policy",
    scope=Scope.EVERYWHERE,
    serving=Serving.CUSTOM,
)
POINTS = WatchedKind(
    group="apps.kio.kasten.io",
    version="v1alpha1",
    resource="restorepoints",
    kind="RestorePoint",
    scope=Scope.EVERYWHERE,
    keep=Keep.FACTS,
    serving=Serving.AGGREGATED,
)
STREAM = Stream("cluster-1", POLICIES)


def raw(name: str = "daily", *, version: str = "1", uid: str = "", **spec: Any) -> bytes:
    """A policy as a server sends it."""
    metadata = {"name": name, "namespace": "kasten-io", "uid": uid or f"uid-of-{name}", "resourceVersion": version}
    return json.dumps({"kind": "Policy", "metadata": metadata, "spec": spec or {"frequency": "@daily"}}).encode()


def seen(name: str = "daily", *, version: str = "1", uid: str = "", **spec: Any) -> Observation:
    """A policy as it is observed."""
    return observe(POLICIES, REDACTOR, raw(name, version=version, uid=uid, **spec))


@contextmanager
def open_journal(directory: Path) -> Iterator[Journal]:
    """The journal in a directory; opened again it is what it was."""
    opened = Journal.open(
        directory / "journal.db", clock=lambda: START, new_id=lambda: "journal-1", new_key=lambda: b"key"
    )
    try:
        yield opened
    finally:
        opened.close()


def record(journal: Journal, *deliveries: Delivery) -> None:
    """As the engine does it: each in a transaction."""
    for delivery in deliveries:
        with journal.transaction():
            delivery.record(journal)


def listing(
    number: int,
    *observations: Observation,
    at: float = START,
    version: str = "100",
    lost: str = "",
    stream: Stream = STREAM,
) -> list[Delivery]:
    """A whole listing of one page."""
    return [
        ListingPage(stream=stream, number=number, observed=at, observations=list(observations)),
        ListingEnd(stream=stream, number=number, began=at, observed=at, version=version, lost=lost, patience=120.0),
    ]


def batch(*events: Observation | Watched, at: float = START, version: str = "101") -> WatchedBatch:
    """Events of a watch; a bare observation was added or modified."""
    watched = [event if isinstance(event, Watched) else Watched(event) for event in events]
    return WatchedBatch(stream=STREAM, events=watched, version=version, observed=at)


def received(journal: Journal) -> list[Record]:
    """Everything in the inbox, in order."""
    rows = journal.unsettled(limit=100_000)
    return [msgspec.json.decode(row.payload, type=Record) for row in rows]


def changes(journal: Journal) -> list[StateChange]:
    """The state changes in the inbox."""
    return [one for one in received(journal) if isinstance(one, StateChange)]


def gaps(journal: Journal) -> list[Gap]:
    """The gaps in the inbox."""
    return [one for one in received(journal) if isinstance(one, Gap)]


def told(journal: Journal) -> list[tuple[str, str]]:
    """(verb, name) of every change, in order."""
    return [(change.verb, change.name) for change in changes(journal)]
