"""Which resources the API groups of Kubernetes and of K10 have, so that a rule's groups and resources make real kinds.

A rule names groups and resources in two lists: ``[apps, batch]`` and ``[deployments, jobs]`` mean two kinds, not four.
What is not in here is not ruled out: groups of others are nobody's to know, and a resource that no group of the rule is
known to have may be younger than this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditwatch.k10.groups import AUDITWATCH, DOCUMENTED_DOMAIN, KANISTER, documented


def has_resource(group: str, resource: str, domain: str) -> bool | None:
    """Whether the group, as a cluster with this API domain serves it, has the resource, written with or without a
    subresource; ``None``: nobody here knows the group.
    """
    known = _KUBERNETES.get(group) or _BESIDE.get(group) or _K10.get(documented(group, domain))
    return None if known is None else resource.partition("/")[0] in known


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KUBERNETES: Final[Mapping[str, frozenset[str]]] = {
    "": _words(
        "bindings componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims "
        "persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services"
    ),
    "admissionregistration.k8s.io": _words(
        "mutatingadmissionpolicies mutatingadmissionpolicybindings mutatingwebhookconfigurations "
        "validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations"
    ),
    "apiextensions.k8s.io": _words("customresourcedefinitions"),
    "apiregistration.k8s.io": _words("apiservices"),
    "apps": _words("controllerrevisions daemonsets deployments replicasets statefulsets"),
    "authentication.k8s.io": _words("selfsubjectreviews tokenreviews"),
    "authorization.k8s.io": _words(
        "localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews"
    ),
    "autoscaling": _words("horizontalpodautoscalers"),
    "batch": _words("cronjobs jobs"),
    "certificates.k8s.io": _words("certificatesigningrequests clustertrustbundles podcertificaterequests"),
    "coordination.k8s.io": _words("leasecandidates leases"),
    "discovery.k8s.io": _words("endpointslices"),
    "events.k8s.io": _words("events"),
    "networking.k8s.io": _words("ingressclasses ingresses ipaddresses networkpolicies servicecidrs"),
    "policy": _words("poddisruptionbudgets"),
    "rbac.authorization.k8s.io": _words("clusterrolebindings clusterroles rolebindings roles"),
    "storage.k8s.io": _words(
        "csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses"
    ),
}

_BESIDE: Final[Mapping[str, frozenset[str]]] = {
    AUDITWATCH: _words("auditwatches k10securityfindings"),
    "apps.openshift.io": _words("deploymentconfigs"),
    "groupsnapshot.storage.k8s.io": _words(
        "volumegroupsnapshotclasses volumegroupsnapshotcontents volumegroupsnapshots"
    ),
    "snapshot.storage.k8s.io": _words("volumesnapshotclasses volumesnapshotcontents volumesnapshots"),
}
"""What this monitor, snapshot controllers and OpenShift bring."""

_K10: Final[Mapping[str, frozenset[str]]] = {
    KANISTER: _words("actionsets blueprints profiles repositoryservers"),
    **{
        f"{family}.{DOCUMENTED_DOMAIN}": _words(resources)
        for family, resources in {
            "actions": (
                "backupactions backupclusteractions batchrestoreactions cancelactions exportactions importactions "
                "migratefcdactions reportactions restoreactions restoreclusteractions retireactions runactions "
                "stageactions upgradeactions validateactions"
            ),
            "apps": "applications clusterrestorepointcontents clusterrestorepoints restorepointcontents restorepoints",
            "auth": "k10clusterrolebindings k10clusterroles",
            "config": (
                "actionpodspecbindings actionpodspecs auditconfigs blueprintbindings policies policypresets profiles "
                "storagesecuritycontextbindings storagesecuritycontexts transformsets"
            ),
            "datamover": "filerecoverysessions",
            "dist": "bootstraps clusters distributions",
            "dr": "kastendrrestores kastendrreviews",
            "reporting": "reports",
            "repositories": "restorepointrepositories storagerepositories",
            "vault": "passkeys",
        }.items()
    },
}
