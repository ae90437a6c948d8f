"""The two CustomResourceDefinitions, as text: the models' schemas in the envelope that the API server takes.

Only the envelope is written here (names, columns, selectable fields). The text is a function of the models alone, so
rendering it again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from auditwatch.api.auditwatch import AuditWatch
from auditwatch.api.finding import K10SecurityFinding
from auditwatch.api.model import Model
from auditwatch.api.schema import structural

GROUP = "k10auditwatch.io"
VERSION = "v1alpha1"
_HEADER = "# Rendered by `auditwatch crds` from operator/auditwatch/api: change it there, then render again.\n"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; wide ones are shown with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What a CRD says besides the schema."""

    model: type[Model]
    plural: str
    short: str
    columns: tuple[Column, ...]
    selectable: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of its file under crds/."""
        return f"{self.plural}.yaml"


def _condition(type_: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


AUDITWATCH = Kind(
    model=AuditWatch,
    plural="auditwatches",
    short="aw",
    columns=(
        Column("Ready", _condition("Ready", "status")),
        Column("Reason", _condition("Ready", "reason")),
        Column("Rules", ".status.ruleCount", "integer"),
        Column("Blind", ".status.visibility.blind", "integer"),
        Column("Findings", ".status.findingCount", "integer"),
        Column("Last Match", ".status.lastMatchTime", "date"),
        Column("Age", ".metadata.creationTimestamp", "date"),
        Column("Accepted", _condition("Accepted", "status"), wide=True),
        Column("Paused", ".spec.paused", "boolean", wide=True),
        Column("Message", _condition("Ready", "message"), wide=True),
    ),
    selectable=(".spec.k10Name", ".spec.paused"),
)

FINDING = Kind(
    model=K10SecurityFinding,
    plural="k10securityfindings",
    short="k10f",
    columns=(
        Column("Severity", ".status.severity"),
        Column("Actor", ".status.summary.actor"),
        Column("Target", ".status.summary.target"),
        Column("Count", ".status.count", "integer"),
        Column("Seen", ".status.lastSeenTime", "date"),
        Column("Age", ".metadata.creationTimestamp", "date", wide=True),
        Column("Triage", ".triage.state", wide=True),
        Column("Rule", ".spec.rule", wide=True),
        Column("Resource", ".spec.target.resource", wide=True),
        Column("Namespace", ".spec.target.namespace", wide=True),
        Column("Attribution", ".status.attribution", wide=True),
        Column("Attack", ".spec.attack", wide=True),
        Column("Title", ".status.title", wide=True),
    ),
    selectable=(
        ".spec.rule",
        ".spec.watchRef.name",
        ".spec.target.resource",
        ".spec.target.namespace",
        ".spec.target.name",
        ".status.severity",
        ".status.state",
        ".triage.state",
    ),
)

KINDS = (AUDITWATCH, FINDING)


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition as an object."""
    singular = kind.model.__name__.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.model.__name__,
                "listKind": f"{kind.model.__name__}List",
                "plural": kind.plural,
                "singular": singular,
                "shortNames": [kind.short],
                "categories": ["k10security"],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "selectableFields": [{"jsonPath": path} for path in kind.selectable],
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": structural(kind.model)},
    }


def _column(column: Column) -> dict[str, Any]:
    rendered = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**rendered, "priority": 1} if column.wide else rendered


def render() -> dict[str, str]:
    """File name → YAML text of every CRD, always the same bytes for the same models."""
    return {kind.file: _HEADER + _text(definition(kind)) for kind in KINDS}


def _text(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=160, allow_unicode=True)
