"""A policy that names a preset runs on the preset's values: a weaker preset is a weaker policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TAKEN: Final = ("frequency", "subFrequency", "backupWindow", "enableStaggering", "retention", "profile")
"""What a preset's ``spec.backup`` decides for the policies that name it."""


def preset_of(policy: Mapping[str, Any]) -> tuple[str, str] | None:
    """(namespace, name) of the preset a policy names; its namespace is the policy's where none is written."""
    reference = (policy.get("spec") or {}).get("presetRef") or {}
    if not reference.get("name"):
        return None
    return reference.get("namespace") or policy.get("metadata", {}).get("namespace", ""), reference["name"]


def effective_policy(policy: Mapping[str, Any], preset: Mapping[str, Any] | None) -> dict[str, Any]:
    """The policy with ``effective``: what its preset decides, else what it says itself.

    A policy without ``presetRef`` and one whose preset is not known (``None``) are returned without it: rules then
    read ``spec`` alone, and nothing is claimed about what was not seen.
    """
    if preset_of(policy) is None or preset is None:
        return dict(policy)
    spec, backup = policy.get("spec") or {}, (preset.get("spec") or {}).get("backup") or {}
    effective = {name: backup.get(name, spec.get(name)) for name in _TAKEN}
    return {**policy, "effective": {name: value for name, value in effective.items() if value is not None}}
