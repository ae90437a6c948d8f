"""Posts as kube-apiserver's webhook backend does: batches, several at once, each again until answered with 200."""

from __future__ import annotations

import http.client
import queue
import ssl
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.torture.requests import event_list

BATCH_ITEMS: Final = 100
WORKERS: Final = 2
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 30.0
OK: Final = 200


class Sender:
    """``put`` items from one thread; on leaving, everything has been taken. ``answers``: by status, 0 for none."""

    def __init__(self, *, port: int, path: str, token: str, authority: Path) -> None:
        self.answers: Counter[int] = Counter()
        self._port = port
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._items: queue.Queue[bytes | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(WORKERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads if error is None else ():
            thread.join()

    def put(self, item: bytes) -> None:
        """Have it sent."""
        self._items.put(item)

    def _send(self) -> None:
        while batch := self._batch():
            body, pause = event_list(batch), FIRST_PAUSE_SECONDS
            while (status := self._post(body)) != OK:
                self.answers[status] += 1
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            self.answers[OK] += 1

    def _batch(self) -> list[bytes]:
        """What there is, at most :data:`BATCH_ITEMS`; empty once there will be no more."""
        batch: list[bytes] = []
        item = self._items.get()
        while item is not None and len(batch) < BATCH_ITEMS:
            batch.append(item)
            if len(batch) == BATCH_ITEMS or self._items.empty():
                return batch
            item = self._items.get()
        self._items.put(None)  # the end: for the next call, or the other worker
        return batch

    def _post(self, body: bytes) -> int:
        """The status; 0 where there was no answer, so that nobody knows whether it was taken."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS, context=self._tls)
        try:
            connection.request("POST", self._path, body, self._headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
