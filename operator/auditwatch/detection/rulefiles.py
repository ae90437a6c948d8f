"""Files that hold rules (a pack, an AuditWatch, a list), compiled as the operator would; problems have their lines.

``auditwatch test`` and the packs' own tests read rules through here, so that what passes there is what is in force.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from auditwatch.api.auditwatch import PackReference, WatchSpec
from auditwatch.api.crd import GROUP, VERSION
from auditwatch.api.problems import Problem, validate
from auditwatch.api.yamltext import TwiceError, line_of, load_all, nodes_of, said_of
from auditwatch.detection.compile import PackUse, RuleSet, RuleSource, compile_watch
from auditwatch.detection.packs import LoadedPack, find_pack, load_pack, load_rules
from auditwatch.detection.scope import K10View
from auditwatch.detection.shared import LABEL, PACK, is_pack, ships, texts_of

_WATCH: Final = "file/rules"
"""Stands for the watch that rules of a file are compiled for."""

_Source = tuple[RuleSource, frozenset[str], tuple[Problem, ...]]
"""What to compile, the names of the document's own rules, and the problems found on the way."""

_API_VERSION: Final = f"{GROUP}/{VERSION}"
_RULES: Final = "write a pack, an AuditWatch or a list of rules"

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem and where it is: the line is 1 or more, of the closest part that is written in the file."""

    line: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One document. ``own``: the rules it holds itself; others are there for what it counts or names.

    ``rule_set`` is ``None`` where the text could not be read at all.
    """

    rule_set: RuleSet | None
    own: frozenset[str]
    problems: tuple[FileProblem, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether every rule of it is in force."""
        return not any(each.problem.fatal for each in self.problems)


def read_rules(text: str, *, k10: K10View, now: float, packs: Sequence[LoadedPack]) -> tuple[RuleFile, ...]:
    """Every document of a YAML text; ``packs`` are those an AuditWatch may name. Never raises for what is written.

    Text that is no YAML gives one file without rules, with the problem.
    """
    written = _written(text)
    if isinstance(written, RuleFile):
        return (written,)
    return tuple(file for document, node in written for file in _files(document, node, k10, now, packs))


def _written(text: str) -> RuleFile | list[tuple[object, Any]]:
    """Documents that are not empty, each with the node that knows its lines; else what is wrong with the text."""
    try:
        documents, nodes = load_all(text), nodes_of(text)
    except yaml.YAMLError as error:
        said = said_of(error) if isinstance(error, TwiceError) else f"is no YAML: {said_of(error)}"
        return _unreadable(said, line_of(error) or 1)
    except (ValueError, RecursionError) as error:
        return _unreadable(f"is no YAML that can be read: {error}", 1)
    pairs = [(document, node) for document, node in zip(documents, nodes, strict=True) if document is not None]
    return pairs or _unreadable(f"is empty: {_RULES}", 1)


def _unreadable(message: str, line: int) -> RuleFile:
    return RuleFile(None, frozenset(), (FileProblem(line, Problem("", message)),))


def _files(document: object, node: Any, k10: K10View, now: float, packs: Sequence[LoadedPack]) -> Iterator[RuleFile]:
    """A document is one file; a ConfigMap of packs is one for each key, as the operator reads it."""
    if not isinstance(document, Mapping) or not is_pack(document):
        yield _read(_source(document, packs), node, k10, now)
        return
    texts = list(texts_of(document))
    if not texts:
        yield _unreadable("holds no pack: every key below data is one", _line(node, "data"))
    for key, text in texts:
        written = _written(text)
        if not isinstance(written, RuleFile):
            [(pack, root), *more] = written
            flaw = Problem("", "holds several documents: a key of a ConfigMap is one pack") if more else None
            written = _read(_shared_source(pack, flaw, packs), root, k10, now)
        yield _moved(written, _child(_child(node, "data"), key))


def _moved(file: RuleFile, value: Any) -> RuleFile:
    """The problems of a text at the lines where it stands in another; of one in quotes all at its first."""
    above = int(value.start_mark.line) + 1
    is_literal = value.style == "|"
    moved = (replace(each, line=each.line + above if is_literal else above) for each in file.problems)
    return replace(file, problems=tuple(moved))


def _read(written: _Source, node: Any, k10: K10View, now: float) -> RuleFile:
    source, own, problems = written
    rule_set, found = compile_watch(source, k10=k10, now=now)
    located = (FileProblem(_line(node, problem.path), problem) for problem in dict.fromkeys((*problems, *found)))
    return RuleFile(rule_set, own, tuple(located))


def _source(document: object, packs: Sequence[LoadedPack]) -> _Source:
    if isinstance(document, list):
        document = {"rules": document}
    if not isinstance(document, Mapping):
        return _nothing(Problem("", f"holds no rules: {_RULES}"))
    if document.get("kind") == "AuditWatch":
        return _watch_source(document, packs)
    if "kind" in document:
        return _nothing(Problem("", _other_kind(str(document["kind"]))))
    if set(document) <= {"rules", "lists", "macros"}:
        return _own(*load_rules(document, ""))
    pack, problems = load_pack(document, "this file")
    return _own(pack or LoadedPack("", ""), problems, packs)


def _nothing(*problems: Problem) -> _Source:
    return RuleSource(watch=_WATCH), frozenset(), problems


def _other_kind(kind: str) -> str:
    if kind == "ConfigMap":
        return (
            f"is a ConfigMap without the label {LABEL}: {PACK}, and nobody reads rules in it: add the label, or put "
            "what stands under data.KEY into a file of its own"
        )
    return f"is a {kind}: {_RULES}"


def _shared_source(document: object, flaw: Problem | None, packs: Sequence[LoadedPack]) -> _Source:
    """A pack as ConfigMaps share it: nothing else may stand there, and no pack that ships."""
    pack, problems = load_pack(document, "this key")
    if pack is not None and pack.name in {each.name for each in packs}:
        flaw = flaw or Problem("name", ships(pack.name))
    return _nothing(flaw) if flaw else _own(pack or LoadedPack("", ""), problems, packs)


def _own(parts: LoadedPack, problems: tuple[Problem, ...], packs: Sequence[LoadedPack] = ()) -> _Source:
    """Of a pack that stands in several files, one can be read by itself: what its stories name may be in another."""
    own = frozenset(rule.name for _, rule in parts.rules)
    whole = [rule for pack in packs if pack.reference == parts.reference for _, rule in pack.rules]
    elsewhere = frozenset(name for rule in whole for name in (rule.name, *rule.replaces)) - own
    source = RuleSource(watch=_WATCH, rules=parts.rules, lists=parts.lists, macros=parts.macros, elsewhere=elsewhere)
    return source, own, problems


def _watch_source(document: Mapping[str, Any], packs: Sequence[LoadedPack]) -> _Source:
    if document.get("apiVersion") != _API_VERSION:
        said = (
            f"must be {_API_VERSION}, not {document['apiVersion']}" if "apiVersion" in document else "required: add it"
        )
        return _nothing(Problem("apiVersion", said))
    spec = document.get("spec") or {}
    if not isinstance(spec, Mapping):
        return _nothing(Problem("spec", "must be an object with fields"))
    parts, problems = load_rules(spec, "", "spec")
    rest = {name: value for name, value in spec.items() if name not in {"rules", "lists", "macros"}}
    watch, flaws = validate(WatchSpec, rest, "spec")
    watch = watch or WatchSpec()
    source = RuleSource(
        watch=_WATCH,
        packs=[_pack_use(index, reference, packs) for index, reference in enumerate(watch.packs)],
        rules=parts.rules,
        lists=parts.lists,
        macros=parts.macros,
        time_zone=watch.time_zone,
    )
    return source, frozenset(rule.name for _, rule in parts.rules), (*flaws, *problems)


def _pack_use(index: int, reference: PackReference, packs: Sequence[LoadedPack]) -> PackUse:
    return PackUse(f"spec.packs[{index}]", reference, find_pack(packs, reference.name, reference.version))


def _line(node: Any, path: str) -> int:
    """The line of the deepest part of ``path`` that is written; a bare list stands for its ``rules``."""
    steps = list(_steps(path))
    if isinstance(node, yaml.SequenceNode) and steps[:1] == ["rules"]:
        steps = steps[1:]
    for step in steps:
        below = _child(node, step)
        if below is None:
            break
        node = below
    return int(node.start_mark.line) + 1


def _steps(path: str) -> Iterator[str | int]:
    for name, index in _STEP.findall(path):
        yield int(index) if index else name


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
