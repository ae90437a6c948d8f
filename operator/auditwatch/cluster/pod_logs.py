"""The log of a container, line by line as it is written, through the API server and the kubelet behind it.

Facts this rests on (Kubernetes source, kubelet's ``kuberuntime/logs``): only the newest file of a log is served, so
what was rotated away is gone; ``sinceTime`` is cut to whole seconds on its way; the kubelet writes its own troubles
into the answer, as lines without a time; a following answer ends in order also where the node's side of it broke.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.framing import LineSplitter
from auditwatch.cluster.requests import Resource, query_string

PODS: Final = Resource("", "v1", "pods")
SUBRESOURCE: Final = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """Which part of which log."""

    namespace: str
    pod: str
    container: str
    since: float | None = None
    """Seconds since the epoch, rounded down to whole ones; ``None``: from the beginning."""
    follow: bool = True
    previous: bool = False
    """Of the run before the present one."""

    @property
    def path(self) -> str:
        """Path and query."""
        asked = {
            "container": self.container,
            "follow": self.follow or None,
            "previous": self.previous or None,
            "timestamps": True,
            "sinceTime": None if self.since is None else _whole_seconds(self.since),
        }
        return PODS.path(namespace=self.namespace, name=self.pod, subresource=SUBRESOURCE) + query_string(asked)


def _whole_seconds(time: float) -> str:
    return datetime.fromtimestamp(int(time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def log_lines(cluster: Cluster, request: LogRequest, *, silence: float) -> AsyncGenerator[list[bytes], None]:
    """Lines of any length in groups that arrived together, each with its time in front; one cut off is left out.

    An empty group comes first, once the log is open. Raises the errors of ``cluster/errors.py``: 400 where there is no
    such run or container (yet), 404 where there is no such pod, 500 where the node cannot be reached, and
    :class:`UnreachableError` after ``silence`` seconds without a byte.
    """
    line = PODS.line("get", namespace=request.namespace, name=request.pod, subresource=SUBRESOURCE)
    splitter = LineSplitter()
    async with aclosing(cluster.stream(request.path, line, silence=silence)) as pieces:
        async for piece in pieces:
            lines = list(splitter.feed(piece))
            if lines or not piece:
                yield lines
