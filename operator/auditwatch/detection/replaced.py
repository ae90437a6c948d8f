"""What was deleted shortly before something of the same name was created: one change, made in two steps.

Whoever deletes a policy and creates it again with less retention has cut the retention. The deletion stays what it is,
at once; the creation is compared with what was deleted.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection.creations import is_creation
from auditwatch.events.activity import Activity, JSONObject

KEPT_SECONDS: Final = 3600.0
"""How long a deletion and a creation are one change."""
MAX_OBJECTS: Final = 2000
"""Deleted objects kept; beyond, the one that was deleted first is forgotten first."""

_DONE: Final = frozenset({"Succeeded", "Unknown"})
_Key = tuple[str, str, str, str]


class DeletedObjects:
    """Objects deleted lately, by group, resource, namespace and name. A function of the activities shown alone."""

    def __init__(self) -> None:
        self._deleted: dict[_Key, tuple[float, JSONObject]] = {}

    def completed(self, activity: Activity) -> Activity:
        """The activity; of a creation with what it replaces. Activities come in the order of the log, each once."""
        target = activity.target
        key = (target.group, target.resource, target.namespace, target.name)
        if target.subresource or not target.name or activity.outcome not in _DONE:
            return activity
        if activity.verb == "delete" and isinstance(activity.old_object, dict):
            self._keep(key, activity.time, activity.old_object)
        if not is_creation(activity):
            return activity
        time, replaced = self._deleted.pop(key, (float("-inf"), {}))
        if activity.time - time > KEPT_SECONDS:
            return activity
        return msgspec.structs.replace(activity, replaced=replaced)

    def _keep(self, key: _Key, time: float, deleted: JSONObject) -> None:
        self._deleted.pop(key, None)
        self._deleted[key] = time, deleted
        for old in [known for known, (moment, _) in self._deleted.items() if time - moment > KEPT_SECONDS]:
            del self._deleted[old]
        if len(self._deleted) > MAX_OBJECTS:
            del self._deleted[next(iter(self._deleted))]
