"""A board with a ledger before it and something like an API server behind it, for tests of what is published."""

from __future__ import annotations

from typing import Any

from auditwatch.findings import rendering
from auditwatch.findings.board import Board
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.schedule import Schedule
from auditwatch.findings.state import FindingState
from tests.unit.findings.making import START, ledger, signal


class Server:
    """Keeps objects as an API server does: generations move with triage, status is a subresource."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}

    def create(self, state: FindingState) -> dict[str, Any]:
        made = rendering.manifest(state)
        made["metadata"] |= {"uid": f"uid-{state.name}", "generation": 1}
        self.objects[state.key] = made | {"triage": {"state": "New"}}
        return self.objects[state.key]

    def write(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        found = self.objects[key]
        self.objects[key] = {**found, "status": {**found.get("status", {}), **body}}
        return self.objects[key]

    def replace(self, key: str, body: dict[str, Any]) -> dict[str, Any]:
        self.objects[key] = {**self.objects[key], "status": body}
        return self.objects[key]

    def triage(self, key: str, **triage: Any) -> None:
        found = self.objects[key]
        meta = {**found["metadata"], "generation": found["metadata"]["generation"] + 1}
        self.objects[key] = {**found, "metadata": meta, "triage": {**found["triage"], **triage}}


class Bench:
    """A ledger, a board and a server, with a clock that moves by a minute a step."""

    def __init__(self, server: Server | None = None, book: Ledger | None = None) -> None:
        self.server = server or Server()
        self.book = book or ledger()
        self.board = Board(Schedule())
        self.now = START

    def tell(self, *signals: Any) -> None:
        self.book.apply(signals)
        self.board.take_rows(self.book.take_dirty(), now=self.now, moment=self.now)

    def publish(self) -> list[str]:
        """Write everything that is due after a minute; the keys, in order."""
        self.now += 60
        written = []
        while (key := self.board.schedule.take(self.now)) is not None:
            self.write(key)
            written.append(key)
        return written

    def write(self, key: str) -> None:
        state = self.board.state(key)
        assert state is not None
        known = self.board.known(key) or self.board.observe(key, self.server.create(state))
        lifecycle = self.board.lifecycle(state, known, now=self.now)
        write = self.server.replace if self.board.is_rewritten(key) else self.server.write
        self.board.wrote(key, lifecycle, write(key, rendering.status(state, lifecycle)))
        self.board.settle(key, state.revision, now=self.now, moment=self.now)

    def look(self) -> list[Any]:
        found = list(self.server.objects.values())
        return [self.board.look(finding, now=self.now, moment=self.now) for finding in found]

    def status(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.server.objects[key]["status"]
        return found


def opened(*signals: Any) -> tuple[Bench, str]:
    bench = Bench()
    bench.tell(*(signals or (signal(1),)))
    (key,) = bench.publish()
    return bench, key
