"""``auditwatch policy render|check``: the audit policy kube-apiserver needs, and what a given one blinds."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Annotated, Final, NoReturn

import typer

from auditwatch.cli.rule_options import (
    ApiDomain,
    K10Account,
    K10Namespace,
    PackNames,
    RuleFiles,
    chosen_k10,
    chosen_rules,
)
from auditwatch.cli.told import Output, OutputOption, print_document
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.policycheck import Verdict
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.policies import PolicyError, checked, rendered
from auditwatch.scan.rules import Asked, RulesError

NOTHING_BLINDED, BLINDED, UNUSABLE = 0, 1, 2
"""Exit codes of ``check``."""
_STDIN: Final = "-"

app = typer.Typer(
    help="Audit policies of kube-apiserver: what the rules in force need, and what a policy blinds.",
    no_args_is_help=True,
)


@app.command("render")
def render(
    *,
    rules: RuleFiles = None,
    pack: PackNames = None,
    k10_namespace: K10Namespace = "kasten-io",
    k10_account: K10Account = "k10-k10",
    api_domain: ApiDomain = "kio.kasten.io",
) -> None:
    """Print the audit policy that the rules in force need, with the reasons as comments."""
    k10, rule_sets = _in_force(Asked(packs=pack or (), files=rules or ()), k10_namespace, k10_account, api_domain)
    typer.echo(rendered(rule_sets, k10), nl=False)


@app.command("check")
def check(
    file: Annotated[str, typer.Argument(help="The policy, YAML; - for standard input.")],
    *,
    rules: RuleFiles = None,
    pack: PackNames = None,
    k10_namespace: K10Namespace = "kasten-io",
    k10_account: K10Account = "k10-k10",
    api_domain: ApiDomain = "kio.kasten.io",
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what each rule sees under a policy, besides what watched state shows, and which of its rules decides.

    Exit codes: 0 the policy blinds no rule, 1 it blinds one, 2 the file cannot be used.
    """
    k10, rule_sets = _in_force(Asked(packs=pack or (), files=rules or ()), k10_namespace, k10_account, api_domain)
    try:
        verdicts = checked(_read(file), rule_sets, k10)
    except PolicyError as error:
        _fail(f"{file if error.line is None else f'{file}:{error.line}'}: {error}")
    if output is Output.JSON:
        print_document({"file": file, "rules": [_entry(verdict) for verdict in verdicts]})
    else:
        typer.echo("\n".join([*map(_line, verdicts), _summary(verdicts)]))
    raise typer.Exit(BLINDED if any(verdict.is_blinded for verdict in verdicts) else NOTHING_BLINDED)


def _in_force(asked: Asked, namespace: str, account: str, domain: str) -> tuple[InstalledK10, Sequence[RuleSet]]:
    try:
        k10 = chosen_k10(namespace, account, domain)
        return k10, chosen_rules(asked, k10=k10, now=time.time())
    except RulesError as error:
        _fail(str(error))


def _read(file: str) -> str:
    try:
        if file == _STDIN:
            return sys.stdin.read()
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - the name as it was given is the one that is told
            return opened.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise PolicyError(f"cannot be read: {reason}") from error


def _fail(message: str) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(UNUSABLE)


def _line(verdict: Verdict) -> str:
    seen = verdict.visibility
    why = f"  {seen.reason}: {seen.message}" if seen.reason else ""
    return f"{seen.level:<8}{verdict.rule}{why}{_decided(verdict)}"


def _entry(verdict: Verdict) -> dict[str, object]:
    """``decidedBy``: rules of the policy, counted from 1; null where none matches. Without any, state or others do."""
    return {
        "rule": verdict.rule,
        "pack": verdict.pack,
        "result": verdict.visibility.level,
        "reason": verdict.visibility.reason,
        "message": verdict.visibility.message,
        "decidedBy": [place + 1 if place >= 0 else None for place in verdict.decided_by],
        "isBlinded": verdict.is_blinded,
    }


def _decided(verdict: Verdict) -> str:
    """Which rules of the policy, counted from 1 as people do."""
    if not verdict.decided_by:
        return ""
    places = [str(place + 1) for place in verdict.decided_by if place >= 0]
    told = [f"rule {', '.join(places)}"] if places else []
    told += ["no rule: nothing is logged"] if -1 in verdict.decided_by else []
    return f"  [{'; '.join(told)}]"


def _summary(verdicts: Sequence[Verdict]) -> str:
    levels = [verdict.visibility.level for verdict in verdicts]
    blinded = sum(verdict.is_blinded for verdict in verdicts)
    beyond = levels.count("Blind") - blinded
    more = f" ({beyond} of them see nothing under any audit policy)" if beyond else ""
    return f"{levels.count('Full')} Full, {levels.count('Partial')} Partial, {levels.count('Blind')} Blind{more}"
