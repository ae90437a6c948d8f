"""Rules as the detector runs them: every name resolved, every pattern compiled, nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from auditwatch.api.rules import Rule
from auditwatch.detection.condition import Condition
from auditwatch.detection.exceptions import CompiledException
from auditwatch.detection.fields import Field
from auditwatch.detection.matching import Selector
from auditwatch.detection.scope import K10View, Scope
from auditwatch.detection.signal import Absorption, Confidence, Severity
from auditwatch.detection.templates import Template
from auditwatch.detection.texts import plain
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.needles import Needle

UNKNOWN_GROUP = "Unknown"
"""A groupBy value nobody saw: such activities are one group, apart from others."""


@dataclass(frozen=True, slots=True)
class SeverityCase:
    """A circumstance that raises the severity."""

    severity: Severity
    where: Condition


@dataclass(frozen=True, slots=True)
class OnUnknown:
    """What a rule says that ends unknown."""

    severity: Severity
    title: Template


@dataclass(frozen=True, slots=True)
class Story:
    """A count. ``members`` are the names of the rules whose signals it counts, ``value`` what must be different."""

    members: frozenset[str]
    key: tuple[Field, ...]
    timespan: float
    threshold: int
    sums_targets: bool
    value: tuple[Field, ...] = ()
    """Of a ``valueCount``; empty for an ``eventCount``."""
    absorbs: tuple[Absorption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """One rule in force. ``story`` is ``None`` for a match rule; a story selects nothing by itself."""

    name: str
    pack: str
    """``name@version``, empty for a rule of the watch's own."""
    digest: str
    """Sha256, hex, of all that decides what it matches."""
    severity: Severity
    confidence: Confidence
    emits_finding: bool
    is_muted: bool
    title: Template
    description: Template
    group_by: tuple[Field, ...]
    selector: Selector
    condition: Condition
    severity_cases: tuple[SeverityCase, ...] = ()
    on_unknown: OnUnknown | None = None
    exceptions: tuple[CompiledException, ...] = ()
    story: Story | None = None
    needles: frozenset[Needle] | None = frozenset()
    """One of these stands in every audit event that it may match; ``None``: nothing is certain."""
    namespaces: tuple[str, ...] = ()
    """Outside of these it never matches; empty: it does not say, or only by patterns."""
    unresolved: tuple[str, ...] = ()
    """Lists and macros it names that do not exist: ``list gitops``."""
    disabled: tuple[str, ...] = ()
    """Rules it counts by name that are out of force."""
    source: Rule

    @property
    def needs(self) -> frozenset[str]:
        """Fields without which it never matches, and that watched state cannot know."""
        return self.condition.needs

    @property
    def bodies(self) -> frozenset[str]:
        """Fields without which it never matches, and that only a body or watched state tells."""
        return self.condition.bodies


def group_of(fields: Sequence[Field], scope: Scope) -> tuple[tuple[str, str], ...]:
    """(field, value) of each field; absent is empty, unknown is :data:`UNKNOWN_GROUP`."""
    return tuple([(each.name, _group_value(each.read(scope, MISSING))) for each in fields])


def _group_value(value: object) -> str:
    return UNKNOWN_GROUP if value is UNKNOWN else plain(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """The rules of one watch that are in force, by name."""

    watch: str
    """``namespace/name`` of the AuditWatch."""
    digest: str
    """Sha256, hex; another one means that something about the set changed."""
    rules: Mapping[str, CompiledRule]
    k10: K10View
    zone: tzinfo
    since: float = 0.0
    """Event time, seconds since the epoch, before which nothing is matched: what happened before there was a watch."""
    tenant: str | None = None
    """The only namespace it sees; ``None`` for a watch of the operator's own namespace."""
    tells_gaps: bool = True
    """Whether what nobody saw is told beside what its rules find."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Names of rules with a fatal problem, with the first of them."""

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """Group and resource of every kind that its rules name in full; a pattern of kinds cannot be followed."""
        return frozenset(kind for rule in self.rules.values() for kind in rule.selector.kinds)
