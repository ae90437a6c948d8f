"""A policy that names a preset runs on the preset's values: a weaker preset is a weaker policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from auditwatch.events.activity import Activity, JSONObject
from auditwatch.k10.groups import family

_TAKEN: Final = ("frequency", "subFrequency", "backupWindow", "enableStaggering", "retention", "profile")
"""What a preset's ``spec.backup`` decides for the policies that name it."""
_EXPORTED: Final = ("frequency", "retention", "profile", "blockModeProfile", "exportData", "volumeSnapshots")
"""What its ``spec.export`` decides; a policy says it in its export action."""
MAX_PRESETS: Final = 2000
"""Presets kept; beyond, the one that was seen first is forgotten first."""

_Key = tuple[str, str, str]
"""(group, namespace, name) of a preset."""
Lookup = Callable[[str, str, str], JSONObject | None]
"""The preset of this group, namespace and name as it was last seen; ``None`` where nobody knows it."""


def preset_of(policy: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace, name) of the preset a policy names; its namespace is the policy's where none is written."""
    reference = _below(_below(policy, "spec"), "presetRef")
    name = reference.get("name")
    if not isinstance(name, str) or not name:
        return None
    namespace = reference.get("namespace") or _below(policy, "metadata").get("namespace")
    return (namespace if isinstance(namespace, str) else ""), name


def effective_policy(policy: Mapping[str, Any], preset: Mapping[str, Any] | None) -> dict[str, Any]:
    """The policy with ``effective``: what its preset decides, else what it says itself.

    A policy without ``presetRef`` and one whose preset is not known (``None``) are returned without it: rules then
    read ``spec`` alone, and nothing is claimed about what was not seen.
    """
    if preset_of(policy) is None or preset is None:
        return dict(policy)
    return {**policy, "effective": _effective(policy, preset)}


class Presets:
    """What presets say by now, as the log tells it; of those it has not told of, what ``lookup`` knows.

    For one thread.
    """

    def __init__(self, lookup: Lookup = lambda _group, _namespace, _name: None) -> None:
        self._lookup = lookup
        self._known: dict[_Key, JSONObject | None] = {}
        """``None``: deleted."""

    def completed(self, activity: Activity) -> Activity:
        """The activity; of a change to a policy with what its presets decided before and after, where all is known.

        Activities come in the order of the log.
        """
        target = activity.target
        if family(target.group) != "config" or target.subresource:
            return activity
        if target.resource == "policypresets":
            self._learn(activity)
        elif target.resource == "policies":
            return self._resolved(activity)
        return activity

    def _learn(self, activity: Activity) -> None:
        target = activity.target
        key = target.group, target.namespace, target.name
        if activity.outcome not in {"Succeeded", "Unknown"} or not target.name:
            return
        shown = activity.object
        if isinstance(shown, dict):
            self._known.pop(key, None)
            self._known[key] = shown
        elif activity.verb == "delete":
            self._known[key] = None
        if len(self._known) > MAX_PRESETS:
            del self._known[next(iter(self._known))]

    def _resolved(self, activity: Activity) -> Activity:
        replaced = activity.replaced
        old = replaced if isinstance(replaced, dict) else activity.old_object
        new = activity.object
        if not isinstance(old, dict) or not isinstance(new, dict) or (preset_of(old) is preset_of(new) is None):
            return activity
        before, after = self._effect(activity, old), self._effect(activity, new)
        return activity if before is None or after is None else replace(activity, effective=(before, after))

    def _effect(self, activity: Activity, policy: JSONObject) -> JSONObject | None:
        """What the policy runs on; ``None`` where its preset is not known."""
        named = preset_of(policy)
        preset = {} if named is None else self._find((activity.target.group, *named))
        return None if preset is None else _effective(policy, preset)

    def _find(self, key: _Key) -> JSONObject | None:
        return self._known[key] if key in self._known else self._lookup(*key)


def _effective(policy: Mapping[str, Any], preset: Mapping[str, Any]) -> dict[str, Any]:
    spec, backup = _below(policy, "spec"), _below(_below(preset, "spec"), "backup")
    effective = {name: backup.get(name, spec.get(name)) for name in _TAKEN}
    export = _below(_below(preset, "spec"), "export") or _own_export(spec)
    return _present(effective) | ({"export": _filled(export, effective)} if export else {})


def _own_export(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first export among a policy's own actions, in the words of a preset; empty where it has none."""
    actions = spec.get("actions")
    exports = (action for action in actions if _is_export(action)) if isinstance(actions, list) else iter(())
    export = next(exports, None)
    return {} if export is None else {**_below(export, "exportParameters"), "retention": export.get("retention")}


def _is_export(action: object) -> bool:
    return isinstance(action, dict) and action.get("action") == "export"


def _filled(export: Mapping[str, Any], backup: Mapping[str, Any]) -> dict[str, Any]:
    """What counts for an export: one without schedule or retention of its own follows the backups."""
    said = _present({name: export.get(name) for name in _EXPORTED})
    return _present({name: backup.get(name) for name in ("frequency", "retention")}) | said


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _below(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A map inside a body; empty where a client sent something else in its place."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}
