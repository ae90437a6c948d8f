"""The state source with a real journal against a real API server, and a kind of the tests' own to watch."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from auditwatch.cluster.client import Cluster
from auditwatch.events.activity import Gap, Record, StateChange
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.k10.kinds import Scope, Serving, WatchedKind
from auditwatch.sources.state.course import Intervals
from auditwatch.sources.state.source import StateSource
from auditwatch.sources.state.streams import Stream
from tests.cluster.controlplane import ControlPlane

GROUP = "state.example.com"
SECONDS = 120.0
QUICK = Intervals(poll=0.2, forbidden=0.2, first_refusal=0.2, not_served=0.2, first_retry=0.1, last_retry=0.5)


def kind_named(plural: str) -> WatchedKind:
    return WatchedKind(
        group=GROUP,
        version="v1",
        resource=plural,
        kind=plural.capitalize(),
        scope=Scope.EVERYWHERE,
        serving=Serving.CUSTOM,
    )


def definition(plural: str) -> str:
    """A CRD that stores whatever it is given."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": plural.capitalize(), "plural": plural, "singular": plural}
    return json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """A kind on one control plane, written to by raw requests."""

    control_plane: ControlPlane
    plural: str

    def define(self) -> None:
        self.control_plane.apply(definition(self.plural))
        self.control_plane.established(f"{self.plural}.{GROUP}")

    def path(self, name: str = "", *, namespace: str = "default") -> str:
        return f"/apis/{GROUP}/v1/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")

    def create(self, name: str, *, namespace: str = "default", **spec: Any) -> None:
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": self.plural.capitalize(),
            "metadata": {"name": name},
            "spec": spec or {"frequency": "@daily"},
        }
        answer = self.control_plane.request("POST", self.path(namespace=namespace), body=body)
        assert answer.status == 201, answer.body

    def change(self, name: str, **spec: Any) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self.control_plane.request("PATCH", self.path(name), body={"spec": spec}, headers=headers)
        assert answer.status == 200, answer.body

    def delete(self, name: str) -> None:
        assert self.control_plane.request("DELETE", self.path(name)).status == 200

    def stream(self, namespace: str = "") -> Stream:
        return Stream("cluster-1", kind_named(self.plural), namespace)


class DirectIntake:
    """Records in the test's own thread, each delivery in a transaction."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def put(self, delivery: Delivery) -> None:
        with self._journal.transaction():
            delivery.record(self._journal)


@dataclass(frozen=True, slots=True)
class Running:
    """A source that runs, and what it has received so far."""

    journal: Journal
    source: StateSource

    def records(self) -> list[Record]:
        rows = self.journal.unsettled(limit=100_000)
        return [msgspec.json.decode(row.payload, type=Record) for row in rows]

    def told(self) -> list[tuple[str, str]]:
        return [(one.verb, one.name) for one in self.records() if isinstance(one, StateChange)]

    def gaps(self) -> list[Gap]:
        return [one for one in self.records() if isinstance(one, Gap)]

    def states(self) -> list[str]:
        return [report.state for report in self.source.report()]

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.source.report(), self.told())
            await asyncio.sleep(0.02)

    async def until_watching(self) -> None:
        await self.until(lambda: set(self.states()) == {"Watching"})

    async def until_told(self, *expected: tuple[str, str]) -> None:
        await self.until(lambda: len(self.told()) >= len(expected))
        assert sorted(self.told()) == sorted(expected)


@asynccontextmanager
async def following(
    directory: Path, kubeconfig: Path, *streams: Stream, intervals: Intervals = QUICK
) -> AsyncIterator[Running]:
    """The source over the journal in ``directory``; leaving ends it without a word, like a crash."""
    journal = Journal.open(
        directory / "journal.db", clock=time.time, new_id=lambda: "journal-1", new_key=lambda: b"key"
    )
    async with await Cluster.connect(kubeconfig=kubeconfig) as cluster:
        source = StateSource(
            cluster=cluster,
            intake=DirectIntake(journal),
            redactor=Redactor(b"key"),
            streams=streams,
            clock=time.time,
            jitter=lambda: 0.5,
            intervals=intervals,
        )
        task = asyncio.create_task(source.run())
        try:
            yield Running(journal, source)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            journal.close()
