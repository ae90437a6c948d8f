"""The command ``auditwatch``: its subcommands, and the one place where an error becomes a sentence and an exit code.

0 done · 1 failed (or findings, failing tests) · 2 wrong usage or input · 3 lost the Lease · 130 interrupted. No
traceback reaches a user; ``AUDITWATCH_DEBUG=1`` asks for one.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, Final

import typer

from auditwatch import __version__
from auditwatch.cli.crds import crds
from auditwatch.cli.interrupts import INTERRUPTED
from auditwatch.cli.lazily import Commands
from auditwatch.cli.output import written
from auditwatch.cli.policy import app as policy
from auditwatch.cli.rule_tests import run_tests
from auditwatch.cli.scan import scan

_GARBAGE: Final = 20_000
"""Objects after which garbage is looked for: nearly all of ours go without, as records refer to nothing above them."""

app = typer.Typer(
    name="auditwatch",
    cls=Commands,
    help="Watches Kasten K10 for abuse and says so as Kubernetes objects.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("test")(run_tests)
app.command("crds")(crds)
app.command("scan")(scan)
app.add_typer(policy, name="policy")


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer passes the value of a flag
    if wanted:
        typer.echo(f"auditwatch {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Watches Kasten K10 for abuse and says so as Kubernetes objects."""


def main() -> None:
    """Run the command that the arguments name."""
    gc.freeze()  # what is loaded stays to the end, and is not looked through for garbage
    gc.set_threshold(_GARBAGE)
    try:
        sys.exit(written(app))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("AUDITWATCH_DEBUG"):
            raise
        typer.echo(f"error: {type(error).__name__}: {error}\n(AUDITWATCH_DEBUG=1 shows where)", err=True)
        sys.exit(1)
