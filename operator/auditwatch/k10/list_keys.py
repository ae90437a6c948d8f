"""What names the elements of a kind's lists.

The API server stores lists; people mean sets. Two versions of a policy differ in "the export action's retention", not
in "element 1". Where nothing is declared an element is named by its ``name``, the convention of Kubernetes; where an
element has none, the list is compared by index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import msgspec

from auditwatch.k10.groups import AUDITWATCH, family

REMEMBERED: Final = 256
"""Kinds whose keys are asked for again and again."""
MAX_REMEMBERED: Final = 512
"""Characters of their names; a client may ask for kinds with longer ones, which do not exist."""
CONTENT: Final = ("*",)
"""An element that nothing names is itself: changed content is one element gone and one new."""

_FILTERS = {
    f"{parameters}.filters.{direction}{what}Resources": CONTENT
    for parameters in ("backupParameters", "restoreParameters", "exportParameters")
    for direction in ("include", "exclude")
    for what in ("", "Cluster", "Extra")
}
_ACTIONS = {f"spec.actions[*].{path}": key for path, key in _FILTERS.items()}
_REQUIREMENTS = ("key", "operator")

_POLICY: Final[Mapping[str, tuple[str, ...]]] = {
    "spec.actions": ("action",),
    "spec.actions[*].exportParameters.exportData.overrides": ("storageClassName",),
    "spec.selector.matchExpressions": _REQUIREMENTS,
    **_ACTIONS,
}
_ROLE: Final[Mapping[str, tuple[str, ...]]] = {"rules": CONTENT, "aggregationRule.clusterRoleSelectors": CONTENT}
_BINDING: Final[Mapping[str, tuple[str, ...]]] = {"subjects": ("kind", "namespace", "name")}
_ADMISSION: Final[Mapping[str, tuple[str, ...]]] = {
    "spec.matchConstraints.resourceRules": CONTENT,
    "spec.matchResources.resourceRules": CONTENT,
    "spec.validations": CONTENT,
    "webhooks[*].rules": CONTENT,
    "webhooks[*].namespaceSelector.matchExpressions": _REQUIREMENTS,
    "spec.matchConstraints.namespaceSelector.matchExpressions": _REQUIREMENTS,
    "spec.matchResources.namespaceSelector.matchExpressions": _REQUIREMENTS,
}

_DECLARED: Final[Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]] = {
    ("config", "policies"): _POLICY,
    ("config", "blueprintbindings"): {
        "spec.resources.matchAll": CONTENT,
        "spec.resources.matchAny": CONTENT,
    },
    ("auth", "k10clusterroles"): _ROLE,
    ("auth", "k10clusterrolebindings"): {"spec.subjects": _BINDING["subjects"], "spec.clusters": CONTENT},
    (AUDITWATCH, "auditwatches"): {"spec.packs[*].overrides": ("rule",)},
    ("datamover", "filerecoverysessions"): {"spec.volumes": ("restorePointName", "pvcName")},
    **{
        ("rbac.authorization.k8s.io", resource): {**_ROLE, **_BINDING}
        for resource in ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
    },
    **{
        ("admissionregistration.k8s.io", resource): _ADMISSION
        for resource in (
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        )
    },
}
"""By family or group, and resource; then by the list's path, with ``*`` for the keys of lists around it."""

_EVERYWHERE: Final[Mapping[str, tuple[str, ...]]] = {"metadata.ownerReferences": ("uid",)}
_VOLUME_MOUNTS: Final = "volumeMounts"


@dataclass(frozen=True, slots=True)
class DeclaredKeys:
    """The keys of one kind's lists."""

    declared: Mapping[str, tuple[str, ...]]

    def key(self, path: str, element: Mapping[str, Any]) -> str | None:
        """What names ``element`` of the list at ``path`` (``spec.actions[*].…``), ``None`` if nothing does."""
        names = self.declared.get(path) or _EVERYWHERE.get(path) or _conventional(path)
        if names is CONTENT:
            return _content(element)
        parts = [element.get(name) for name in names]
        if not all(isinstance(part, str | None) for part in parts) or not any(parts):
            return None
        return "/".join(str(part) for part in parts if part)


def list_keys(group: str, resource: str) -> DeclaredKeys:
    """The keys of a kind, in any API domain."""
    is_short = len(group) + len(resource) <= MAX_REMEMBERED
    return _remembered_keys(group, resource) if is_short else _list_keys(group, resource)


def _list_keys(group: str, resource: str) -> DeclaredKeys:
    return DeclaredKeys(_DECLARED.get((family(group) or group, resource), {}))


_remembered_keys: Final = lru_cache(REMEMBERED)(_list_keys)


def _conventional(path: str) -> tuple[str, ...]:
    return ("mountPath",) if path.endswith("." + _VOLUME_MOUNTS) else ("name",)


def _content(element: Mapping[str, Any]) -> str | None:
    """Eight hexadecimal digits of the content's digest; ``None`` for an element nested too deep to be encoded."""
    try:
        encoded = msgspec.json.encode(element, order="deterministic")
    except RecursionError:
        return None
    return hashlib.sha256(encoded).hexdigest()[:8]
