"""The paths served: ``/ingest/v1/<source>/<instance>`` takes events, ``…/needles`` says which are of interest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "/ingest/v1/"
NEEDLES: Final = "needles"
_INSTANCE = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names."""

    source: str
    instance: str
    wants_needles: bool = False


def place_of(path: str) -> Place | None:
    """What ``path`` (decoded, without its query) names; ``None`` where it is none of ours."""
    if not path.startswith(PREFIX):
        return None
    source, *rest = path.removeprefix(PREFIX).split("/")
    match rest:
        case [instance]:
            wants_needles = False
        case [instance, "needles"]:
            wants_needles = True
        case _:
            return None
    return Place(source, instance, wants_needles) if _INSTANCE.fullmatch(instance) else None
