"""AuditWatch: what people ask for, and what the operator answers.

The server refuses what the CRD can tell is wrong; :func:`parse_watch` finds everything again, one field and one rule
at a time, so that one mistake never takes the rest of a watch out of force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from auditwatch.api.model import Bool, Flaw, Int, Model, Name, Namespace, Raw, Validation, given
from auditwatch.api.pack import Macro, NamedList, Version
from auditwatch.api.rules import Rule
from auditwatch.api.vocabulary import SEVERITY, Severity, explained
from auditwatch.api.watchstatus import WatchStatus

SourceName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$")]

_SAYS_SOMETHING = Validation("has(self.severity) || has(self.mute)", "say what to override: set severity or mute")
_STAR_ALONE = Validation(
    "!has(self.sources) || !('*' in self.sources) || size(self.sources) == 1", "'*' must be the only source", ".sources"
)


class Override(Model):
    """How one rule of a pack is tuned."""

    validations: ClassVar[tuple[Validation, ...]] = (_SAYS_SOMETHING,)

    rule: Name = Field(description="Name of the rule.")
    severity: Severity | None = Field(
        default=None, description=explained("Severity instead of the pack's. Values:", SEVERITY)
    )
    mute: Bool | None = Field(default=None, description="No findings of this rule; rules that count it still do.")

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """An override that overrides nothing is a mistake."""
        if not given(raw, "severity") and not given(raw, "mute"):
            yield Flaw((), _SAYS_SOMETHING.message)


class PackReference(Model):
    """A pack that is in force, and how it is tuned."""

    keyed: ClassVar[Mapping[str, str]] = {"overrides": "rule"}
    distinct: ClassVar[tuple[str, ...]] = ("disable",)

    name: Name = Field(description="Name of the pack, e.g. k10-baseline.")
    version: Version = Field(default="1", description="Version of the pack; the newest of this major is taken.")
    disable: Annotated[tuple[Name, ...], Field(max_length=128)] = Field(
        default=(), description="Rules that are out of force; what counts them becomes blind."
    )
    overrides: Annotated[tuple[Override, ...], Field(max_length=128)] = Field(
        default=(), description="Rules that are in force, tuned."
    )


class FindingPolicy(Model):
    """How this watch keeps its findings."""

    namespace: Namespace = Field(
        default="",
        description="Where findings are created; empty = the watch's own namespace. Another one is accepted only from "
        "watches in the operator's namespace.",
    )
    min_severity: Severity = Field(
        default="Low", description=explained("Least severity that gets an object. Values:", SEVERITY)
    )
    reopen_after_seconds: Annotated[Int, Field(ge=60, le=31_536_000)] = Field(
        default=86_400, description="After so long a silence a repetition is a new incident."
    )
    max_per_rule: Annotated[Int, Field(ge=1, le=10_000)] = Field(
        default=500, description="Findings of one rule that are open at once; what is beyond is counted in one finding."
    )


class WatchSpec(Model):
    """What is watched, by which rules, and how findings are kept. Empty = everything, by pack k10-baseline."""

    keyed: ClassVar[Mapping[str, str]] = {"packs": "name", "lists": "name", "macros": "name", "rules": "name"}
    distinct: ClassVar[tuple[str, ...]] = ("sources",)
    validations: ClassVar[tuple[Validation, ...]] = (_STAR_ALONE,)

    paused: Bool = Field(default=False, description="Stops matching; what happens meanwhile is not looked at later.")
    k10_name: Name = Field(
        default="default", alias="k10Name", description="Which K10 of the installer's configuration is watched."
    )
    sources: Annotated[tuple[SourceName, ...], Field(min_length=1, max_length=16)] = Field(
        default=("*",), description="Names of installed sources, e.g. state; * = all."
    )
    time_zone: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] = Field(
        default="UTC", description="IANA name of the zone that time.hour and time.weekday are in, e.g. Europe/Paris."
    )
    packs: Annotated[tuple[PackReference, ...], Field(max_length=8)] = Field(
        default=(PackReference(name="k10-baseline", version="1"),),
        description="Packs in force; an empty list = only this watch's own rules.",
    )
    lists: Annotated[tuple[NamedList, ...], Field(max_length=64)] = Field(
        default=(), description="Named values; added to a pack's list of the same name."
    )
    macros: Annotated[tuple[Macro, ...], Field(max_length=64)] = Field(
        default=(), description="Named tests; instead of a pack's macro of the same name."
    )
    rules: Annotated[tuple[Rule, ...], Field(max_length=64)] = Field(
        default=(), description="Rules of this watch's own."
    )
    findings: FindingPolicy = Field(default=FindingPolicy(), description="How this watch keeps its findings.")

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """The CEL above, in Python."""
        sources = raw.get("sources")
        if isinstance(sources, list | tuple) and "*" in sources and len(sources) > 1:
            yield Flaw(("sources",), _STAR_ALONE.message)


class AuditWatch(Model):
    """A request to watch a Kasten K10 and to report abuse of it as K10SecurityFindings."""

    spec: WatchSpec = Field(
        default=WatchSpec(),
        description="What is watched, by which rules, and how findings are kept. Empty = everything, by pack "
        "k10-baseline.",
    )
    status: WatchStatus | None = Field(default=None, description="What the operator says; nobody else writes it.")
