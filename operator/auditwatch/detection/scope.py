"""What one rule evaluation can see: a piece of activity, read as the fields of the rule language.

One scope serves every rule that looks at the same row, so what is costly (the changes, K10's own words for the
object) is worked out once and only when a rule asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, Protocol

import msgspec

from auditwatch.detection import patched
from auditwatch.detection.changes import Change, ListKeys, diff
from auditwatch.detection.values import MISSING, UNKNOWN, Sentinel, body_value
from auditwatch.events.activity import Activity, JSONObject, Patch

K10_FACTS: Final = (
    "policyName",
    "policyNamespace",
    "policies",
    "appName",
    "appNamespace",
    "appType",
    "profileName",
    "exportProfile",
    "expiresAt",
    "actionName",
    "runActionName",
    "runActionNamespace",
    "batchRestoreActionName",
)
"""Last segments of the ``k10.*`` fields."""


K10_NAMESPACES: Final = "k10-namespaces"
"""The list of the namespaces that K10 lives in, of packs and of :attr:`K10View.lists`."""


class K10View(Protocol):
    """What detection has to be told about K10; the engine itself knows no K10."""

    @property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """By name of a list that a pack may ship: what belongs on it because of where and how this K10 is installed."""
        ...

    def group(self, written: str) -> str:
        """An API group as rules write it (``kio.kasten.io``), as this cluster serves it; also names that end in one."""
        ...

    def list_keys(self, group: str, resource: str) -> ListKeys:
        """How the elements of a kind's lists are told apart."""
        ...

    def is_k10_account(self, username: str) -> bool:
        """Whether this is the user name of K10's own account, exactly."""
        ...

    def is_dashboard(self, agent: str) -> bool:
        """Whether a user agent is that of K10's dashboard. Clients choose it: it may raise suspicion, not lower it."""
        ...

    def is_k10_pod(self, namespace: str, pod: JSONObject) -> bool:
        """Whether a pod of this namespace runs under K10's own account."""
        ...

    def is_built_in(self, group: str) -> bool:
        """Whether kube-apiserver itself serves the group, so that it decides what a dry run is."""
        ...

    def serves(self, group: str, resource: str) -> bool | None:
        """Whether a group, as this cluster has it, is known to have the resource; ``None``: of that group none is."""
        ...

    def completing(self) -> Callable[[Activity], Activity]:
        """A new memory that adds to activities, in log order, what their objects take from others (presets)."""
        ...

    def facts(self, activity: Activity) -> Mapping[str, object]:
        """Values of :data:`K10_FACTS` for one activity; left out where absent, ``msgspec.UNSET`` where unknown."""
        ...


class Scope:
    """One activity, with what follows from it. ``zone`` is the watch's own, for ``time.*``."""

    __slots__ = ("_changes", "_facts", "activity", "count", "k10", "list_keys", "zone")

    def __init__(self, activity: Activity, k10: K10View, zone: tzinfo = UTC, *, count: int | None = None) -> None:
        self.activity = activity
        self.k10 = k10
        self.zone = zone
        self.count = count
        """Activities that stand behind a counting story; ``None`` outside of one."""
        self.list_keys = k10.list_keys(activity.target.group, activity.target.resource)
        self._facts: Mapping[str, object] | None = None
        self._changes: tuple[Change, ...] | Sentinel | None = None

    @property
    def new_object(self) -> JSONObject | Sentinel:
        """The object after the request; MISSING after a delete."""
        return body_value(self.activity.object)

    @property
    def old_object(self) -> JSONObject | Sentinel:
        """The object before the request; MISSING before a create, unless it replaces what was just deleted."""
        replaced = self.activity.replaced
        return body_value(self.activity.old_object if isinstance(replaced, msgspec.UnsetType) else replaced)

    @property
    def patch(self) -> Patch | None:
        """What the request named, if it was a patch and logged."""
        patch = self.activity.patch
        return None if isinstance(patch, msgspec.UnsetType) else patch

    @property
    def changes(self) -> tuple[Change, ...] | Sentinel:
        """Leaves that differ; where a side was not seen what a patch named, and UNKNOWN where there is none."""
        if self._changes is None:
            self._changes = self._diff()
        return self._changes

    def fact(self, name: str) -> object:
        """The field ``k10.<name>``."""
        if self._facts is None:
            self._facts = self.k10.facts(self.activity)
        value = self._facts.get(name, MISSING)
        return UNKNOWN if value is msgspec.UNSET else value

    @property
    def local_time(self) -> datetime:
        """Event time in the watch's zone."""
        return datetime.fromtimestamp(self.activity.time, self.zone)

    def _diff(self) -> tuple[Change, ...] | Sentinel:
        old, new = self.old_object, self.new_object
        if old is UNKNOWN or new is UNKNOWN:
            return UNKNOWN if self.patch is None else patched.changes(self.patch, self.list_keys)
        changes = diff(_body(old), _body(new), list_keys=self.list_keys)
        effective = self.activity.effective
        if isinstance(effective, msgspec.UnsetType):
            return changes
        before, after = ({"effective": values} for values in effective)
        return (*diff(before, after, list_keys=self.list_keys), *changes)


def _body(value: JSONObject | Sentinel) -> JSONObject | None:
    return None if isinstance(value, Sentinel) else value
