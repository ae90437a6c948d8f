"""Which objects the state source shows, by their request's group, resource and namespace.

Told to the joiner, so that a request waits for the change it made where one will show, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Serving, WatchedKind, kinds_of, namespaces_of


class ShownKinds:
    """The watched kinds of the installed K10s; without one, of the default."""

    def __init__(self, instances: Sequence[K10Instance]) -> None:
        installed = instances or (K10Instance(),)
        kinds = [kind for instance in installed for kind in kinds_of(instance)]
        self._kinds: dict[tuple[str, str], WatchedKind] = {(kind.group, kind.resource): kind for kind in kinds}
        self._namespaces = {key: namespaces_of(kind, installed) for key, kind in self._kinds.items()}

    def shows(self, group: str, resource: str, namespace: str) -> bool:
        """Whether a change of such an object is seen by itself."""
        found = self._namespaces.get((group, resource))
        return found is not None and (not found or namespace in found)

    def passes_apiserver(self, group: str, resource: str) -> bool:
        """Whether kube-apiserver itself keeps such objects; K10's own server changes its objects by itself too."""
        kind = self._kinds.get((group, resource))
        return kind is not None and kind.serving is not Serving.AGGREGATED
