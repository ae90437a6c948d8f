"""What stands behind an option in a help text: a word for what is to be written there, and nothing behind a switch.

By themselves the options would show types of Python's. Those of one command are named here and not beside each option,
so that no command is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

ARGUMENT: Final = "FILE"
"""Every argument of every command is one."""
_WORDS: Final[Mapping[Any, str]] = {Path: "FILE", str: "NAME", int: "N", float: "N"}


def name_parameters(command: Any, context: Any) -> None:
    """Give every option and argument of a command its word, unless it brings one. Without a context: but ``--help``.

    What typer calls a parameter differs with its version: one that does not say its type keeps its own words.
    """
    for parameter in command.params if context is None else command.get_params(context):
        name_parameter(parameter)


def name_parameter(parameter: Any) -> None:
    """Give one its word."""
    if parameter.metavar is not None or not hasattr(parameter, "type_descriptor"):
        return
    if parameter.param_type_name == "argument":
        parameter.metavar = ARGUMENT
        parameter.display_type_rich = _untold
    elif parameter.is_flag:
        parameter.metavar = ""
    else:
        annotation = parameter.type_descriptor.annotation
        parameter.metavar = _WORDS.get((*get_args(annotation), annotation)[0])
        parameter.min = parameter.max = None  # told in the help text, or by the error; the value is checked elsewhere


def _untold(*, ctx: Any) -> None:
    """The name says it: ``ctx`` is what typer asks with."""
