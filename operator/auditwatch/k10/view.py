"""What detection asks of K10.

The engine knows no K10: it is handed something that answers these questions, made here from an installed K10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from auditwatch.k10 import labels
from auditwatch.k10.groups import in_domain
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.list_keys import DeclaredKeys, list_keys
from auditwatch.k10.presets import effective_policy


class K10View(Protocol):
    """The questions; ``group`` is one the cluster serves unless said otherwise."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that are K10's."""
        ...

    def substitute_group(self, group: str) -> str:
        """A group as rules write it (``kio.kasten.io``), as this cluster serves it."""
        ...

    def list_keys(self, group: str, resource: str) -> DeclaredKeys:
        """How elements of the kind's lists are paired."""
        ...

    def label(self, field: str) -> str | None:
        """The label behind the rule field ``k10.<field>``, ``None`` where K10 has none."""
        ...

    def is_k10_account(self, username: str) -> bool:
        """Whether an authenticated user is K10's exact service account."""
        ...

    def effective(self, policy: Mapping[str, Any], preset: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """A policy with what its preset decides, see ``k10/presets.py``."""
        ...


@dataclass(frozen=True, slots=True)
class InstalledK10:
    """The answers for one installed K10."""

    instance: K10Instance

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Its own namespace and the multi-cluster one."""
        return self.instance.namespaces

    def substitute_group(self, group: str) -> str:
        """Also right for names that end in a group, such as those of CRDs and APIServices."""
        return in_domain(group, self.instance.api_domain)

    def list_keys(self, group: str, resource: str) -> DeclaredKeys:
        """From the declarations in ``k10/list_keys.py``."""
        return list_keys(group, resource)

    def label(self, field: str) -> str | None:
        """From the labels in ``k10/labels.py``."""
        return labels.label(field)

    def is_k10_account(self, username: str) -> bool:
        """Exact comparison: a neighbour in K10's namespace is not K10."""
        return username == self.instance.account

    def effective(self, policy: Mapping[str, Any], preset: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """See ``k10/presets.py``."""
        return effective_policy(policy, preset)
