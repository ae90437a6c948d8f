"""The agent's configuration: YAML by ``--config``, single settings by flags, every problem with its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from auditwatch.api.problems import validate
from auditwatch.runtime.section import Name, Section
from auditwatch.runtime.settings import InvalidSettings, read_document
from auditwatch.runtime.webhooksection import InstanceName
from auditwatch.sources.file.framing import LIMIT_BYTES
from auditwatch.sources.file.habits import Start


class AgentTLSSection(Section):
    """PEM files; without ``serverCAFile`` the system's authorities are trusted. All are read again when they change."""

    server_ca_file: Annotated[Path | None, Field(alias="serverCAFile")] = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("certFile: required beside keyFile: add it")
        return self


class AgentSettings(Section):
    """The whole file."""

    url: Annotated[str, Field(max_length=512)]
    """Of the operator's webhook source: ``https://host:port``."""
    source: Name = "audit-log"
    """Name of the operator's source that takes the events."""
    instance: InstanceName
    """Which API server writes the log: the node's name, unless the source says otherwise."""
    path: Path
    """The live audit log; its backups are found beside it."""
    state_file: Path = Path("/var/lib/auditwatch-agent/position")
    """Where the position is kept, on the node."""
    start: Start = "Live"
    token_file: Path | None = None
    tls: AgentTLSSection = AgentTLSSection()
    compress: bool = False
    """Whether bodies are sent as gzip."""
    line_limit_bytes: Annotated[int, Field(ge=64 << 10, le=512 << 20)] = LIMIT_BYTES

    @field_validator("url")
    @classmethod
    def _is_https(cls, url: str) -> str:
        target = urlsplit(url)
        if target.scheme != "https" or not target.hostname or target.query or target.fragment or target.username:
            raise ValueError(f'must look like https://host:port, not "{url}": events and tokens travel encrypted only')
        return url

    @field_validator("path", "state_file")
    @classmethod
    def _is_absolute(cls, path: Path) -> Path:
        if not path.is_absolute():
            raise ValueError(f"must begin at the root (/…), not {path}")
        return path

    @model_validator(mode="after")
    def _can_identify(self) -> Self:
        if not (self.token_file or self.tls.cert_file):
            raise ValueError("tokenFile or tls.certFile: one is required, or the operator does not know who posts")
        return self


def load_agent_settings(config: Path | None, flags: Mapping[str, Any]) -> AgentSettings:
    """Settings from the file (if any), with ``flags`` (dotted names as in the file; None: not given) over them.

    Raises :class:`InvalidSettings` with all problems at once.
    """
    raw = read_document(config) if config else {}
    for name, value in flags.items():
        if value is not None:
            _put(raw, name.split("."), value)
    settings, problems = validate(AgentSettings, raw, "")
    if settings is None or problems:
        raise InvalidSettings(str(config) if config else "command line", problems)
    return settings


def _put(raw: dict[str, Any], steps: list[str], value: Any) -> None:
    *parents, last = steps
    for step in parents:
        below = raw.setdefault(step, {})
        if not isinstance(below, dict):
            return  # not a section: its problem is reported as it stands
        raw = below
    raw[last] = value
