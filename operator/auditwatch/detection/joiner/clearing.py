"""Deleted namespaces, and who deleted them: what the namespace controller then deletes in them is their doing.

The controller sends a deletecollection for every kind there is, whether or not the namespace holds any, long after
the one request that made it do so.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.events.activity import Activity, Actor, Client

CONTROLLER: Final = "system:serviceaccount:kube-system:namespace-controller"
REMEMBERED_SECONDS: Final = 86_400.0
MAX_DELETIONS: Final = 2_000
_SLACK_SECONDS: Final = 2.0


class Deletion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One namespace's deletion."""

    cluster: str
    namespace: str
    time: float
    actor: Actor
    client: Client | msgspec.UnsetType = msgspec.UNSET


class Deletions:
    """The latest deletion of each namespace."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], Deletion] = {}
        self._dirty: dict[tuple[str, str], bytes | None] = {}

    def note(self, row: Activity) -> Deletion | None:
        """Remember ``row`` where it deletes a namespace, and say so; an earlier one than is known is nothing new."""
        target = row.target
        is_deletion = (target.group, target.resource, target.subresource, row.verb) == ("", "namespaces", "", "delete")
        if not is_deletion or row.outcome not in {"Succeeded", "Unknown"} or not row.actor.id:
            return None
        known = self._all.get((row.cluster, target.name))
        if known is not None and known.time >= row.time:
            return None
        found = Deletion(cluster=row.cluster, namespace=target.name, time=row.time, actor=row.actor, client=row.client)
        self._enter(found)
        self._dirty[row.cluster, target.name] = _ENCODER.encode(found)
        return found

    def behind(self, row: Activity) -> Deletion | None:
        """The deletion that made the namespace controller, or nobody known, delete this."""
        if not may_be_clearing(row):
            return None
        found = self._all.get((row.cluster, row.target.namespace))
        return found if found is not None and found.time <= row.time + _SLACK_SECONDS else None

    def expire(self, now: float) -> None:
        """Forget what is long past."""
        while self._all:
            key, eldest = next(iter(self._all.items()))
            if now - eldest.time <= REMEMBERED_SECONDS and len(self._all) <= MAX_DELETIONS:
                return
            del self._all[key]
            self._dirty[key] = None

    def take_dirty(self) -> dict[str, bytes | None]:
        """What changed since the last call, by ``cluster/namespace``."""
        rows = {"/".join(key): row for key, row in sorted(self._dirty.items())}
        self._dirty.clear()
        return rows

    def restore(self, row: bytes) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError`."""
        self._enter(_DECODER.decode(row))

    def _enter(self, deletion: Deletion) -> None:
        key = (deletion.cluster, deletion.namespace)
        self._all.pop(key, None)
        self._all[key] = deletion


def may_be_clearing(row: Activity) -> bool:
    """Whether a row is the controller's own deletion inside a namespace, or a deletion nobody is named for."""
    if row.verb not in {"delete", "deletecollection"} or not row.target.namespace:
        return False
    return is_controller(row) or (row.evidence == "State" and not row.actor.id)


def is_controller(row: Activity) -> bool:
    """Whether the namespace controller itself asked, and not somebody in its name."""
    actor = row.actor
    return actor.user == CONTROLLER and not actor.impersonator


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Deletion)
