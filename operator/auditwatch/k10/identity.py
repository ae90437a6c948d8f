"""Which K10 is installed where, and which account is its own.

Every K10 deployment runs under one service account, and it is found from the one deployment that is always there:
``aggregatedapis-svc``. The namespace's group of service accounts is *not* K10: people keep tokens of their own there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditwatch.k10.groups import DOCUMENTED_DOMAIN

AGGREGATED_APIS: Final = "aggregatedapis-svc"
"""Name of the deployment, of its service and of the container that writes K10's audit stream."""

MULTICLUSTER_NAMESPACE: Final = "kasten-io-mc"
"""Where a K10 keeps its multi-cluster objects, whatever its own namespace is called."""

DASHBOARD_AGENT: Final = "dashboardbff-server"
"""Program of the dashboard's backend, by which its client names itself (seen as field manager in real objects)."""

JSONObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class K10Instance:
    """One installed K10."""

    name: str = "default"
    """What an AuditWatch calls it in ``spec.k10Name``."""
    namespace: str = "kasten-io"
    service_account: str = "k10-k10"
    api_domain: str = DOCUMENTED_DOMAIN
    multicluster_namespace: str = MULTICLUSTER_NAMESPACE

    @property
    def account(self) -> str:
        """Its username at the API server: the exact account, not the group of its namespace."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that are K10's: its own and the multi-cluster one."""
        return (self.namespace, self.multicluster_namespace)


def find_k10(deployments: Iterable[JSONObject], api_services: Iterable[JSONObject] = ()) -> tuple[K10Instance, ...]:
    """The K10s of a cluster, ordered by namespace; the first is called ``default``, others by their namespace.

    ``deployments`` and ``api_services`` are whole objects, of all kinds of names. Anybody who may create a
    Deployment in some namespace could pose as K10 and have an account of his own trusted, so where any candidate is
    named by an APIService (which only a cluster's administrator can write) those without one are left out. Where no
    APIService names any, all candidates are returned: K10's APIServices may just have been deleted.
    """
    domains = _domains(api_services)
    candidates = sorted(_candidates(deployments))
    backed = [(namespace, account) for namespace, account in candidates if namespace in domains]
    return tuple(
        K10Instance(
            name=namespace if position else "default",
            namespace=namespace,
            service_account=account,
            api_domain=domains.get(namespace, DOCUMENTED_DOMAIN),
        )
        for position, (namespace, account) in enumerate(backed or candidates)
    )


def _candidates(deployments: Iterable[JSONObject]) -> Iterator[tuple[str, str]]:
    """(namespace, service account) of every deployment with the right name; ``default`` where none is written."""
    for deployment in deployments:
        metadata = deployment.get("metadata", {})
        if metadata.get("name") == AGGREGATED_APIS:
            pod = deployment.get("spec", {}).get("template", {}).get("spec", {})
            yield metadata.get("namespace", ""), pod.get("serviceAccountName") or "default"


def _domains(api_services: Iterable[JSONObject]) -> dict[str, str]:
    """API domain by namespace of the service that answers: an APIService's group without its first label."""
    domains: dict[str, str] = {}
    for api_service in api_services:
        spec = api_service.get("spec", {})
        service = spec.get("service") or {}
        domain = str(spec.get("group", "")).partition(".")[2]
        if service.get("name") == AGGREGATED_APIS and domain:
            domains.setdefault(service.get("namespace", ""), domain)
    return domains
