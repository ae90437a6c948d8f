"""The labels K10 puts on what it makes: the thread from a restore point back to its policy and application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "k10.kasten.io/"

FIELDS: Final = (
    "policyName",
    "policyNamespace",
    "appName",
    "appNamespace",
    "appType",
    "runActionName",
    "runActionNamespace",
    "batchRestoreActionName",
    "exportProfile",
)
"""Labels of K10 8.5; rules read each as ``k10.<field>``."""


def k10_labels(obj: Mapping[str, Any]) -> dict[str, str]:
    """An object's labels that are K10's, in the order of :data:`FIELDS`."""
    labels = obj.get("metadata", {}).get("labels") or {}
    return {PREFIX + field: labels[PREFIX + field] for field in FIELDS if PREFIX + field in labels}
