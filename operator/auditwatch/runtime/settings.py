"""The installer's configuration: one YAML file that says where K10 is, what is read and where state is kept.

It exists apart from ``AuditWatch`` because it carries cluster-wide trust: whoever may write an AuditWatch must not be
able to say which account is K10's own. Every problem is reported with its path; nothing is guessed from a typo.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, SkipValidation, model_validator

from auditwatch.api.problems import Problem, validate
from auditwatch.api.yamltext import TwiceError, line_of, load, said_of
from auditwatch.findings.policy import RUNBOOKS
from auditwatch.runtime.section import Name, Section
from auditwatch.runtime.sourcesections import K10StreamSection, SourceSection, StateSection, parse_sources

Namespace = Name
GIB = 1024**3


def _network(written: str) -> str:
    """The text as it stands, which must be an address or a network."""
    try:
        ip_network(written, strict=False)
    except ValueError:
        raise ValueError(f"{written!r} is no network: write one like 10.0.0.0/8, or an address") from None
    return written


class K10Section(Section):
    """One K10 installation, where it is not to be found by its Deployment ``aggregatedapis-svc``."""

    name: Name = "default"
    namespace: Namespace = "kasten-io"
    service_account: Name = "k10-k10"
    api_domain: Annotated[str, Field(max_length=253)] = "kio.kasten.io"
    multicluster_namespace: Namespace = "kasten-io-mc"


class JournalSection(Section):
    """Where what was seen is kept until it is told. ``durable`` says that the path outlives the pod."""

    path: Path = Path("/var/lib/auditwatch/journal.db")
    durable: bool = False
    limit_bytes: Annotated[int, Field(ge=16 * 1024**2)] = GIB
    retention_days: Annotated[int, Field(ge=1, le=365)] = 7


class TenancySection(Section):
    """Which namespaces besides the operator's own may hold AuditWatches; such a watch sees its own namespace only."""

    namespaces: Annotated[tuple[Annotated[str, Field(max_length=63)], ...], Field(max_length=256)] = ("*",)


def _runbook_address(written: str) -> str:
    """The text as it stands, which must say where the name of a runbook goes."""
    if "{name}" not in written:
        raise ValueError("must say where the name goes: write it like https://git.example.com/runbooks/{name}.md")
    return written


class RunbooksSection(Section):
    """Where people read the pages of ``docs/runbooks``: what findings name as ``spec.runbookURL``."""

    url: Annotated[str, Field(max_length=256), AfterValidator(_runbook_address)] = RUNBOOKS


class ProbesSection(Section):
    """Where /healthz, /readyz and /metrics are served."""

    address: str = "0.0.0.0"  # noqa: S104 - the kubelet and Prometheus reach the pod by its address
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class LeaseSection(Section):
    """The lock around everything that writes."""

    name: Name = "k10-auditwatch"
    duration_seconds: Annotated[int, Field(ge=3, le=300)] = 15


class DefaultWatchSection(Section):
    """The AuditWatch of the installation itself. What its spec may say is for the API server to judge."""

    name: Name = "k10"
    field_manager: Annotated[str, Field(min_length=1, max_length=128)] = "auditwatch"
    labels: dict[str, str] = Field(default_factory=dict, max_length=64)
    annotations: dict[str, str] = Field(default_factory=dict, max_length=64)
    spec: dict[str, Any] = Field(default_factory=dict)


class Settings(Section):
    """The whole file. Absent ``k10s`` means: find K10 from its Deployment; absent ``defaultWatch``: make none."""

    cluster_name: Annotated[str, Field(max_length=253)] = ""
    k10s: Annotated[tuple[K10Section, ...], Field(max_length=16, alias="k10s")] = ()
    """The alias is what the generator makes ``k10S`` of."""
    sources: SkipValidation[tuple[SourceSection, ...]] = (StateSection(), K10StreamSection())
    """Parsed on their own: :func:`parse_sources`."""
    trusted_proxies: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(max_length=64)] = ()
    journal: JournalSection = JournalSection()
    tenancy: TenancySection = TenancySection()
    runbooks: RunbooksSection = RunbooksSection()
    probes: ProbesSection = ProbesSection()
    lease: LeaseSection = LeaseSection()
    default_watch: DefaultWatchSection | None = None

    @property
    def state(self) -> StateSection:
        """The watch loops: always there, listed or not."""
        return next((each for each in self.sources if isinstance(each, StateSection)), StateSection())

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        names = [k10.name for k10 in self.k10s]
        if len(set(names)) != len(names):
            raise ValueError("k10s: two entries have the same name; give each its own")
        return self


class InvalidSettings(Exception):  # noqa: N818 - reads as what it is where it is raised and caught
    """The configuration cannot be used. ``problems`` holds every one, with its path."""

    def __init__(self, origin: str, problems: list[Problem], *, line: int | None = None) -> None:
        place = f"{origin}:{line}: " if line else f"{origin}: "
        whole = "" if line else "(whole file): "
        super().__init__(
            "\n".join(f"{place}{f'{each.path}: ' if each.path else whole}{each.message}" for each in problems)
        )
        self.problems = problems


def parse_settings(text: str, *, origin: str) -> Settings:
    """Settings from the text of the file. Raises :class:`InvalidSettings` with all problems at once."""
    raw = _document(text, origin=origin)
    listed = raw.pop("sources", None)
    sources, problems = parse_sources(listed) if listed is not None else (Settings().sources, [])
    settings, others = validate(Settings, raw, "")
    if settings is None or problems or others:
        raise InvalidSettings(origin, [*problems, *others])
    return settings.model_copy(update={"sources": sources})


def load_settings(path: Path | None) -> Settings:
    """Settings from ``path``, or the defaults without one. Raises :class:`InvalidSettings`."""
    if path is None:
        return Settings()
    return parse_settings(_text_of(path), origin=str(path))


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, not checked any further. Raises :class:`InvalidSettings`."""
    return _document(_text_of(path), origin=str(path))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a readable YAML file with --config, or leave the option out for the defaults"
        raise InvalidSettings(str(path), [Problem("", f"cannot be read: {error}; {fix}")]) from error


def _document(text: str, *, origin: str) -> dict[str, Any]:
    try:
        raw = load(text)
    except yaml.YAMLError as error:
        said = said_of(error) if isinstance(error, TwiceError) else f"is not YAML: {said_of(error)}"
        raise InvalidSettings(origin, [Problem("", said)], line=line_of(error)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidSettings(origin, [Problem("", f"is not YAML that can be read: {error}")]) from error
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidSettings(origin, [Problem("", f"must be a mapping of settings, not {type(raw).__name__}")])
    return raw
