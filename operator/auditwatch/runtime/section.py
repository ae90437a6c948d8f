"""What every part of the installer's configuration shares: closed sections, and the names in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from auditwatch.api.model import KEBAB

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=KEBAB)]


class Section(BaseModel):
    """A closed section: an unknown key is a problem, never ignored."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True)
