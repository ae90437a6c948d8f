"""Packs: versioned sets of rules, read from the files that ship with the program or from text somebody wrote.

A pack is read one rule at a time, so that one mistake never takes the rest of a pack out of force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import yaml

from auditwatch.api.pack import Macro, NamedList, Pack
from auditwatch.api.problems import Problem, validate
from auditwatch.api.rules import Rule
from auditwatch.api.yamltext import load, said_of

_Named = TypeVar("_Named", NamedList, Macro)


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack, or the same parts of another document. ``rules`` are (path in the document, rule)."""

    name: str
    version: str
    rules: tuple[tuple[str, Rule], ...] = ()
    lists: tuple[NamedList, ...] = ()
    macros: tuple[Macro, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Names of rules with a problem, with the first of them."""

    @property
    def reference(self) -> str:
        """``name@version``, as findings name it."""
        return f"{self.name}@{self.version}" if self.version else self.name


def load_pack_text(text: str, origin: str, *, is_ours: bool = False) -> tuple[LoadedPack | None, tuple[Problem, ...]]:
    """Read a pack from YAML; every problem has ``origin`` and, for bad YAML, line and column in its message."""
    try:
        document = load(text, is_ours=is_ours)
    except yaml.YAMLError as error:
        return None, (Problem("", f"{origin}: {yaml_problem(error)}"),)
    return load_pack(document, origin)


def load_pack(document: object, origin: str) -> tuple[LoadedPack | None, tuple[Problem, ...]]:
    """A pack from a parsed document: ``None`` if its head is wrong, else all that is right of it."""
    if not isinstance(document, Mapping):
        return None, (Problem("", f"{origin}: a pack is an object with name, version and rules"),)
    head, problems = validate(Pack, {**document, "rules": [], "lists": [], "macros": []})
    parts = _Parts(document)
    problems += parts.problems
    if head is None:
        return None, tuple(problems)
    pack = LoadedPack(head.name, head.version, parts.rules, parts.lists, parts.macros, parts.left_out)
    return pack, tuple(problems)


def load_rules(document: Mapping[str, Any], name: str, path: str = "") -> tuple[LoadedPack, tuple[Problem, ...]]:
    """``rules``, ``lists`` and ``macros`` of any document that has them, such as an AuditWatch's spec."""
    parts = _Parts(document, path)
    return LoadedPack(name, "", parts.rules, parts.lists, parts.macros, parts.left_out), tuple(parts.problems)


@cache
def built_in_packs() -> tuple[tuple[LoadedPack, ...], tuple[Problem, ...]]:
    """Every pack that ships with the program, with the problems a release should not have.

    A pack may stand in several files with the same name and version; each can be tested by itself.
    """
    packs: dict[str, LoadedPack] = {}
    problems: list[Problem] = []
    for entry in sorted(resources.files("auditwatch.packs").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            pack, found = load_pack_text(entry.read_text(encoding="utf-8"), entry.name, is_ours=True)
            problems += found
            if pack is not None:
                known = packs.get(pack.reference)
                packs[pack.reference], found = (pack, ()) if known is None else joined_parts(known, pack, entry.name)
                problems += found
    return tuple(packs.values()), tuple(problems)


def joined_parts(first: LoadedPack, more: LoadedPack, origin: str) -> tuple[LoadedPack, tuple[Problem, ...]]:
    """Two files of one pack as one: a list or macro that both have must be the same in both."""
    lists, macros = _by_name(first.lists), _by_name(first.macros)
    differing = [
        Problem("", f"{origin}: {each.name!r} is written otherwise in another file of {first.reference}")
        for known, parts in ((lists, more.lists), (macros, more.macros))
        for each in parts
        if known.get(each.name, each) != each
    ]
    rules = [rule for _, rule in (*first.rules, *more.rules)]
    pack = LoadedPack(
        first.name,
        first.version,
        tuple((f"rules[{index}]", rule) for index, rule in enumerate(rules)),
        tuple({**_by_name(more.lists), **lists}.values()),
        tuple({**_by_name(more.macros), **macros}.values()),
        {**more.left_out, **first.left_out},
    )
    return pack, tuple(differing)


def _by_name(parts: Iterable[_Named]) -> dict[str, _Named]:
    return {part.name: part for part in parts}


def find_pack(packs: Sequence[LoadedPack], name: str, version: str) -> LoadedPack | None:
    """The newest pack of the name whose version starts with the numbers of ``version``: "1" finds 1.4, not 11."""
    wanted = _numbers(version)
    fitting = [pack for pack in packs if pack.name == name and _numbers(pack.version)[: len(wanted)] == wanted]
    return max(fitting, key=lambda pack: _numbers(pack.version), default=None)


def yaml_problem(error: yaml.YAMLError) -> str:
    """One line that says where the YAML breaks, ``line 3, column 5: …``."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}: {said_of(error)}" if mark else said_of(error)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


class _Parts:
    """Rules, lists and macros of a document, each read by itself; what does not parse is a problem and left out."""

    def __init__(self, document: Mapping[str, Any], path: str = "") -> None:
        self.problems: list[Problem] = []
        self.left_out: dict[str, str] = {}
        self._prefix = f"{path}." if path else ""
        self.rules = tuple(self._rules(document.get("rules")))
        self.lists = tuple(self._each(NamedList, "lists", document.get("lists")))
        self.macros = tuple(self._each(Macro, "macros", document.get("macros")))

    def _rules(self, items: object) -> Iterator[tuple[str, Rule]]:
        for path, item in self._items("rules", items):
            name = str(item.get("name", "")) if isinstance(item, Mapping) else ""
            rule, problems = validate(Rule, item, path, rule=name)
            self.problems += problems
            if rule is not None:
                yield path, rule
            elif name:
                self.left_out.setdefault(name, str(problems[0]))

    def _each(self, model: type[Any], field_name: str, items: object) -> Iterator[Any]:
        for path, item in self._items(field_name, items):
            parsed, problems = validate(model, item, path)
            self.problems += problems
            if parsed is not None:
                yield parsed

    def _items(self, name: str, items: object) -> Iterator[tuple[str, object]]:
        path = f"{self._prefix}{name}"
        if items is None:
            return
        if not isinstance(items, list | tuple):
            self.problems.append(Problem(path, "must be a list"))
            return
        for index, item in enumerate(items):
            yield f"{path}[{index}]", item
