"""docs/reference/{auditwatch,k10securityfinding}.md: every field of both kinds, written from the CRDs' own schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml

from auditwatch.api.crd import render as render_crds

PAGES: Final = {"auditwatches.yaml": "auditwatch.md", "k10securityfindings.yaml": "k10securityfinding.md"}
"""By file of crds/."""
_HEAD: Final = """\
# {kind}

Written from the CustomResourceDefinition by `make reference`; do not edit. `kubectl explain {plural}.spec --recursive`
tells the same on your cluster. Below `[]` stands an element of a list.

`{group}/{version}`, namespaced; `kubectl get {plural}`, short `{short}`.
"""
_MARKUP: Final = re.compile(r"([\\|*_<>\[\]])")
_PROPERTIES: Final = "properties"


def pages() -> dict[str, str]:
    """Each page by its name."""
    crds = render_crds()
    return {page: _page(yaml.safe_load(crds[file])) for file, page in PAGES.items()}


class Field(NamedTuple):
    """One field of a kind: where it stands, what its schema says, and whether it must be there."""

    path: str
    schema: Mapping[str, Any]
    is_required: bool


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[Field]:
    """Every field below a schema, depth first, in the order of the CRD."""
    for name, below in schema.get(_PROPERTIES, {}).items():
        here = f"{path}.{name}" if path else name
        yield Field(here, below, name in schema.get("required", ()))
        yield from fields(below, here)
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")


def _page(crd: Mapping[str, Any]) -> str:
    spec = crd["spec"]
    version, names = spec["versions"][0], spec["names"]
    head = _HEAD.format(
        kind=names["kind"],
        plural=names["plural"],
        group=spec["group"],
        version=version["name"],
        short=names["shortNames"][0],
    )
    return "\n".join([head, *_columns(version["additionalPrinterColumns"]), *_parts(version["schema"])]) + "\n"


def _columns(columns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Columns of kubectl get\n"
    yield "| column | shown | field |"
    yield "|---|---|---|"
    for column in columns:
        shown = "with `-o wide`" if column.get("priority") else "always"
        yield f"| {column['name']} | {shown} | `{column['jsonPath']}` |"


def _parts(schema: Mapping[str, Any]) -> Iterator[str]:
    top = schema["openAPIV3Schema"]
    for name, part in top[_PROPERTIES].items():
        if _PROPERTIES not in part:
            continue
        yield f"\n## {name}\n"
        yield f"{_text(part.get('description', ''))}\n"
        yield "| field | type | default | meaning |"
        yield "|---|---|---|---|"
        yield from map(_row, fields(part))


def _row(field: Field) -> str:
    name = f"`{field.path}`{' (required)' if field.is_required else ''}"
    meaning = _text(field.schema.get("description", ""))
    return f"| {name} | {_type(field.schema)} | {_default(field.schema)} | {meaning} |"


def _type(field: Mapping[str, Any]) -> str:
    if "items" in field:
        at_most = f", at most {field['maxItems']}" if "maxItems" in field else ""
        return f"list of {_type(field['items'])}{at_most}"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "any"
    if "enum" in field:
        return " ".join(f"`{word}`" for word in field["enum"])
    if field.get("format") == "date-time":
        return "time"
    kind = str(field.get("type", "any"))
    return f"map of {_type(field['additionalProperties'])}" if "additionalProperties" in field else kind


def _default(field: Mapping[str, Any]) -> str:
    """A default that is no object or list: of those, the fields below say it."""
    value = field.get("default")
    if value is None or isinstance(value, dict | list):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def _text(description: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(description.split()))
