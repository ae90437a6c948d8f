"""Options that several commands share: which rules, and whose K10 it is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditwatch.cli import names
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.rules import Asked, RulesError, k10_of, rules_of


class SeverityName(StrEnum):
    """A severity, in any spelling of its case."""

    INFO = "Info"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    CRITICAL = "Critical"

    @property
    def severity(self) -> Severity:
        """The same, as findings have it."""
        return next(each for each in SEVERITIES if each == self.value)


RuleFiles = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="A pack, an AuditWatch or a list of rules; repeatable. Instead of the default pack."),
]
PackNames = Annotated[
    list[str] | None,
    typer.Option("--pack", help="A pack that ships, NAME or NAME@VERSION; repeatable; default: k10-baseline."),
]
K10Namespace = Annotated[str, typer.Option(help="Where K10 is installed.")]
K10Account = Annotated[str, typer.Option(help="K10's service account, NAME or NAMESPACE:NAME.")]
ApiDomain = Annotated[str, typer.Option(help="Domain of K10's API groups, where it is not the documented one.")]


def chosen_k10(namespace: str, account: str, api_domain: str) -> InstalledK10:
    """The K10 the options describe. Raises :class:`RulesError`."""
    told = (
        names.of_namespace("--k10-namespace", namespace),
        names.of_account("--k10-account", account),
        names.of_domain("--api-domain", api_domain),
    )
    if flaws := [each for each in told if each]:
        raise RulesError("\n".join(flaws))
    return k10_of(namespace=namespace, account=account, api_domain=api_domain)


def chosen_rules(asked: Asked, *, k10: InstalledK10, now: float) -> tuple[RuleSet, ...]:
    """The rule sets in force; warnings about them go to standard error. Raises :class:`RulesError`."""
    rules = rules_of(asked, k10=k10, now=now)
    for warning in rules.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return rules.rule_sets
