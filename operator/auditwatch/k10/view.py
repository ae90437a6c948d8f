"""What detection asks of K10, answered for one installed K10.

The engine knows no K10: it states its questions as a protocol (``detection/scope.py``), and who composes the engine
hands it one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from auditwatch.events.activity import Activity, JSONObject
from auditwatch.k10.groups import family, in_domain, is_built_in
from auditwatch.k10.identity import DASHBOARD_AGENT, K10Instance
from auditwatch.k10.labels import FIELDS, PREFIX
from auditwatch.k10.list_keys import DeclaredKeys, list_keys
from auditwatch.k10.presets import Presets
from auditwatch.k10.served import has_resource


@dataclass(frozen=True, slots=True)
class InstalledK10:
    """The answers for one installed K10."""

    instance: K10Instance = field(default_factory=K10Instance)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Its own namespace and the multi-cluster one."""
        return self.instance.namespaces

    @property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """Where it is and as whom it acts, for the lists of packs."""
        instance = self.instance
        return {
            "k10-namespaces": self.namespaces,
            "k10-accounts": (instance.account,),
            "k10-service-accounts": (instance.service_account,),
        }

    def group(self, written: str) -> str:
        """A group as rules write it (``kio.kasten.io``), as this cluster serves it; also names that end in one."""
        return in_domain(written, self.instance.api_domain)

    def list_keys(self, group: str, resource: str) -> DeclaredKeys:
        """What names the elements of the kind's lists (``k10/list_keys.py``)."""
        return list_keys(group, resource)

    def is_k10_account(self, username: str) -> bool:
        """Exact comparison: a neighbour in K10's namespace is not K10."""
        return username == self.instance.account

    def is_dashboard(self, agent: str) -> bool:
        """Whether a user agent is the dashboard's; its client names itself by its program."""
        return agent.partition("/")[0] == DASHBOARD_AGENT

    def is_k10_pod(self, namespace: str, pod: JSONObject) -> bool:
        """Whether a pod of this namespace (an object, or its facts) runs under K10's own account."""
        account = _below(pod, "spec").get("serviceAccountName") or "default"
        return (namespace, account) == (self.instance.namespace, self.instance.service_account)

    def is_built_in(self, group: str) -> bool:
        """Whether kube-apiserver itself serves the group; of a group nobody knows that is not said."""
        return is_built_in(group, self.instance.api_domain)

    def serves(self, group: str, resource: str) -> bool | None:
        """Whether the group has the resource, where the group is one that is known."""
        return has_resource(group, resource, self.instance.api_domain)

    def completing(self) -> Callable[[Activity], Activity]:
        """A new memory of presets (``k10/presets.py``)."""
        return Presets().completed

    def facts(self, activity: Activity) -> Mapping[str, object]:
        """The ``k10.*`` fields that have a value; what is not in the mapping is absent.

        ``policies`` and ``policyName`` of a policy are itself, of anything else what its labels say; ``profileName``
        likewise; ``actionName`` is an action's own name. Where no body was seen, labels are ``msgspec.UNSET``.
        """
        target = activity.target
        body = _body(activity)
        found: dict[str, object] = _unseen() if body is None else _labelled(body)
        if family(target.group) == "config":
            found |= _OWN.get(target.resource, _nothing)(target.namespace, target.name)
        if family(target.group) == "actions" and target.name:
            found["actionName"] = target.name
        if isinstance(found.get("policyName"), str):
            found["policies"] = [found["policyName"]]
        return found


class EveryK10:
    """Several installed K10s as whoever reads for all of them asks: each one's account and pods are K10's own.

    What a watch makes of it is decided for the one that it names (``detection/ownk10.py``).

    Without one, the default. What depends on one alone (lists, the name of a group) is the first one's.
    """

    def __init__(self, instances: Sequence[K10Instance]) -> None:
        self._all = tuple(InstalledK10(each) for each in instances) or (InstalledK10(),)

    @property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """Those of the first."""
        return self._all[0].lists

    def group(self, written: str) -> str:
        """As the first one's cluster serves it; they share one."""
        return self._all[0].group(written)

    def list_keys(self, group: str, resource: str) -> DeclaredKeys:
        """The same for all."""
        return self._all[0].list_keys(group, resource)

    def is_k10_account(self, username: str) -> bool:
        """Whether it is any one's."""
        return any(each.is_k10_account(username) for each in self._all)

    def is_dashboard(self, agent: str) -> bool:
        """The same for all."""
        return self._all[0].is_dashboard(agent)

    def is_k10_pod(self, namespace: str, pod: JSONObject) -> bool:
        """Whether it runs under any one's account, in that one's namespace."""
        return any(each.is_k10_pod(namespace, pod) for each in self._all)

    def is_built_in(self, group: str) -> bool:
        """Whether none of them serves it by itself."""
        return all(each.is_built_in(group) for each in self._all)

    def serves(self, group: str, resource: str) -> bool | None:
        """As the first one's cluster does; they share one."""
        return self._all[0].serves(group, resource)

    def completing(self) -> Callable[[Activity], Activity]:
        """The same for all."""
        return self._all[0].completing()

    def facts(self, activity: Activity) -> Mapping[str, object]:
        """The same for all."""
        return self._all[0].facts(activity)


def _unseen() -> dict[str, object]:
    return {**dict.fromkeys(FIELDS, msgspec.UNSET)}


def _nothing(_namespace: str, _name: str) -> dict[str, object]:
    return {}


_OWN: Mapping[str, Callable[[str, str], dict[str, object]]] = {
    "policies": lambda namespace, name: {"policyName": name, "policyNamespace": namespace},
    "profiles": lambda _namespace, name: {"profileName": name},
}
"""What objects of K10's configuration are themselves."""


def _body(activity: Activity) -> JSONObject | None:
    """The object after the request, else before it; ``None`` where neither was seen."""
    for body in (activity.object, activity.old_object):
        if isinstance(body, dict):
            return body
    return None


def _labelled(body: JSONObject) -> dict[str, object]:
    labels = _below(_below(body, "metadata"), "labels")
    found: dict[str, object] = {name: labels[PREFIX + name] for name in FIELDS if PREFIX + name in labels}
    if "exportProfile" in found:
        found["profileName"] = found["exportProfile"]
    expires = _below(body, "spec").get("expiresAt")
    return found if expires is None else {**found, "expiresAt": expires}


def _below(body: JSONObject, name: str) -> JSONObject:
    """A map inside a body; empty where a client sent something else in its place."""
    found = body.get(name)
    return found if isinstance(found, dict) else {}
