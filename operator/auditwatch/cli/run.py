"""``auditwatch run``: the operator as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from auditwatch.cli import names
from auditwatch.cli.logs import configure_logging
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ConfigurationError
from auditwatch.journal.errors import JournalError
from auditwatch.runtime.operating import EXIT_FAILED, Operator
from auditwatch.runtime.parts import Launch
from auditwatch.runtime.settings import InvalidSettings, Settings, load_settings

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "k10-auditwatch"
EXIT_USAGE = 2


def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The installer's configuration, YAML.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="Outside a pod: a kubeconfig file.")] = None,
    context: Annotated[str | None, typer.Option(help="Its context, instead of the current one.")] = None,
    namespace: Annotated[
        str, typer.Option(envvar="POD_NAMESPACE", help="The operator's own namespace; default: the pod's.")
    ] = "",
    watch_namespaces: Annotated[
        str,
        typer.Option(
            envvar="AUDITWATCH_WATCH_NAMESPACES",
            metavar="NAMES",
            help="Namespaces, with commas, that may hold AuditWatches besides its own; default: as configured.",
        ),
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log details.")] = False,
) -> None:
    """Run the operator until told to stop.

    Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration, 3 lost the Lease.
    """
    configure_logging(verbose=verbose)
    own = namespace or own_namespace()
    if flaw := names.of_namespace("--namespace", own) or names.of_namespaces("--watch-namespaces", watch_namespaces):
        _fail(flaw, EXIT_USAGE)
    try:
        settings = narrowed(load_settings(config), watch_namespaces)
        code = asyncio.run(operate(Launch(settings=settings, namespace=own, kubeconfig=kubeconfig, context=context)))
    except (InvalidSettings, ConfigurationError) as error:
        _fail(str(error), EXIT_USAGE)
    except (ClusterError, JournalError, OSError) as error:
        _fail(str(error), EXIT_FAILED)
    # Threads of libraries may still hold a connection; what matters is committed, given back and told.
    sys.stderr.flush()
    os._exit(code)


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(code)


async def operate(launch: Launch) -> int:
    """One run of the operator, ended by SIGTERM or SIGINT; its exit code."""
    async with await Cluster.connect(kubeconfig=launch.kubeconfig, context=launch.context) as cluster:
        operator = Operator(launch, cluster)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, operator.stop)
        return await operator.run()


def narrowed(settings: Settings, namespaces: str) -> Settings:
    """Settings under which only these namespaces (commas between them) are tenants; none named: as configured.

    OLM says it this way: the annotation ``olm.targetNamespaces`` of the pod is empty where all namespaces are meant.
    """
    named = tuple(name for each in namespaces.split(",") if (name := each.strip()))
    if not named:
        return settings
    return settings.model_copy(update={"tenancy": settings.tenancy.model_copy(update={"namespaces": named})})


def own_namespace() -> str:
    """The pod's namespace, else the default one."""
    try:
        return NAMESPACE_FILE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE
