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

from auditwatch.cli.interrupts import leaving_at_once
from auditwatch.cli.metavars import name_parameter, name_parameters

LATE: Final[Mapping[str, tuple[str, str]]] = {
    "run": ("auditwatch.cli.run", "run"),
    "agent": ("auditwatch.cli.agent", "agent"),
    "doctor": ("auditwatch.cli.doctor", "doctor"),
    "webhook-config": ("auditwatch.cli.webhook_config", "webhook_config"),
}
"""Module and function by the name of the subcommand, in the order they are listed in, before all others."""

_WHOSE: Final = "Value error, "
"""What pydantic puts before the words of others."""


class Commands(TyperGroup):
    """All subcommands: those of :data:`LATE` and those that were registered.

    What typer calls a context and a command differs with its version and is handed through.
    """

    def get_params(self, ctx: Any) -> Any:
        """Options of the program itself, each with its word."""
        found = super().get_params(ctx)
        for parameter in found:
            name_parameter(parameter)
        return found

    def invoke(self, ctx: Any) -> Any:
        """Run a subcommand; what is wrong with its options is told without whose error it was."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            said = getattr(error, "message", None)
            if isinstance(said, str):
                error.message = said.removeprefix(_WHOSE)  # type: ignore[attr-defined]  # it has one
            raise

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order of the help text."""
        return [*LATE, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The subcommand, imported now if it comes late; ``None`` where there is none."""
        found = _late(cmd_name) if cmd_name in LATE else super().get_command(ctx, cmd_name)
        for command in (found, *getattr(found, "commands", {}).values()) if found else ():
            name_parameters(command, ctx)
        return found


def _late(name: str) -> Any:
    module, function = LATE[name]
    with leaving_at_once():
        found = getattr(import_module(module), function)
    one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    one.command(name)(found)
    return built(one)
