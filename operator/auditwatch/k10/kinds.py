"""The kinds the state source keeps, and how much of each.

The table is the least that the rules need: what is listed here is what the operator's role must allow and what its
journal holds. Never in it, so that the operator neither holds nor can leak them: Secrets, passkeys, and exportactions
(their ``receiveString`` is a credential). Rules about those need the audit log.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from auditwatch.k10.groups import AUDITWATCH, KANISTER, in_domain
from auditwatch.k10.identity import K10Instance


class Keep(enum.Enum):
    """How much of an object is held."""

    OBJECT = "Object"
    """All of it, redacted."""
    FACTS = "Facts"
    """What ``k10/facts.py`` leaves of it: there are tens of thousands of these, or most of it is of no use."""


class Scope(enum.Enum):
    """Where objects of a kind are looked for."""

    CLUSTER = "Cluster"
    """A cluster-scoped kind."""
    EVERYWHERE = "Everywhere"
    """A namespaced kind, in all namespaces: K10 reads its own kinds wherever they are."""
    K10 = "K10"
    """A namespaced kind, in K10's namespaces only."""


class Serving(enum.Enum):
    """Who answers for a kind."""

    BUILT_IN = "BuiltIn"
    """kube-apiserver: always there, always watchable."""
    CUSTOM = "Custom"
    """A CustomResourceDefinition: watchable, but it may come late or go."""
    AGGREGATED = "Aggregated"
    """K10's own API server: may come late, be away (503) and refuse to watch; polled where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedKind:
    """One row of the table."""

    group: str
    version: str
    resource: str
    kind: str
    scope: Scope
    keep: Keep = Keep.OBJECT
    serving: Serving = Serving.BUILT_IN
    optional: bool = False
    """Whether a healthy cluster may not serve it: its absence is then no fault."""

    @property
    def key(self) -> str:
        """``group/resource``, as rules' tests write it; the core group is left out (``pods``)."""
        return f"{self.group}/{self.resource}".removeprefix("/")


def _custom(family: str, resource: str, kind: str, *, optional: bool = False) -> WatchedKind:
    return WatchedKind(
        group=f"{family}.kio.kasten.io",
        version="v1alpha1",
        resource=resource,
        kind=kind,
        scope=Scope.EVERYWHERE,
        serving=Serving.CUSTOM,
        optional=optional,
    )


def _aggregated(
    family: str, resource: str, kind: str, *, scope: Scope = Scope.EVERYWHERE, keep: Keep = Keep.FACTS
) -> WatchedKind:
    return WatchedKind(
        group=f"{family}.kio.kasten.io",
        version="v1alpha1",
        resource=resource,
        kind=kind,
        scope=scope,
        keep=keep,
        serving=Serving.AGGREGATED,
        optional=family == "dr",
    )


def _kanister(resource: str, kind: str) -> WatchedKind:
    return WatchedKind(
        group=KANISTER,
        version="v1alpha1",
        resource=resource,
        kind=kind,
        scope=Scope.EVERYWHERE,
        serving=Serving.CUSTOM,
    )


def _own(group: str, resource: str, kind: str, *, keep: Keep = Keep.OBJECT) -> WatchedKind:
    return WatchedKind(group=group, version="v1", resource=resource, kind=kind, scope=Scope.K10, keep=keep)


def _cluster(group: str, resource: str, kind: str, *, keep: Keep = Keep.OBJECT, optional: bool = False) -> WatchedKind:
    return WatchedKind(
        group=group, version="v1", resource=resource, kind=kind, scope=Scope.CLUSTER, keep=keep, optional=optional
    )


_CONFIGURATION = (
    _custom("config", "policies", "Policy"),
    _custom("config", "policypresets", "PolicyPreset", optional=True),
    _custom("config", "profiles", "Profile"),
    _custom("config", "auditconfigs", "AuditConfig", optional=True),
    _custom("config", "transformsets", "TransformSet", optional=True),
    _custom("config", "blueprintbindings", "BlueprintBinding", optional=True),
    _custom("config", "actionpodspecs", "ActionPodSpec", optional=True),
    _custom("config", "actionpodspecbindings", "ActionPodSpecBinding", optional=True),
    _custom("config", "storagesecuritycontextbindings", "StorageSecurityContextBinding", optional=True),
    _custom("datamover", "filerecoverysessions", "FileRecoverySession", optional=True),
    _custom("auth", "k10clusterroles", "K10ClusterRole", optional=True),
    _custom("auth", "k10clusterrolebindings", "K10ClusterRoleBinding", optional=True),
    _kanister("blueprints", "Blueprint"),
    _aggregated("repositories", "storagerepositories", "StorageRepository", keep=Keep.OBJECT),
    _aggregated("dr", "kastendrreviews", "KastenDRReview"),
    _aggregated("dr", "kastendrrestores", "KastenDRRestore"),
)

_INVENTORY = (
    _aggregated("apps", "restorepoints", "RestorePoint"),
    _aggregated("apps", "restorepointcontents", "RestorePointContent", scope=Scope.CLUSTER),
    _aggregated("apps", "clusterrestorepoints", "ClusterRestorePoint", scope=Scope.CLUSTER),
    _aggregated("actions", "backupactions", "BackupAction"),
    _aggregated("actions", "batchrestoreactions", "BatchRestoreAction"),
    _aggregated("actions", "importactions", "ImportAction"),
    _aggregated("actions", "restoreactions", "RestoreAction"),
    _aggregated("actions", "runactions", "RunAction"),
    _aggregated("actions", "backupclusteractions", "BackupClusterAction", scope=Scope.CLUSTER),
    _aggregated("actions", "restoreclusteractions", "RestoreClusterAction", scope=Scope.CLUSTER),
    _aggregated("actions", "retireactions", "RetireAction", scope=Scope.CLUSTER),
)
"""Report, stage, upgrade, validate and migration actions neither lose nor leak backups; cancelactions are not kept."""

_WORKLOADS = (
    _own("apps", "deployments", "Deployment"),
    _own("apps", "statefulsets", "StatefulSet"),
    _own("", "configmaps", "ConfigMap"),
    _own("", "persistentvolumeclaims", "PersistentVolumeClaim", keep=Keep.FACTS),
    _own("", "pods", "Pod", keep=Keep.FACTS),
)

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

_CLUSTER = (
    _cluster("", "namespaces", "Namespace"),
    _cluster("apiregistration.k8s.io", "apiservices", "APIService"),
    _cluster("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", keep=Keep.FACTS),
    _cluster(_RBAC, "clusterroles", "ClusterRole"),
    _cluster(_RBAC, "clusterrolebindings", "ClusterRoleBinding"),
    replace(_cluster(_RBAC, "roles", "Role"), scope=Scope.EVERYWHERE),
    replace(_cluster(_RBAC, "rolebindings", "RoleBinding"), scope=Scope.EVERYWHERE),
    _cluster(_ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    _cluster(_ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    _cluster(_ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy", optional=True),
    _cluster(_ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", optional=True),
    _cluster(_ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy", optional=True),
    _cluster(_ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", optional=True),
)

_MONITOR = (
    WatchedKind(
        group=AUDITWATCH,
        version="v1alpha1",
        resource="auditwatches",
        kind="AuditWatch",
        scope=Scope.EVERYWHERE,
        serving=Serving.CUSTOM,
    ),
)
"""What tells this monitor to look is an intruder's first aim."""

WATCHED_KINDS: Final[tuple[WatchedKind, ...]] = (*_CONFIGURATION, *_INVENTORY, *_WORKLOADS, *_CLUSTER, *_MONITOR)
"""The whole table, with documented groups."""

NEVER_WATCHED: Final = frozenset({"secrets", "passkeys", "exportactions"})
"""Resources of which nothing is ever read."""


def kinds_of(instance: K10Instance) -> tuple[WatchedKind, ...]:
    """The table with the groups of an installed K10's API domain."""
    return tuple(replace(kind, group=in_domain(kind.group, instance.api_domain)) for kind in WATCHED_KINDS)


def namespaces_of(kind: WatchedKind, instances: Sequence[K10Instance]) -> tuple[str, ...]:
    """The namespaces to list a kind in, ordered; empty for one list over the whole cluster."""
    if kind.scope is not Scope.K10:
        return ()
    return tuple(sorted({namespace for instance in instances for namespace in instance.namespaces}))
