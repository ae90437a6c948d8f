"""``auditwatch agent``: reads the audit log of the node it runs on and posts it to the operator."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from auditwatch.cli.logs import configure_logging
from auditwatch.runtime.agent import EXIT_FAILED, Agent
from auditwatch.runtime.agentsettings import load_agent_settings
from auditwatch.runtime.settings import InvalidSettings
from auditwatch.sources.file.checkpoint import CheckpointError

EXIT_USAGE = 2


def agent(
    *,
    config: Annotated[Path | None, typer.Option(help="Its configuration, YAML; options below go before it.")] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of the operator's webhook source: https://host:port.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Its name in the operator's configuration.")] = None,
    instance: Annotated[
        str | None, typer.Option(envvar="NODE_NAME", help="Which API server writes the log: the node's name.")
    ] = None,
    path: Annotated[Path | None, typer.Option(help="The live audit log (kube-apiserver's --audit-log-path).")] = None,
    state_file: Annotated[Path | None, typer.Option(help="Where the position is kept, on the node.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="A projected service account token.")] = None,
    server_ca_file: Annotated[Path | None, typer.Option(help="CA of the operator's certificate, PEM.")] = None,
    cert_file: Annotated[Path | None, typer.Option(help="Client certificate, PEM.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log details.")] = False,
) -> None:
    """Read this node's audit log and post it to the operator until told to stop; needs no Kubernetes API.

    Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration.
    """
    configure_logging(verbose=verbose)
    flags = {
        "url": url,
        "source": source,
        "instance": instance,
        "path": path,
        "stateFile": state_file,
        "tokenFile": token_file,
        "tls.serverCAFile": server_ca_file,
        "tls.certFile": cert_file,
        "tls.keyFile": key_file,
    }
    try:
        running = Agent(load_agent_settings(config, flags))
    except InvalidSettings as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_USAGE) from error
    except CheckpointError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_FAILED) from error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop())
    code = running.run()
    # A post may still hang in its thread; the position behind everything that was taken is saved.
    sys.stderr.flush()
    os._exit(code)
