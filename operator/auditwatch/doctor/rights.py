"""What each feature of the operator needs to be allowed, in RBAC's words: what the manifests grant. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from auditwatch.api.crd import GROUP
from auditwatch.cluster.access import Permission
from auditwatch.doctor.installed import Configured
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Scope, kinds_of
from auditwatch.sources.k10stream.canary import CANARY_NAME

MULTICLUSTER: Final = "multi-cluster objects"
"""The one feature without which an operator is at work all the same."""
_FINDINGS: Final = "k10securityfindings"
_OWN: Final = (
    *(Permission(verb, GROUP, "auditwatches") for verb in ("list", "watch")),
    Permission("patch", GROUP, "auditwatches/status"),
    *(Permission(verb, GROUP, _FINDINGS) for verb in ("list", "create", "patch")),
    Permission("patch", GROUP, f"{_FINDINGS}/status"),
    *(Permission(verb, "events.k8s.io", "events") for verb in ("create", "patch")),
)
_FIND: Final = (
    Permission("get", "", "namespaces", name="kube-system"),
    Permission("list", "apps", "deployments"),
    Permission("list", "apiregistration.k8s.io", "apiservices"),
)


def needed(
    namespace: str, instances: Sequence[K10Instance], configured: Configured, multicluster: Collection[str] = ()
) -> Mapping[str, Sequence[Permission]]:
    """Permissions by feature that is switched on. ``namespace``: the operator's own.

    ``multicluster``: namespaces of multi-cluster objects that exist; of others nothing is needed.
    """
    lease = [Permission("create", "coordination.k8s.io", "leases", namespace)]
    lease += [
        Permission(verb, "coordination.k8s.io", "leases", namespace, configured.lease) for verb in ("get", "update")
    ]
    features: dict[str, Sequence[Permission]] = {
        "findings": [*_OWN, *lease],
        "packs and lists": [Permission(verb, "", "configmaps", namespace) for verb in ("list", "watch")],
        "finding K10": _FIND[:1] if configured.k10_namespaces else _FIND,
        "watched state": list(dict.fromkeys(each for k10 in instances for each in _state(k10))),
    }
    if name := configured.default_watch:
        features["default AuditWatch"] = [
            Permission(verb, GROUP, "auditwatches", namespace, name) for verb in ("get", "create", "patch")
        ]
    if second := [place for place in multicluster if place not in {k10.namespace for k10 in instances}]:
        features[MULTICLUSTER] = [
            Permission(each.verb, each.group, each.resource, place)
            for place in second
            for each in features["watched state"]
            if each.namespace == instances[0].namespace
        ]
    if "K10Stream" in configured.types:
        features["K10's audit stream"] = [each for k10 in instances for each in _stream(k10)]
    if configured.types & {"File", "Webhook"}:
        features["proof of the audit log"] = [each for k10 in instances for each in _canary(k10)]
    if "Webhook" in configured.types:
        reviews = [Permission("create", "authentication.k8s.io", "tokenreviews")] if configured.reviews_tokens else []
        features["webhook"] = [*reviews, *(each for place in configured.authorities for each in _authority(place))]
    return features


def _state(k10: K10Instance) -> Iterator[Permission]:
    for kind in kinds_of(k10):
        namespace = k10.namespace if kind.scope is Scope.K10 else ""
        for verb in ("list", "watch"):
            yield Permission(verb, kind.group, kind.resource, namespace)


def _stream(k10: K10Instance) -> Iterator[Permission]:
    yield Permission("list", "", "pods", k10.namespace)
    yield Permission("get", "", "pods/log", k10.namespace)
    yield Permission("get", f"apps.{k10.api_domain}", "restorepoints", k10.namespace, CANARY_NAME)


def _canary(k10: K10Instance) -> Iterator[Permission]:
    yield Permission("get", f"config.{k10.api_domain}", "policies", k10.namespace, CANARY_NAME)


def _authority(place: str) -> Iterator[Permission]:
    namespace, _, name = place.partition("/")
    yield Permission("create", "", "configmaps", namespace)
    yield Permission("get", "", "configmaps", namespace, name)
    yield Permission("update", "", "configmaps", namespace, name)
