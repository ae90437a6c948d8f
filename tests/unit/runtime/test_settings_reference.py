"""The page of the installer's configuration and the schema that reads it, held to each other in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from auditwatch.runtime.section import Section
from auditwatch.runtime.settings import Settings
from auditwatch.runtime.sourcesections import FileSection, K10StreamSection, StateSection
from auditwatch.runtime.webhooksection import WebhookSection

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`([^`\n]+)`", PAGE))
KEYS = {
    key
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for key in re.findall(r"`([a-z][\w.\[\]]*)`", line.split("|")[1])
}
"""What stands in the first column of a table of keys."""


def section_of(annotation: Any) -> type[Section] | None:
    """The section a field holds, alone or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for each in get_args(annotation) if (found := section_of(each))), None)


def keys_of(model: type[Section], prefix: str = "") -> Iterator[str]:
    """Every key below the model as the page writes it; ``sources`` have keys of their own by type."""
    for field in model.model_fields.values():
        name = f"{prefix}{field.alias}" + ("[]" if get_origin(field.annotation) is tuple else "")
        below = None if name == "sources[]" else section_of(field.annotation)
        if below is None:
            yield name
        else:
            yield from keys_of(below, f"{name}.")


ALL = {
    model: sorted(keys_of(model)) for model in (Settings, StateSection, FileSection, K10StreamSection, WebhookSection)
}
COMMON = {"name", "type"}


@pytest.mark.parametrize(("model", "key"), [(model, key) for model, keys in ALL.items() for key in keys])
def test_every_key_has_its_place_on_the_page(model: type[Section], key: str) -> None:
    last = key.rpartition(".")[2]

    assert key in KEYS or last in WORDS or (model is not Settings and key in COMMON)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_of_the_page_is_read(key: str) -> None:
    known = {each for keys in ALL.values() for each in keys}

    assert key in known or any(each.startswith(f"{key}.") for each in known)
