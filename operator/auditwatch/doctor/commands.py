"""How the operator was installed, and so which command changes it: Helm with the release's own name, or kubectl. Pure.

Helm marks what it installs with the release's name; what has no such mark came from the manifests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final

from auditwatch.doctor.facts import JSONObject, Unread
from auditwatch.k10.groups import DOCUMENTED_DOMAIN
from auditwatch.k10.identity import MULTICLUSTER_NAMESPACE, K10Instance

CHART: Final = "charts/k10-auditwatch"
_RELEASE: Final = "meta.helm.sh/release-name"


@dataclass(frozen=True, slots=True)
class Installation:
    """One installed operator. ``release``: Helm's name for it, empty where it was not installed by Helm."""

    namespace: str
    release: str = ""

    def change(self, *values: str, manifest: str) -> str:
        """The command that sets values of the chart (``key=value``), or applies what stands for them without Helm."""
        if not self.release:
            return f"kubectl apply {manifest}"
        settings = "".join(f" --set {quote(value)}" for value in values)
        return f"helm upgrade {quote(self.release)} {CHART} --namespace {self.namespace} --reuse-values{settings}"


def install(namespace: str) -> str:
    """Where there is none."""
    return f"helm install k10-auditwatch {CHART} --namespace {namespace} --create-namespace"


def installation_of(deployments: Sequence[JSONObject] | Unread, namespace: str) -> Installation:
    """How the first of the operator's Deployments got there."""
    if isinstance(deployments, Unread) or not deployments:
        return Installation(namespace)
    return Installation(namespace, release_of(deployments[0]))


def release_of(held: JSONObject) -> str:
    """The Helm release an object belongs to; empty where to none."""
    return str((held["metadata"].get("annotations") or {}).get(_RELEASE) or "")


def k10_values(instances: Sequence[K10Instance], multicluster: frozenset[str]) -> list[str]:
    """The chart's ``k10s`` for the one K10 there is: Helm replaces lists as a whole. None where there are several.

    ``multicluster``: the multi-cluster namespaces that exist.
    """
    if len(instances) != 1:
        return []
    (k10,) = instances
    values = [f"k10s[0].namespace={k10.namespace}"]
    if k10.api_domain != DOCUMENTED_DOMAIN:
        values.append(f"k10s[0].apiDomain={k10.api_domain}")
    if k10.multicluster_namespace in multicluster:
        values.append("k10s[0].multicluster=true")
        if k10.multicluster_namespace != MULTICLUSTER_NAMESPACE:
            values.append(f"k10s[0].multiclusterNamespace={k10.multicluster_namespace}")
    return values
