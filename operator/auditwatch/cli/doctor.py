"""``auditwatch doctor``: what works, what does not, and the next command for it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from auditwatch.cli import names
from auditwatch.cli.run import own_namespace
from auditwatch.cluster.client import Cluster, Timeouts
from auditwatch.cluster.errors import ClusterError
from auditwatch.doctor.bundle import Captured, archive, files
from auditwatch.doctor.capturing import capture as ask_more
from auditwatch.doctor.examining import examine
from auditwatch.doctor.facts import Facts
from auditwatch.doctor.gathering import gather
from auditwatch.doctor.lines import Line, aimed, as_json, as_text, exit_code
from auditwatch.events.redaction import Redactor

EXIT_USAGE = 2
KEY_BYTES = 32
CONNECT_SECONDS = 10.0


class Output(StrEnum):
    """How it is printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", envvar="POD_NAMESPACE", help="The operator's; default: the pod's.")
    ] = "",
    kubeconfig: Annotated[Path | None, typer.Option(help="Outside a pod: a kubeconfig file.")] = None,
    context: Annotated[str | None, typer.Option(help="Its context, instead of the current one.")] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print.")] = Output.TEXT,
    timeout: Annotated[float, typer.Option(min=1, max=300, help="Seconds that one request may take.")] = 15.0,
    capture: Annotated[Path | None, typer.Option(help="Also write a redacted bundle: a new .tar.gz file.")] = None,
) -> None:
    """Check an installation, from a laptop or in the pod, and say for each thing that is wrong what to do next.

    Reads only. Exit codes: 0 nothing is wrong (warnings included), 1 something is, 2 wrong usage.
    """
    if capture is not None and capture.exists():
        _refuse(f"--capture {capture}: exists already; name a new file")
    own = namespace or own_namespace()
    if flaw := names.of_namespace("--namespace", own):
        _refuse(flaw)
    try:
        facts, captured = asyncio.run(look(kubeconfig, context, own, seconds=timeout, more=capture is not None))
    except ClusterError as error:
        _refuse(str(error))
    lines = examine(facts)
    if capture is not None and captured is not None:
        write(capture, facts, captured, lines)
    told = aimed(lines, kubeconfig=str(kubeconfig or ""), context=context or "")
    typer.echo(json.dumps(as_json(told), indent=2) + "\n" if output is Output.JSON else as_text(told), nl=False)
    raise typer.Exit(exit_code(lines))


async def look(
    kubeconfig: Path | None, context: str | None, namespace: str, *, seconds: float, more: bool
) -> tuple[Facts, Captured | None]:
    """Everything that can be found out, and with ``more`` what a bundle holds. Raises :class:`ConfigurationError`."""
    limits = Timeouts(connect=min(seconds, CONNECT_SECONDS), request=seconds)
    async with await Cluster.connect(kubeconfig=kubeconfig, context=context, timeouts=limits) as cluster:
        facts = await gather(cluster, namespace=namespace, clock=time.time)
        return facts, await ask_more(cluster, facts) if more else None


def write(path: Path, facts: Facts, captured: Captured, lines: list[Line]) -> None:
    """Write the bundle, readable for nobody else, and say what is in it."""
    contents = files(facts, captured, lines, Redactor(secrets.token_bytes(KEY_BYTES)))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(archive(contents, now=time.time()))
    except OSError as error:
        _refuse(f"--capture {path}: cannot be written: {error.strerror}")
    typer.echo(f"{path}:\n{contents['CONTENTS.txt'].decode()}", err=True)


def _refuse(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(EXIT_USAGE)
