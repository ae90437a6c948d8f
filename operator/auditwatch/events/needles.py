"""What the rules in force look for in the raw bytes of an audit event, before anything of it is decoded.

A needle is made of fields the API server itself writes (objectRef, user, impersonatedUser, the code), spelled as it
spells them; never of the URI, which a client may spell in many ways.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec


class Needle(msgspec.Struct, frozen=True, order=True):
    """A conjunction of at most two literals, e.g. ``"apiGroup":"config.kio.kasten.io"``: all must be in an event."""

    literals: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.literals) <= 2 or not all(self.literals) or any("\n" in text for text in self.literals):
            raise ValueError(f"a needle is one or two non-empty literals without line breaks, not {self.literals!r}")


class Needles(msgspec.Struct, frozen=True, kw_only=True):
    """The needles of a source, or the order to read everything because some rule has none."""

    needles: frozenset[Needle] = frozenset()
    reads_everything: bool = False
    digest: str = ""
    """Says which needles these are: sha256, hex, of all of them."""

    @classmethod
    def of(cls, needles: Iterable[Needle], *, reads_everything: bool = False) -> Needles:
        """The needles with their digest."""
        chosen = frozenset(needles)
        named = msgspec.json.encode([reads_everything, sorted(chosen)])
        return cls(needles=chosen, reads_everything=reads_everything, digest=hashlib.sha256(named).hexdigest())
