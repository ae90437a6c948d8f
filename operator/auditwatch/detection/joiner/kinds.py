"""What the joiner has to be told about kinds: which changes will show, and which take a request to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Kinds(Protocol):
    """The kinds that are watched."""

    def shows(self, group: str, resource: str, namespace: str) -> bool:
        """Whether a change of such an object is seen by itself."""
        ...

    def passes_apiserver(self, group: str, resource: str) -> bool:
        """Whether no such object changes without a request to kube-apiserver."""
        ...


@dataclass(frozen=True, slots=True)
class NothingWatched:
    """Stands where there is no watched state."""

    def shows(self, _group: str, _resource: str, _namespace: str) -> bool:
        """Nothing is seen."""
        return False

    def passes_apiserver(self, _group: str, _resource: str) -> bool:
        """Nothing is known."""
        return False
