"""Where the demo happens: ``DEMO``, or the best of what this machine has; and the reason, in words.

Only what is asked for by name is touched: a cluster of the user's needs ``DEMO=current`` and ``DEMO_CONTEXT=<name>``.
Nothing is installed on the machine but what ``YES=1`` allows, and that is said first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from tests.cluster.errors import ClusterError
from tests.images import packages

Place = Literal["node", "kind", "controlplane", "current"]
VARIABLE: Final = "DEMO"
CONTEXT: Final = "DEMO_CONTEXT"
PLACES: Final[tuple[Place, ...]] = get_args(Place)
WORDS: Final[Mapping[Place, str]] = {
    "node": "a whole Kubernetes node in namespaces of its own on this machine",
    "kind": "a new kind cluster in Docker, deleted at the end",
    "controlplane": "a Kubernetes control plane on this machine, the operator as a process: no pods run",
    "current": "the cluster of your kubeconfig's current context",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was found out. ``no_node`` and ``no_kind``: why not, empty where nothing is in the way.

    ``missing``: Debian packages that a node and its image take and that are not here; ``can_install``: by apt-get, as
    root. ``context``: the kubeconfig's current context.
    """

    no_node: str = ""
    missing: tuple[str, ...] = ()
    can_install: bool = True
    no_kind: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``reason``: why there. ``installs``: what is put on this machine first. ``hint``: what it would take for more."""

    place: Place
    reason: str
    installs: tuple[str, ...] = ()
    hint: str = ""


def wanted(environment: Mapping[str, str]) -> Place | None:
    """The place that is asked for; None where it is left to us. Raises :class:`ClusterError` for any other word."""
    text = environment.get(VARIABLE, "").strip().lower()
    for place in PLACES:
        if text == place:
            return place
    if text:
        raise ClusterError(f"{VARIABLE}={text}: one of {', '.join(PLACES)} is expected")
    return None


def choose(environment: Mapping[str, str], machine: Machine) -> Choice:
    """Where it happens. Raises :class:`ClusterError`, with the fix, where what is asked for cannot be had."""
    asked = wanted(environment)
    is_allowed = environment.get(packages.CONSENT) == "1"
    if asked is None:
        return _best(machine, is_allowed=is_allowed)
    reason = f"{VARIABLE}={asked}"
    match asked:
        case "node":
            if obstacle := _no_node(machine, is_allowed=is_allowed):
                raise ClusterError(f"{reason}: {obstacle}")
            return Choice(place="node", reason=reason, installs=machine.missing)
        case "kind":
            if machine.no_kind:
                raise ClusterError(f"{reason}: {machine.no_kind}")
        case "current":
            _confirm(environment.get(CONTEXT, ""), machine.context)
        case "controlplane":
            pass
    return Choice(place=asked, reason=reason)


def install_command(missing: tuple[str, ...]) -> str:
    """What a person types to have the packages."""
    return " ".join(packages.command_line(missing))


def _best(machine: Machine, *, is_allowed: bool) -> Choice:
    obstacle = _no_node(machine, is_allowed=is_allowed)
    if not obstacle:
        what = "it takes packages, which YES=1 allows" if machine.missing else "everything it takes is here"
        return Choice(place="node", reason=f"this machine can run one, and {what}", installs=machine.missing)
    hint = f"for a whole node: {obstacle}"
    if not machine.no_kind:
        return Choice(place="kind", reason="no node here, but a Docker daemon answers and kind is here", hint=hint)
    return Choice(place="controlplane", reason="it needs no root, no Docker and no package", hint=hint)


def _no_node(machine: Machine, *, is_allowed: bool) -> str:
    """Why there is no node; empty where there is one."""
    if machine.no_node or not machine.missing:
        return machine.no_node
    command = install_command(machine.missing)
    if not machine.can_install:
        return f"programs of Debian's {' '.join(machine.missing)} are missing, and apt-get is not here"
    return "" if is_allowed else f"Debian packages are missing: run again with YES=1, or run first: {command}"


def _confirm(named: str, current: str) -> None:
    if not current:
        raise ClusterError("DEMO=current: the kubeconfig has no current context: kubectl config use-context NAME")
    if named != current:
        why = f"{CONTEXT}={named} is not it" if named else "an intruder is let loose there, so say that you mean it"
        raise ClusterError(f"DEMO=current: the current context is {current}; {why}: {CONTEXT}={current}")
