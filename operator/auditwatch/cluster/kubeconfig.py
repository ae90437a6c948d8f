"""Whether what was written is a kubeconfig, told before the official client reads it.

The client indexes into whatever it finds, and names in its errors what it found there: a word of Python's where a file
is empty, and a token where something else is missing beside it. Nothing of a user's section is ever told here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from auditwatch.cluster.errors import ConfigurationError

_LISTS: Final = {"contexts": "context", "clusters": "cluster", "users": "user"}
_Named = Mapping[str, object]


def checked(files: Iterable[Path], context: str | None) -> None:
    """Raises :class:`ConfigurationError` for files that are no kubeconfig, or have no way to a cluster in them."""
    read = [(file, _mapping(file)) for file in files]
    named = {name: _by_name(read, name, below) for name, below in _LISTS.items()}
    places = ", ".join(str(file) for file, _ in read)
    current = context or next((str(held["current-context"]) for _, held in reversed(read) if _current(held)), "")
    if not current or current not in named["contexts"]:
        missing = f"there is no context {current!r}" if current else "no current-context is set"
        raise _unusable(places, f"{missing}; {_choice(named['contexts'])}")
    if flaw := _flaw(current, named):
        raise _unusable(places, flaw)


def _mapping(file: Path) -> Mapping[str, Any]:
    try:
        held = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise _unusable(file, f"{line}is no YAML: {error.problem}") from error
    except OSError as error:
        raise _unusable(file, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unusable(file, "is no YAML") from error
    if held is None:
        raise _unusable(file, "is empty")
    if not isinstance(held, dict):
        raise _unusable(file, "holds no contexts, clusters and users")
    return held


def _by_name(read: Sequence[tuple[Path, Mapping[str, Any]]], listed: str, below: str) -> _Named:
    """What the entries of a list hold; of several files the first that has a name counts."""
    found: dict[str, object] = {}
    for file, held in read:
        for name, value in _entries(file, listed, below, held.get(listed) or ()):
            found.setdefault(name, value)
    return found


def _entries(file: Path, listed: str, below: str, entries: object) -> Iterator[tuple[str, object]]:
    if not isinstance(entries, list | tuple):
        raise _unusable(file, f"{listed} must be a list")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise _unusable(file, f"{listed}[{index}] has no name")
        yield entry["name"], entry.get(below)


def _current(held: Mapping[str, Any]) -> bool:
    return bool(held.get("current-context"))


def _flaw(current: str, named: Mapping[str, _Named]) -> str:
    """What the context lacks."""
    context = named["contexts"][current]
    if not isinstance(context, dict):
        return f"context {current!r} must be written {{name: …, context: {{cluster: …, user: …}}}}"
    cluster = named["clusters"].get(str(context.get("cluster")))
    if not isinstance(cluster, dict):
        return f"the cluster of context {current!r} is not among its clusters"
    if not str(cluster.get("server")).startswith(("https://", "http://")):
        return f"the cluster of context {current!r} has no server: write https://ADDRESS:PORT"
    user = str(context.get("user"))
    if user not in named["users"]:
        return f"the user of context {current!r} is not among its users"
    is_written = isinstance(named["users"][user], dict)
    return "" if is_written else f"user {user!r} must be written {{name: …, user: {{…}}}}"


def _choice(contexts: _Named) -> str:
    return f"give --context, one of: {', '.join(sorted(contexts))}" if contexts else "there are no contexts in it"


def _unusable(place: Path | str, flaw: str) -> ConfigurationError:
    return ConfigurationError(f"{place}: not a usable kubeconfig: {flaw}")
