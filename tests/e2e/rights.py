"""What an account was given, and what it asked for: roles as Helm renders them, beside the API server's own audit log.

Pure: manifests and audit events in, grants out. A grant is the smallest thing a role can be made smaller by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

Manifest = dict[str, Any]
Event = dict[str, Any]
GROUP: Final = "rbac.authorization.k8s.io"
ROLES: Final = ("Role", "ClusterRole")
BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
CREATED: Final = 201
FORBIDDEN: Final = 403


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One verb on one resource; an empty namespace is all of them, an empty name is every object."""

    role: str
    namespace: str
    verb: str
    group: str
    resource: str
    name: str

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {what}{named} in {self.namespace or 'the cluster'} ({self.role})"

    def allows(self, asked: Asked) -> bool:
        """As RBAC decides."""
        return (
            (self.verb, self.group, self.resource) == (asked.verb, asked.group, asked.resource)
            and self.namespace in ("", asked.namespace)
            and self.name in ("", asked.name)
        )

    def is_within(self, other: Grant) -> bool:
        """Whether it allows less of what both allow."""
        own, others = (self.namespace, self.name), (other.namespace, other.name)
        return own != others and all(wide in ("", narrow) for narrow, wide in zip(own, others, strict=True))


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """One request for a resource, without what is different each time."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    is_refused: bool

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what} {self.namespace}/{self.name}"


def documents(text: str) -> list[Manifest]:
    """The objects of a stream of YAML."""
    return [each for each in yaml.safe_load_all(text) if each]


def grants(manifests: Iterable[Manifest], account: str) -> set[Grant]:
    """Everything that the bindings among ``manifests`` give to a ServiceAccount, written ``namespace/name``."""
    known = list(manifests)
    roles = {_key(each["kind"], each["metadata"]): each for each in known if each["kind"] in ROLES}
    found: set[Grant] = set()
    for binding in (each for each in known if each["kind"] in BINDINGS):
        if account in {f"{subject.get('namespace')}/{subject['name']}" for subject in binding["subjects"]}:
            namespace = binding["metadata"].get("namespace", "")
            ref = binding["roleRef"]
            role = roles[_key(ref["kind"], {"name": ref["name"], "namespace": namespace})]
            found.update(_rules(role, namespace))
    return found


def asked(events: Iterable[Event], user: str) -> set[Asked]:
    """What one user requested; only requests for resources, and each counted where it was answered."""
    return {
        each
        for event in events
        if event["user"]["username"] == user and "objectRef" in event and "responseStatus" in event
        for each in _asked(event)
    }


def unused(given: Iterable[Grant], requests: Iterable[Asked]) -> list[Grant]:
    """Grants that no request needed. What a narrower grant allows is no use of a wider one: that could be without."""
    known = list(given)
    needed = {grant for request in requests for grant in _narrowest(known, request)}
    return sorted(set(known) - needed)


def refused(requests: Iterable[Asked], given: Iterable[Grant]) -> list[Asked]:
    """What was asked for without a right to it.

    What was refused although it is given was asked of an API server that had just started and knew no roles yet.
    """
    known = list(given)
    return sorted(each for each in requests if each.is_refused and not any(grant.allows(each) for grant in known))


def _narrowest(given: Iterable[Grant], request: Asked) -> list[Grant]:
    allowing = [grant for grant in given if grant.allows(request)]
    return [grant for grant in allowing if not any(other.is_within(grant) for other in allowing)]


def _key(kind: str, metadata: dict[str, Any]) -> tuple[str, str, str]:
    return kind, "" if kind == "ClusterRole" else metadata.get("namespace", ""), metadata["name"]


def _rules(role: Manifest, namespace: str) -> Iterator[Grant]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        yield Grant(role["metadata"]["name"], namespace, verb, group, resource, name)


def _asked(event: Event) -> Iterator[Asked]:
    """Subresources as RBAC writes them: ``pods/log``. What applies an object that is not there needs two rights."""
    what, code = event["objectRef"], event["responseStatus"].get("code")
    resource = "/".join(filter(None, (what["resource"], what.get("subresource"))))
    for verb in (event["verb"], "create") if (event["verb"], code) == ("patch", CREATED) else (event["verb"],):
        yield Asked(
            verb=verb,
            group=what.get("apiGroup", ""),
            resource=resource,
            namespace=what.get("namespace", ""),
            name=what.get("name", ""),
            is_refused=code == FORBIDDEN,
        )
