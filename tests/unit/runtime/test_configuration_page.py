"""docs/reference/configuration.md: its example is valid, and every key of a webhook is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from auditwatch.api.structure import models_in
from auditwatch.runtime.settings import parse_settings
from auditwatch.runtime.webhooksection import WebhookSection

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for info in model.model_fields.values():
        yield str(info.alias)
        for below in models_in(info.annotation):
            yield from _keys(below)


def test_the_example_of_a_webhook_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n(sources:.*?)```", PAGE, flags=re.DOTALL)

    (section,) = parse_settings(example, origin="the page").sources

    assert isinstance(section, WebhookSection)
    assert [instance.name for instance in section.instances] == ["cp-1", "cp-2", "*"]


@pytest.mark.parametrize("key", sorted(set(_keys(WebhookSection)) - {"type"}))
def test_every_key_of_a_webhook_is_explained(key: str) -> None:
    assert re.search(rf"[`.]{key}\b", PAGE), key
