"""Deals requests out to the ways into the operator, in bursts, while logs are rotated and compressed."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.torture.connected import Ways
from tests.torture.requests import Request, item, noise, requests
from tests.torture.sending import Sender
from tests.unit.sources.file.making import Log

MOST_IN_A_BURST: Final = 60
LONGEST_PAUSE_SECONDS: Final = 0.06
ROTATED: Final = 0.15
"""Share of bursts after which a log is rotated."""
KEEP: Final = 1_000_000
"""Backups: none is removed before it was read."""


class Feed:
    """``allow`` some requests, ``finish``; ``made`` are those that were let in, each by one way or by two."""

    def __init__(self, ways: Ways, sender: Sender, *, seed: int) -> None:
        self.made: list[Request] = []
        self._log = Log(ways.log, keep=KEEP, compress=True)
        self._node_log = Log(ways.node_log, keep=KEEP, compress=True)
        self._sender = sender
        self._chosen = random.Random(seed)
        self._requests, self._noise = requests(), noise()
        self._allowed = threading.Semaphore(0)
        self._ended = threading.Event()
        self._mills = ThreadPoolExecutor(max_workers=1)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def rotations(self) -> int:
        """Of both logs."""
        return self._log.rotations + self._node_log.rotations

    def allow(self, count: int) -> None:
        """Let in this many more."""
        self._allowed.release(count)

    def finish(self) -> None:
        """Return when all that was allowed is in."""
        self._ended.set()
        self._thread.join()
        self._mills.shutdown()
        for log in (self._log, self._node_log):
            log.close()

    def _run(self) -> None:
        while burst := self._burst():
            for _ in range(burst):
                self._let_in(next(self._requests))
            for log in (self._log, self._node_log):
                log.write(next(self._noise) + b"\n")
                if self._chosen.random() < ROTATED:
                    self._rotate(log)
            self._sender.put(item(next(self._noise)))
            time.sleep(self._chosen.uniform(0, LONGEST_PAUSE_SECONDS))

    def _burst(self) -> int:
        """How many to let in now; waits while nothing is allowed, 0 at the end."""
        wanted = self._chosen.randint(1, MOST_IN_A_BURST)
        while not self._allowed.acquire(timeout=0.1):
            if self._ended.is_set():
                return 0
        return 1 + sum(self._allowed.acquire(blocking=False) for _ in range(wanted - 1))

    def _let_in(self, request: Request) -> None:
        """By the log, the agent's log, the webhook, or the log and the webhook both, as a server does that has both."""
        way = len(self.made) % 4
        if way in {0, 3}:
            self._log.write(request.line + b"\n")
        if way == 1:
            self._node_log.write(request.line + b"\n")
        if way in {2, 3}:
            self._sender.put(item(request.line))
        self.made.append(request)

    def _rotate(self, log: Log) -> None:
        """Rename and begin anew at once; compression follows in a thread of its own, as in the API server."""
        log.rename()
        log.create()
        self._mills.submit(log.mill)
