"""K10's API groups, whose suffix is not a constant.

A K10 installed with Helm value ``useNamespacedAPI`` serves ``apps.kio.<its namespace, dashes as dots>`` instead of
``apps.kio.kasten.io``. Rules are written with the documented domain; what is read from a cluster carries the real
one. This is the only place that turns one into the other.
"""

from __future__ import annotations

import re
from typing import Final

DOCUMENTED_DOMAIN: Final = "kio.kasten.io"
"""The API domain of K10's documentation, and of every rule."""

KANISTER: Final = "cr.kanister.io"
"""Kanister's group: K10 brings it, but no API domain applies to it."""

CUSTOM_FAMILIES: Final = frozenset({"auth", "config", "datamover", "dist", "reporting"})
"""Families of K10's groups that are CustomResourceDefinitions, served by kube-apiserver itself."""

AUDITWATCH: Final = "k10auditwatch.io"
"""The group of this monitor's own custom resources."""

_METRICS: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Groups of Kubernetes' own domain that are served by somebody else."""

_FAMILY: Final = re.compile(r"([a-z]+)\.kio\.[a-z0-9.-]+")


def namespaced_domain(namespace: str) -> str:
    """The domain ``useNamespacedAPI`` gives a K10 in ``namespace``: ``kio.`` and the name, dashes as dots."""
    return "kio." + namespace.replace("-", ".")


def in_domain(name: str, domain: str) -> str:
    """A documented group, or a name that ends in one (``policies.config.kio.kasten.io``), as ``domain`` has it."""
    head, dot, tail = name.rpartition("." + DOCUMENTED_DOMAIN)
    return f"{head}.{domain}" if dot and not tail else name


def documented(name: str, domain: str) -> str:
    """The inverse of :func:`in_domain`: a group or name from a cluster, as rules write it."""
    head, dot, tail = name.rpartition("." + domain)
    return f"{head}.{DOCUMENTED_DOMAIN}" if dot and not tail else name


def family(group: str) -> str:
    """What stands before the API domain (``apps`` of ``apps.kio.kasten.io``), or empty for a group not of K10."""
    match = _FAMILY.fullmatch(group)
    return match[1] if match else ""


def is_built_in(group: str, domain: str) -> bool:
    """Whether kube-apiserver itself serves the group: its own, and the custom resources of K10's domain and ours."""
    head, _, tail = group.partition(".")
    if group in {KANISTER, AUDITWATCH} or (head in CUSTOM_FAMILIES and tail == domain):
        return True
    return "." not in group or (group.endswith(".k8s.io") and group not in _METRICS)
