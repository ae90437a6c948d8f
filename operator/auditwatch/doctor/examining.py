"""All checks in order: what stands on something that is missing is told after it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from auditwatch.doctor import judging_cluster, judging_k10, judging_operator, judging_sight
from auditwatch.doctor.facts import Facts, Unread
from auditwatch.doctor.lines import Line

CHECKS: Final[tuple[Callable[[Facts], Iterator[Line]], ...]] = (
    judging_cluster.api_server,
    judging_cluster.clock,
    judging_cluster.definitions,
    judging_operator.deployment,
    judging_operator.lease,
    judging_k10.k10,
    judging_sight.audit_log,
    judging_cluster.rights,
    judging_operator.journal,
    judging_sight.watches,
    judging_operator.webhook,
    judging_operator.agents,
)


def examine(facts: Facts) -> list[Line]:
    """What there is to say; of a cluster that does not answer, only that."""
    if isinstance(facts.server, Unread):
        return list(judging_cluster.api_server(facts))
    return [line for check in CHECKS for line in check(facts)]
