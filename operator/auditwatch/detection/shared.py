"""Packs and lists that people keep in ConfigMaps of the operator's namespace, for the watches that use them.

Each is read by itself: what is wrong with one is told with its place and takes nothing else out of force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from auditwatch.api.pack import NamedList
from auditwatch.api.problems import Problem, validate
from auditwatch.detection.packs import LoadedPack, joined_parts, load_pack_text

LABEL: Final = "k10auditwatch.io/config"
"""Of a ConfigMap that is read: its value is ``pack`` or ``list``."""
PACK, LIST = "pack", "list"
MAX_CHARACTERS: Final = 1_000_000
"""Of one key; what the API server takes of a ConfigMap is about as much."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What ConfigMaps hold. ``pack_problems``: by name of the pack they are in; ``problems``: those of no pack."""

    packs: tuple[LoadedPack, ...] = ()
    lists: tuple[NamedList, ...] = ()
    pack_problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def shared_of(config_maps: Iterable[Mapping[str, Any]], *, shipped: Sequence[LoadedPack]) -> Shared:
    """What labelled ConfigMaps hold, by name of the ConfigMap. ``shipped``: packs whose names nobody else may take."""
    reader = _Reader({pack.name for pack in shipped})
    for config_map in sorted(config_maps, key=_name):
        kind = _labels(config_map).get(LABEL)
        for key, text in texts_of(config_map):
            place = f"configmap {_name(config_map)}, {key}"
            if kind == PACK:
                reader.add_pack(place, text)
            elif kind == LIST:
                reader.add_list(place, key, text)
    return reader.shared()


class _Reader:
    def __init__(self, shipped: set[str]) -> None:
        self._shipped = shipped
        self._packs: dict[str, LoadedPack] = {}
        self._lists: list[NamedList] = []
        self._of_packs: dict[str, list[Problem]] = {}
        self._problems: list[Problem] = []

    def add_pack(self, place: str, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            self._problems.append(
                Problem(place, f"has more than {MAX_CHARACTERS:,} characters: divide it", fatal=False)
            )
            return
        try:
            pack, problems = load_pack_text(text, place)
        except (ValueError, RecursionError) as error:
            pack, problems = None, (Problem("", f"cannot be read: {error}"),)
        if pack is None:
            self._problems += [_placed(problem, place, fatal=False) for problem in problems]
        elif pack.name in self._shipped:
            self._problems.append(Problem(place, ships(pack.name), fatal=False))
        else:
            self._take(place, pack, problems)

    def _take(self, place: str, pack: LoadedPack, problems: Iterable[Problem]) -> None:
        told = [_placed(problem, place) for problem in problems]
        known = self._packs.get(pack.reference)
        if known is not None:
            pack, differing = joined_parts(known, pack, place)
            told += differing
        self._packs[pack.reference] = pack
        self._of_packs.setdefault(pack.name, []).extend(told)

    def add_list(self, place: str, key: str, text: str) -> None:
        values = [line.strip() for line in text.splitlines()]
        written = {"name": key, "values": [value for value in values if value and not value.startswith("#")]}
        found, problems = validate(NamedList, written)
        self._problems += [_placed(problem, place, fatal=False) for problem in problems]
        if found is not None:
            self._lists.append(found)

    def shared(self) -> Shared:
        of_packs = {name: tuple(problems) for name, problems in self._of_packs.items() if problems}
        return Shared(tuple(self._packs.values()), tuple(self._lists), of_packs, tuple(self._problems))


def _placed(problem: Problem, place: str, *, fatal: bool | None = None) -> Problem:
    path = place if not problem.path else f"{place}: {problem.path}"
    message = problem.message.removeprefix(f"{place}: ")
    return replace(problem, path=path, message=message, fatal=problem.fatal if fatal is None else fatal)


def is_pack(document: object) -> bool:
    """Whether a parsed document is a ConfigMap of which every key is a pack."""
    if not isinstance(document, Mapping) or document.get("kind") != "ConfigMap":
        return False
    metadata = document.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return isinstance(labels, Mapping) and labels.get(LABEL) == PACK


def ships(name: str) -> str:
    """Why a pack of a ConfigMap cannot have this name."""
    return f"pack {name!r} ships with the operator: give this one another name"


def _name(config_map: Mapping[str, Any]) -> str:
    return str((config_map.get("metadata") or {}).get("name") or "")


def _labels(config_map: Mapping[str, Any]) -> Mapping[str, Any]:
    return (config_map.get("metadata") or {}).get("labels") or {}


def texts_of(config_map: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys with text, by name; ``binaryData`` is nobody's rules."""
    data = config_map.get("data")
    if isinstance(data, Mapping):
        yield from sorted((str(key), text) for key, text in data.items() if isinstance(text, str))
