"""What there is to see with, and how much of it a rule sees: the words visibility is told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from auditwatch.events.activity import Evidence

Level = Literal["Full", "Partial", "Blind"]
LEVELS: tuple[Level, ...] = ("Blind", "Partial", "Full")
"""Rising order."""
Availability = Literal["Watched", "Polled", "Forbidden", "NotServed", "Unavailable", "NotWatched"]
SEEN: frozenset[Availability] = frozenset({"Watched", "Polled"})

AuditLevel = Literal["None", "Metadata", "Request", "RequestResponse"]
AUDIT_LEVELS: tuple[AuditLevel, ...] = ("None", "Metadata", "Request", "RequestResponse")
"""Levels of an audit policy, rising."""

VerbClass = Literal["read", "write", "delete", "connect"]
"""Verbs an audit policy hardly ever tells apart: seeing one of a class proves that the others are logged."""


@dataclass(frozen=True, slots=True)
class KindView:
    """How the state source sees one kind. ``verb``: for Forbidden, the right that is missing (list or watch)."""

    availability: Availability
    verb: str = ""
    message: str = ""
    unseen: str = ""
    """Of a kind that is seen: which right is missing for the namespace where it is not, and how it is given."""
    namespaces: tuple[str, ...] = ()
    """The namespaces it is looked for in; empty: everywhere."""


class AuditView(Protocol):
    """One audit source: whether it is proven to be alive, and at which level it logs."""

    @property
    def name(self) -> str:
        """Of the installed source."""
        ...

    @property
    def evidence(self) -> Evidence:
        """Audited or K10Stream."""
        ...

    @property
    def silence(self) -> str:
        """Why nothing can be expected of it at the moment; empty while it is proven to be alive."""
        ...

    @property
    def is_past(self) -> bool:
        """Whether it is a log that will show no more than it does."""
        ...

    def level(self, group: str, resource: str, verb_class: VerbClass) -> AuditLevel | None:
        """The level by a known policy, or the highest seen lately; ``None``: nobody knows yet.

        ``resource`` is the plural, with ``/subresource`` where there is one.
        """
        ...


@dataclass(frozen=True, slots=True)
class SourcesView:
    """What is there to see with. ``kinds``: by (group, resource); a kind that is not in it is not watched."""

    kinds: Mapping[tuple[str, str], KindView] = field(default_factory=dict)
    audits: tuple[AuditView, ...] = ()
    unseen_fields: frozenset[str] = frozenset()
    """Fields that rules require and no audit event has shown yet (``ObservedFields.unseen``)."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """How much one rule sees. ``reason`` is CamelCase, empty for Full."""

    level: Level
    reason: str = ""
    message: str = ""
