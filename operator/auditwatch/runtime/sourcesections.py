"""The sources of the installer's configuration, each ``type`` with a schema of its own.

They are taken apart by hand instead of as a union, so that a problem's path is the one in the file and an item whose
type has a typo is told about that typo, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from auditwatch.api.problems import Problem, nearest, validate
from auditwatch.runtime.section import Name, Section
from auditwatch.runtime.webhooksection import InstanceName, WebhookSection
from auditwatch.sources.file.habits import Start

MOST_SOURCES = 16


class StateSection(Section):
    """Watch loops on K10's objects: needs nothing but read rights."""

    name: Name = "state"
    type: Literal["State"] = "State"
    poll_seconds: Annotated[int, Field(ge=5, le=3600)] = 60


class FileSection(Section):
    """kube-apiserver's audit log, where this process can read it."""

    name: Name = "audit-log"
    type: Literal["File"] = "File"
    path: Path
    """The live file; its rotated and compressed backups are found beside it."""
    instance: InstanceName
    start: Start = "Live"

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: Path) -> Path:
        if not path.is_absolute():
            raise ValueError(f"must begin at the root, like /var/log/kubernetes/audit/audit.log, not {path}")
        return path


class K10StreamSection(Section):
    """K10's own audit events in the logs of its pods."""

    name: Name = "k10-stream"
    type: Literal["K10Stream"] = "K10Stream"


SourceSection = StateSection | FileSection | WebhookSection | K10StreamSection

_TYPES: Mapping[str, type[SourceSection]] = {
    "State": StateSection,
    "File": FileSection,
    "Webhook": WebhookSection,
    "K10Stream": K10StreamSection,
}


def parse_sources(raw: object) -> tuple[tuple[SourceSection, ...], list[Problem]]:
    """The sources, and every problem with its path below ``sources``."""
    if not isinstance(raw, list):
        return (), [Problem("sources", f"must be a list of sources, not {type(raw).__name__}")]
    if not 1 <= len(raw) <= MOST_SOURCES:
        return (), [Problem("sources", f"must have 1 to {MOST_SOURCES} items, not {len(raw)}; leave it out for state")]
    sections: list[SourceSection] = []
    problems: list[Problem] = []
    for index, item in enumerate(raw):
        section, found = _parse(item, f"sources[{index}]")
        problems += found
        sections += [section] if section else []
    return tuple(sections), problems or _clashes(sections)


def _parse(raw: object, path: str) -> tuple[SourceSection | None, list[Problem]]:
    if not isinstance(raw, dict):
        return None, [Problem(path, f"must be an object with fields, not {type(raw).__name__}")]
    said: Any = raw.get("type", "State")
    model = _TYPES.get(said) if isinstance(said, str) else None
    if model is None:
        known = ", ".join(_TYPES)
        hint = nearest(str(said), _TYPES)
        return None, [Problem(f"{path}.type", f'unsupported value "{said}"{hint}; supported are {known}')]
    section, problems = validate(model, raw, path)
    if isinstance(section, WebhookSection):
        problems = [Problem(f"{path}.{below}", message) for below, message in section.problems()]
    return section, problems


def _clashes(sections: list[SourceSection]) -> list[Problem]:
    problems = []
    names: dict[str, int] = {}
    doors: dict[tuple[str, int], int] = {}
    for index, section in enumerate(sections):
        first = names.setdefault(section.name, index)
        if first != index:
            problems.append(Problem(f"sources[{index}].name", f"sources[{first}] has this name; give each its own"))
        if isinstance(section, WebhookSection) and section.listen.port:
            first = doors.setdefault((section.listen.address, section.listen.port), index)
            if first != index:
                fix = "choose another port, or make its instances instances of that source"
                problems.append(Problem(f"sources[{index}].listen.port", f"sources[{first}] listens here; {fix}"))
    states = [index for index, section in enumerate(sections) if isinstance(section, StateSection)]
    problems += [Problem(f"sources[{index}].type", "there is one State source already") for index in states[1:]]
    return problems
