"""A pack file: a versioned set of rules with the lists and macros they use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from auditwatch.api.model import Model, Name, Value
from auditwatch.api.rules import Rule
from auditwatch.api.where import FieldTest

Version = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+){0,2}$")]


class NamedList(Model):
    """Values under a name, for the operand of a test."""

    name: Name = Field(description="Name by which tests refer to it.")
    values: Annotated[tuple[Value, ...], Field(max_length=512)] = Field(
        default=(), description="The values. A watch's list adds to the pack's list of the same name."
    )


class Macro(Model):
    """Tests under a name, to stand wherever a test may."""

    name: Name = Field(
        description="Name by which rules refer to it. A watch's macro replaces the pack's of the same name."
    )
    where: Annotated[tuple[FieldTest, ...], Field(min_length=1, max_length=16)] = Field(
        description="Tests that must all hold."
    )


class Requires(Model):
    """What a pack needs of the engine that runs it."""

    operator_version: Version | None = Field(default=None, description="Lowest version of auditwatch that can run it.")


class Pack(Model):
    """What a pack file holds."""

    keyed: ClassVar[Mapping[str, str]] = {"lists": "name", "macros": "name", "rules": "name"}

    name: Name = Field(description="Name of the pack.")
    version: Version = Field(description='Version of the pack, e.g. "1"; the part before the first dot is its major.')
    requires: Requires | None = Field(default=None, description="What it needs of the engine.")
    lists: Annotated[tuple[NamedList, ...], Field(max_length=64)] = Field(default=(), description="Named values.")
    macros: Annotated[tuple[Macro, ...], Field(max_length=64)] = Field(default=(), description="Named tests.")
    rules: Annotated[tuple[Rule, ...], Field(max_length=1024)] = Field(default=(), description="The rules.")
