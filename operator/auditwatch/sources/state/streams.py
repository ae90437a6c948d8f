"""What is looked at: one stream per kind and, where a kind is read in some namespaces only, per namespace.

Each stream has its own resourceVersion to resume from, so each has its own rows and mark in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditwatch.cluster.requests import Resource
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import WatchedKind, kinds_of, namespaces_of

WATCH_SECONDS = 50
"""How long one watch lasts: its regular end is the proof of life, and comes before silence is taken for a failure.

Bookmarks are none. kube-apiserver 1.37 sends one only once its storage is ahead of the version the watch began with
(cacher, ``process``), which takes minutes on a quiet kind (measured: 121 s); K10's own server may never send one.
"""


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


def streams_of(cluster: str, instances: Sequence[K10Instance]) -> tuple[Stream, ...]:
    """Every stream for the K10s of a cluster, each once, in the order of the table; without a K10, of the default."""
    installed = instances or (K10Instance(),)
    kinds = (kind for instance in installed for kind in kinds_of(instance))
    return tuple(dict.fromkeys(_streams(cluster, kinds, installed)))


def _streams(cluster: str, kinds: Iterable[WatchedKind], instances: Sequence[K10Instance]) -> Iterable[Stream]:
    for kind in kinds:
        for namespace in namespaces_of(kind, instances) or ("",):
            yield Stream(cluster, kind, namespace)
