"""``auditwatch scan FILE…``: audit logs searched on a laptop, with the rules of the operator and without a cluster."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Final

import msgspec
import typer

from auditwatch.cli.interrupts import INTERRUPTED
from auditwatch.cli.rule_options import (
    ApiDomain,
    K10Account,
    K10Namespace,
    PackNames,
    RuleFiles,
    SeverityName,
    chosen_k10,
    chosen_rules,
)
from auditwatch.cli.scan_table import print_table
from auditwatch.detection.signal import SEVERITIES
from auditwatch.events.decode import OUR_FAULT
from auditwatch.scan.inputs import Input, InputError, inputs_of
from auditwatch.scan.pool import Read
from auditwatch.scan.report import document, match_line
from auditwatch.scan.rules import Asked, RulesError
from auditwatch.scan.scanning import FILE_DAMAGED, Plan, Scan
from auditwatch.scan.troubles import NOT_A_LOG, Trouble

CLEAN, FOUND, UNUSABLE = 0, 1, 2
"""Exit codes: nothing at or above --fail-on; something; bad usage, or something that could not be read or judged."""
_UNJUDGED: Final = frozenset({FILE_DAMAGED, NOT_A_LOG, OUR_FAULT})
"""Trouble by which something of a log may have gone unseen that the rules look for."""


class Output(StrEnum):
    """How what was found is printed."""

    TABLE = "table"
    JSON = "json"
    MATCHES = "matches"


def scan(
    files: Annotated[
        list[str], typer.Argument(help="Audit logs: plain, .gz, directories (oldest first), - for standard input.")
    ],
    *,
    rules: RuleFiles = None,
    pack: PackNames = None,
    output: Annotated[
        Output, typer.Option("--output", "-o", help="table; json: one document; matches: one line per event.")
    ] = Output.TABLE,
    min_severity: Annotated[
        SeverityName, typer.Option(case_sensitive=False, help="Findings below are counted and not shown.")
    ] = (SeverityName.LOW),
    fail_on: Annotated[
        SeverityName, typer.Option(case_sensitive=False, help="Exit with 1 if a finding is at or above this.")
    ] = (SeverityName.MEDIUM),
    k10_namespace: K10Namespace = "kasten-io",
    k10_account: K10Account = "k10-k10",
    api_domain: ApiDomain = "kio.kasten.io",
    time_zone: Annotated[
        str, typer.Option(help="IANA name for rules about hours; default: what the rules say, else UTC.")
    ] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes that read; 0: one per core.")] = 0,
    progress: Annotated[bool, typer.Option(help="A progress bar, on a terminal.")] = True,
) -> None:
    """Search audit logs for abuse of K10, without a cluster.

    Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 bad usage,
    a file that is no audit log or cannot be read, or an event that
    auditwatch itself failed on.
    """
    now = time.time()
    try:
        k10 = chosen_k10(k10_namespace, k10_account, api_domain)
        in_force = chosen_rules(Asked(packs=pack or (), files=rules or (), time_zone=time_zone), k10=k10, now=now)
        inputs = inputs_of(files, lambda sentence: typer.echo(f"warning: {sentence}", err=True))
        plan = Plan(
            rule_sets=in_force,
            k10=k10,
            jobs=jobs or _cores(),
            min_severity=min_severity.severity,
            now=now,
            key=secrets.token_bytes(32),
        )
        raise typer.Exit(run_scan(plan, inputs, output=output, fail_on=fail_on, progress=progress))
    except (RulesError, InputError) as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read has seen enough: nothing to flush
        raise typer.Exit(FOUND) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def run_scan(plan: Plan, inputs: Sequence[Input], *, output: Output, fail_on: SeverityName, progress: bool) -> int:
    """Scan and print; the exit code. Raises :class:`InputError`."""
    begun = time.monotonic()
    running = Scan(plan)
    with _progress(inputs, wanted=progress) as bar:
        for match in running.run(inputs, on_read=bar.advance):
            if output is Output.MATCHES:
                sys.stdout.buffer.write(msgspec.json.encode(match_line(match)) + b"\n")
    duration = time.monotonic() - begun
    if output is Output.JSON:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document(running, duration=duration))) + b"\n")
    elif output is Output.TABLE:
        print_table(running, duration=duration)
    sys.stdout.flush()
    for trouble in running.figures.trouble.values():
        typer.echo(_told(trouble), err=True)
    return _exit_code(running, fail_on)


def _told(trouble: Trouble) -> str:
    if trouble.reason == NOT_A_LOG:
        more = f" (so do {trouble.count - 1} more)" if trouble.count > 1 else ""
        return f"error: {trouble.where}: not one audit event in it, seems to be {trouble.problem}{more}"
    return f"warning: {trouble.reason}: {trouble.count}, first at {trouble.where}: {trouble.problem}"


def _exit_code(running: Scan, fail_on: SeverityName) -> int:
    least = SEVERITIES.index(fail_on.severity)
    if any(SEVERITIES.index(state.severity) >= least for state in running.all_findings()):
        return FOUND
    is_judged = _UNJUDGED.isdisjoint(trouble.reason for trouble in running.figures.trouble.values())
    return CLEAN if is_judged else UNUSABLE


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fail(message: str) -> None:
    for line in message.splitlines():
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(UNUSABLE)


class _Bar:
    """Shows nothing."""

    def advance(self, read: Read) -> None:
        """Told of everything that was read."""


class _ShownBar(_Bar):
    """How far reading has come, on standard error."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        from rich.console import Console  # noqa: PLC0415 - costs start-up time, and only a person at a terminal sees it
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415

        columns = BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
        self.shown = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
        sizes = [each.size for each in inputs]
        is_known = all(each.form == "Plain" for each in inputs)
        self._task = self.shown.add_task("scan", total=sum(sizes) if is_known else None)
        self._shown_at = 0.0

    def advance(self, read: Read) -> None:
        self.shown.advance(self._task, read.part.size)
        if time.monotonic() - self._shown_at > 0.1:
            self._shown_at = time.monotonic()
            self.shown.refresh()


@contextmanager
def _progress(inputs: Sequence[Input], *, wanted: bool) -> Iterator[_Bar]:
    """A bar where a person watches. Nothing else is drawn while it is there, so it needs no thread of its own."""
    if not (wanted and sys.stderr.isatty()):
        yield _Bar()
        return
    bar = _ShownBar(inputs)
    with bar.shown:
        yield bar
