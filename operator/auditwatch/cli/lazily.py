"""Subcommands that are imported when they are asked for.

The operator's own libraries take a second to import, and whoever scans a log on a laptop needs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command as built

LATE: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("auditwatch.cli.run", "run"),
    "agent": ("auditwatch.cli.agent", "agent"),
    "doctor": ("auditwatch.cli.doctor", "doctor"),
    "webhook-config": ("auditwatch.cli.webhook_config", "webhook_config"),
}
"""Module and function by the name of the subcommand, in the order they are listed in, before all others."""


class Commands(TyperGroup):
    """All subcommands: those of :data:`LATE` and those that were registered.

    What typer calls a context and a command differs with its version and is handed through.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help text."""
        return [*LATE, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The subcommand, imported now if it comes late; ``None`` where there is none."""
        if cmd_name not in LATE:
            return super().get_command(ctx, cmd_name)
        module, function = LATE[cmd_name]
        one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        one.command(cmd_name)(getattr(import_module(module), function))
        return built(one)
