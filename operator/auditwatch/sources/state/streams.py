"""What is looked at: one stream per kind and, where a kind is read in some namespaces only, per namespace.

Each stream has its own resourceVersion to resume from, so each has its own rows and mark in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditwatch.cluster.requests import Resource
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Serving, WatchedKind, kinds_of, namespaces_of

_WATCH_SECONDS = 240
_WATCH_SECONDS_WITHOUT_BOOKMARKS = 50


@dataclass(frozen=True, slots=True)
class Stream:
    """One list and one watch."""

    cluster: str
    """The cluster's id, part of every record."""
    kind: WatchedKind
    namespace: str = ""
    """Empty: the whole cluster."""

    @property
    def key(self) -> str:
        """Name of its rows and mark in the journal: ``group/resource`` and, in one namespace, ``@namespace``."""
        return f"{self.kind.key}@{self.namespace}" if self.namespace else self.kind.key

    @property
    def resource(self) -> Resource:
        """What is asked of the API server."""
        return Resource(self.kind.group, self.kind.version, self.kind.resource)

    @property
    def watch_seconds(self) -> int:
        """How long one watch may last.

        K10's own API server may send no bookmarks; there the regular end of a short watch is the proof of life.
        """
        aggregated = self.kind.serving is Serving.AGGREGATED
        return _WATCH_SECONDS_WITHOUT_BOOKMARKS if aggregated else _WATCH_SECONDS


def streams_of(cluster: str, instances: Sequence[K10Instance]) -> tuple[Stream, ...]:
    """Every stream for the K10s of a cluster, each once, in the order of the table; without a K10, of the default."""
    installed = instances or (K10Instance(),)
    kinds = (kind for instance in installed for kind in kinds_of(instance))
    return tuple(dict.fromkeys(_streams(cluster, kinds, installed)))


def _streams(cluster: str, kinds: Iterable[WatchedKind], instances: Sequence[K10Instance]) -> Iterable[Stream]:
    for kind in kinds:
        for namespace in namespaces_of(kind, instances) or ("",):
            yield Stream(cluster, kind, namespace)
