"""Kinds kept as facts, reduced to small objects of the same shape, so that rules' field paths work on them.

A cluster may hold fifty thousand restore points; of each, a typical 300 bytes are kept: who it is, which policy and
application it belongs to, and when it expires. Statuses are left out: they move all the time and say nothing of
intent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from auditwatch.k10.groups import family
from auditwatch.k10.labels import k10_labels

JSONObject = dict[str, Any]

_SUBJECT: Final = ("kind", "name", "namespace")


def facts(group: str, resource: str, obj: JSONObject) -> JSONObject:
    """What is kept of ``obj``; objects of kinds kept whole are returned as they are. ``obj`` is not changed.

    The result holds ``metadata`` with name, namespace, uid and K10's labels, and of ``spec`` what the kind's rules
    ask. It holds neither resourceVersion nor managedFields: read those from the object before.
    """
    reduce = _REDUCERS.get((family(group) or group, resource))
    if reduce is None:
        return obj
    return _filled({"metadata": _metadata(obj), "spec": _filled(reduce(obj.get("spec") or {}))})


def _metadata(obj: Mapping[str, Any]) -> JSONObject:
    metadata = obj.get("metadata", {})
    kept = {name: metadata[name] for name in ("name", "namespace", "uid") if name in metadata}
    labels = k10_labels(obj)
    return kept | ({"labels": labels} if labels else {})


def _filled(values: Mapping[str, Any]) -> JSONObject:
    return {name: value for name, value in values.items() if value not in (None, {}, [], "")}


def _picked(value: Any, names: tuple[str, ...]) -> JSONObject:
    return {name: value[name] for name in names if name in value} if isinstance(value, dict) else {}


def _restore_point(spec: JSONObject) -> JSONObject:
    content = _picked(spec.get("restorePointContentRef"), ("name",))
    return {"expiresAt": spec.get("expiresAt"), "restorePointContentRef": content}


def _action(spec: JSONObject) -> JSONObject:
    names = ("expiresAt", "targetNamespace", "overwriteExisting", "dataOnly")
    return {"subject": _picked(spec.get("subject"), _SUBJECT), **_picked(spec, names)}


def _recovery(spec: JSONObject) -> JSONObject:
    source = _picked(spec.get("sourceClusterInfo"), ("profileName", "sourceClusterID", "pointInTime"))
    return {"sourceClusterInfo": source, **_picked(spec, ("skipResources",))}


def _definition(spec: JSONObject) -> JSONObject:
    return {"names": _picked(spec.get("names"), ("plural", "kind")), **_picked(spec, ("group", "scope"))}


def _claim(spec: JSONObject) -> JSONObject:
    return _picked(spec, ("storageClassName", "volumeName"))


def _pod(spec: JSONObject) -> JSONObject:
    containers = [_picked(container, ("name", "image")) for container in spec.get("containers") or []]
    return {"containers": containers, **_picked(spec, ("nodeName", "serviceAccountName"))}


_REDUCERS: Final[Mapping[tuple[str, str], Callable[[JSONObject], JSONObject]]] = {
    ("apps", "restorepoints"): _restore_point,
    ("apps", "restorepointcontents"): _restore_point,
    ("apps", "clusterrestorepoints"): _restore_point,
    **{
        ("actions", resource): _action
        for resource in (
            "backupactions",
            "batchrestoreactions",
            "importactions",
            "restoreactions",
            "runactions",
            "backupclusteractions",
            "restoreclusteractions",
            "retireactions",
        )
    },
    ("dr", "kastendrreviews"): _recovery,
    ("dr", "kastendrrestores"): _recovery,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
    ("", "persistentvolumeclaims"): _claim,
    ("", "pods"): _pod,
}
"""By the family of a K10 group (see ``k10/groups.py``) or the whole group, and the resource."""
