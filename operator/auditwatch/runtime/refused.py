"""Rights that are missing, told once for each namespace, with what grants them.

Most K10s have no multi-cluster namespace, so nothing is bound there unless the installer says that it exists. A refusal
in it is a blindness that is known and in part: rules that look there are Partial and say so. It is not a failure of the
source, as any other refusal is. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from auditwatch.k10.identity import K10Instance
from auditwatch.sources.state.report import KindReport

RIGHTS_SHOWN: Final = 5
_CLUSTER: Final = "upgrade the Helm release with rbac.create: true, or apply manifests/rbac-k10.yaml"
_K10: Final = "name the namespace in k10s of the chart's values, or apply manifests/rbac-k10.yaml in it"
_MULTICLUSTER: Final = "set `{}` in the chart's values, or apply manifests/rbac-multicluster.yaml"


def is_unbound(report: KindReport, instances: Iterable[K10Instance]) -> bool:
    """Whether it is refused in a multi-cluster namespace, for which rights are given only where they are asked for."""
    return report.state == "Forbidden" and report.namespace in _multicluster(instances)


def missing_verb(report: KindReport) -> str:
    """The verb a refusal names; ``list`` where it names none."""
    words = report.message.split()
    return next((verb for verb in ("watch", "list") if verb in words), "list")


def missing_rights(reports: Iterable[KindReport], instances: Sequence[K10Instance]) -> list[str]:
    """A sentence for every namespace something is refused in, in the order of the reports."""
    refused: dict[str, list[str]] = {}
    for report in reports:
        if report.state == "Forbidden":
            refused.setdefault(report.namespace, []).append(f"{missing_verb(report)} {_written(report)}")
    return [
        f"no right to {_shown(rights)}{_where(namespace)}: {_fix(namespace, instances)}"
        for namespace, rights in refused.items()
    ]


def _multicluster(instances: Iterable[K10Instance]) -> set[str]:
    known = list(instances)
    return {each.multicluster_namespace for each in known} - {each.namespace for each in known}


def _fix(namespace: str, instances: Sequence[K10Instance]) -> str:
    if not namespace:
        return _CLUSTER
    if namespace not in _multicluster(instances):
        return _K10
    if len(instances) == 1:
        return _MULTICLUSTER.format(f"k10s[0].multicluster: true` beside `namespace: {instances[0].namespace}")
    return _MULTICLUSTER.format("multicluster: true` in one item of `k10s")


def _where(namespace: str) -> str:
    return f" in namespace {namespace}" if namespace else ""


def _written(report: KindReport) -> str:
    return f"{report.resource}.{report.group}" if report.group else report.resource


def _shown(rights: Sequence[str]) -> str:
    more = len(rights) - RIGHTS_SHOWN
    return ", ".join([*rights[:RIGHTS_SHOWN], *([f"and {more} more"] if more > 0 else [])])
