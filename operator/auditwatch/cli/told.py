"""How a command that judges something prints what it found: for people, or for the machine that asked."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """For people, or one document."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="table, or json: one document.")]


def print_document(document: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(document, indent=2))
