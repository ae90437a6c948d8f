"""What is decided about a cluster that runs already: whether the demo may go there, and how images reach its nodes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from tests.cluster.errors import ClusterError
from tests.k10.standin import APPLICATIONS

LOAD: Final = "DEMO_LOAD"
NAMESPACES: Final = ("kasten-io", "kasten-io-mc", *APPLICATIONS, "k10-auditwatch", "k10-auditwatch-agent")
"""What the demo makes, and removes."""
GROUPS: Final = (".kio.kasten.io", ".cr.kanister.io", ".k10auditwatch.io")
"""Ends of the names of its CustomResourceDefinitions."""
TOOLS: Final[Mapping[str, str]] = {
    "kind-": "kind load image-archive {} --name NAME",
    "k3d-": "k3d image import {} --cluster NAME",
    "minikube": "minikube image load {} --profile minikube",
}


def loading(context: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command that takes an archive, ``{}``, to the nodes. Raises :class:`ClusterError` where nobody knows it."""
    given = environment.get(LOAD, "")
    if given and "{}" not in given:
        raise ClusterError(f"{LOAD}={given}: write {{}} where the archive's path goes")
    known = next(
        (
            command.replace("NAME", context[len(start) :])
            for start, command in TOOLS.items()
            if context.startswith(start)
        ),
        "",
    )
    if not (given or known):
        raise ClusterError(
            f"the demo's images are in no registry: say in {LOAD} how an archive gets to the nodes of {context}, "
            f'like {LOAD}="{TOOLS["kind-"].replace("NAME", "work")}"'
        )
    return tuple(shlex.split(given or known))


def refuse_if_in_use(namespaces: Iterable[str], definitions: Iterable[str]) -> None:
    """Raises :class:`ClusterError` where something is there that the demo would break: a K10, or k10-auditwatch."""
    taken = sorted(set(namespaces) & set(NAMESPACES))
    taken += sorted(name for name in definitions if name.endswith(GROUPS))
    if taken:
        raise ClusterError(
            f"this cluster is in use: it has {', '.join(taken[:5])}. The demo's intruder destroys backups and the demo "
            "removes all it made: choose a cluster without K10 and without k10-auditwatch"
        )
