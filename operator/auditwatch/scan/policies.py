"""Audit policies for the rules in force and the K10 that is installed: what they need, and what a given one shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditwatch.detection.auditpolicy import PolicyError, read_policy
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.policycheck import Verdict, check
from auditwatch.detection.policyrender import Audited, render
from auditwatch.detection.sight import KindView
from auditwatch.k10.groups import CUSTOM_FAMILIES, KANISTER
from auditwatch.k10.kinds import kinds_of, namespaces_of
from auditwatch.k10.view import InstalledK10

__all__ = ["PolicyError", "audited", "checked", "rendered", "watched"]

_AGGREGATED_FAMILIES: Final = ("actions", "apps", "dr", "repositories", "vault")


def audited(k10: InstalledK10) -> Audited:
    """What an audit policy must know of this K10."""
    config = k10.group("config.kio.kasten.io")
    return Audited(
        account=k10.instance.account,
        custom_groups=(*(k10.group(f"{family}.kio.kasten.io") for family in sorted(CUSTOM_FAMILIES)), KANISTER),
        aggregated_groups=tuple(k10.group(f"{family}.kio.kasten.io") for family in _AGGREGATED_FAMILIES),
        confidential=((config, "profiles"), (KANISTER, "profiles")),
        watched={kind: view.namespaces for kind, view in watched(k10).items()},
    )


def watched(k10: InstalledK10) -> dict[tuple[str, str], KindView]:
    """What the operator's state source shows, as it is installed."""
    return {
        (kind.group, kind.resource): KindView("Watched", namespaces=namespaces_of(kind, [k10.instance]))
        for kind in kinds_of(k10.instance)
    }


def rendered(rule_sets: Sequence[RuleSet], k10: InstalledK10) -> str:
    """The policy these rules need, as YAML."""
    return render(rule_sets, audited(k10))


def checked(text: str, rule_sets: Sequence[RuleSet], k10: InstalledK10) -> list[Verdict]:
    """What each rule sees under the policy in ``text``. Raises :class:`PolicyError`."""
    return check(read_policy(text), rule_sets, watched(k10))
