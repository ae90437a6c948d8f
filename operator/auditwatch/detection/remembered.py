"""The last version of each object that a log showed, so that a later event's old value is known without a cluster.

A function of the activities it was shown, in their order, and of its size alone. What may have changed unseen is
forgotten: an old value that is wrong would be worse than none.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection.replaced import DeletedObjects
from auditwatch.events.activity import Activity, JSONObject, Target

MAX_BYTES: Final = 64 * 1024 * 1024
"""Encoded objects kept. Beyond, the object that was not seen for the longest is forgotten first."""
MAX_SHARE: Final = 16
"""An object larger than this part of the memory is not kept: it would push out all others."""

_WRITES: Final = frozenset({"create", "update", "patch"})
_DELETES: Final = frozenset({"delete", "deletecollection"})
_WHOLE: Final = frozenset({"", "status"})
"""Subresources that answer with the whole object."""

_Key = tuple[str, str, str, str]


class Remembered:
    """Objects by group, resource, namespace and name. For one thread."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: dict[_Key, tuple[int, JSONObject]] = {}
        self._bytes = 0
        self._deleted = DeletedObjects()

    @property
    def size(self) -> int:
        """Bytes of what is kept, as JSON."""
        return self._bytes

    def completed(self, activity: Activity) -> Activity:
        """The activity with the old object where one is remembered and it brought none; what it shows is learnt.

        A creation gets what it replaces.

        Activities come in the order of the log, each once.
        """
        known = self._recall(activity)
        self._learn(activity)
        return self._deleted.completed(known)

    def _recall(self, activity: Activity) -> Activity:
        target = activity.target
        if activity.old_object is not msgspec.UNSET or target.subresource not in _WHOLE:
            return activity
        kept = self._kept.get(_key(target))
        if kept is None or activity.verb not in {"update", "patch", "delete"} or not _is_same(target, kept[1]):
            return activity
        return msgspec.structs.replace(activity, old_object=kept[1])

    def _learn(self, activity: Activity) -> None:
        """Keep what the server answered with; forget what was changed without showing what it became."""
        target, verb = activity.target, activity.verb
        if activity.outcome not in {"Succeeded", "Unknown"} or not (
            verb in _WRITES or verb in _DELETES or verb == "get"
        ):
            return
        shown = activity.object if activity.outcome == "Succeeded" and _is_answered(activity) else msgspec.UNSET
        if verb == "deletecollection":
            self._forget_all(target)
        elif isinstance(shown, dict) and target.subresource in _WHOLE:
            self._keep(_key(target), shown)
        elif verb != "get":
            self._forget(_key(target))

    def _keep(self, key: _Key, obj: JSONObject) -> None:
        self._forget(key)
        size = _size(obj)
        if size is None or size > self._max_bytes // MAX_SHARE:
            return
        self._kept[key] = (size, obj)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: _Key) -> None:
        size, _ = self._kept.pop(key, (0, {}))
        self._bytes -= size

    def _forget_all(self, target: Target) -> None:
        """A collection is gone: of one namespace, or of all."""
        group, resource, namespace, _ = _key(target)
        for key in [key for key in self._kept if key[:2] == (group, resource) and namespace in ("", key[2])]:
            self._forget(key)


def _key(target: Target) -> _Key:
    return target.group, target.resource, target.namespace, target.name


def _is_same(target: Target, kept: JSONObject) -> bool:
    """Whether the object is the one of that name that was seen, and not another that took its place."""
    metadata = kept.get("metadata")
    uid = metadata.get("uid") if isinstance(metadata, dict) else None
    return not (target.uid and uid and target.uid != uid)


def _is_answered(activity: Activity) -> bool:
    """Whether the object is the server's, with its defaults, and not what a client asked for."""
    if "State" in (activity.evidence, *activity.confirmed_by):
        return True
    return isinstance(activity.event, dict) and activity.event.get("level") == "RequestResponse"


def _size(obj: JSONObject) -> int | None:
    """Bytes as JSON; ``None`` for what is nested too deep to be encoded."""
    try:
        return len(msgspec.json.encode(obj))
    except RecursionError:
        return None
