"""Reads a whole AuditWatch so that one mistake costs only what it is in.

A server with CEL refuses most mistakes; an older one, or a rule deep down, lets them through. Here every top-level
field and every item of a named list is validated on its own: what is sound is in force, the rest is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from auditwatch.api.auditwatch import Override, PackReference, WatchSpec
from auditwatch.api.model import Model
from auditwatch.api.pack import Macro, NamedList
from auditwatch.api.problems import Problem, validate
from auditwatch.api.rules import Rule

_ITEMS: Mapping[str, type[Model]] = {"packs": PackReference, "lists": NamedList, "macros": Macro, "rules": Rule}
"""Lists whose items stand on their own."""


@dataclass(frozen=True, slots=True)
class ParsedWatch:
    """What is sound in a watch, and all that is not."""

    spec: WatchSpec
    """The sound fields; the others have their defaults. Its lists hold the sound items only."""
    rules: tuple[tuple[str, Rule], ...]
    """The sound rules, each with its path, e.g. ``spec.rules[2]``."""
    invalid_rules: tuple[str, ...]
    """Names of the rules that are left out (a rule without a readable name is in ``problems`` only)."""
    problems: tuple[Problem, ...]


def parse_watch(raw: Mapping[str, Any]) -> ParsedWatch:
    """Read an AuditWatch object as the API returns it (``spec`` may be missing); never raises for its content."""
    found: list[Problem] = []
    spec = raw.get("spec") or {}
    if not isinstance(spec, Mapping):
        found.append(Problem("spec", "must be an object with fields"))
        spec = {}
    items = {field: _sound_items(spec, field, found) for field in _ITEMS if _is_list(spec, field, found)}
    values = _sound_values(WatchSpec, {key: spec[key] for key in spec if key not in _ITEMS}, "spec", found)
    values |= {field: [item for _, item in pairs] for field, pairs in items.items()}
    rules = tuple((path, item) for path, item in items.get("rules", []) if isinstance(item, Rule))
    kept = {rule.name for _, rule in rules}
    invalid = dict.fromkeys(problem.rule for problem in found if problem.rule and problem.rule not in kept)
    return ParsedWatch(WatchSpec.model_validate(values), rules, tuple(invalid), tuple(found))


def _is_list(spec: Mapping[str, Any], field: str, found: list[Problem]) -> bool:
    value = spec.get(field)
    if value is not None and not isinstance(value, list | tuple):
        found.append(Problem(f"spec.{field}", "must be a list: the default is in force"))
    return isinstance(value, list | tuple)


def _sound_values(model: type[Model], raw: Mapping[str, Any], path: str, found: list[Problem]) -> dict[str, Any]:
    """The sound ones of an object's fields, one by one; of the objects among them, again the sound fields."""
    sound: dict[str, Any] = {}
    fields = {str(info.alias): info for info in model.model_fields.values()}
    for field, value in raw.items():
        inner = fields[field].annotation if field in fields else None
        if isinstance(inner, type) and issubclass(inner, Model) and isinstance(value, Mapping):
            sound[field] = _sound_values(inner, value, f"{path}.{field}", found)
        elif field not in fields or value is not None:
            parsed, problems = validate(model, {field: value}, path)
            found.extend(problems)
            sound |= {field: value} if parsed else {}
    return sound


def _sound_items(spec: Mapping[str, Any], field: str, found: list[Problem]) -> list[tuple[str, Model]]:
    """The sound items of one list with their paths; of two with one name the first is kept."""
    value = spec[field]
    found.extend(_beyond(field, len(value)))
    kept: dict[str, tuple[str, Model]] = {}
    for index, raw in enumerate(value[: _limit(field)]):
        path, name = f"spec.{field}[{index}]", _name(raw)
        model, problems = validate(_ITEMS[field], raw, path, rule=_rule(field, name))
        found.extend(problems)
        if model is None and field == "packs":
            model = _without_faults(raw)
        if model and name in kept:
            found.append(Problem(f"{path}.name", f'"{name}" is there twice: rename or remove one', _rule(field, name)))
        elif model:
            kept[name] = (path, model)
    return list(kept.values())


def _without_faults(raw: object) -> PackReference | None:
    """A pack stays in force although something about its tuning is wrong; only that is left out."""
    if not isinstance(raw, Mapping):
        return None
    sound = {key: raw[key] for key in ("name", "version") if key in raw}
    disable = [name for name in _list(raw, "disable") if _valid(PackReference, {**sound, "disable": [name]})]
    overrides = {item["rule"]: item for item in reversed(_list(raw, "overrides")) if _valid(Override, item)}
    sound |= {"disable": list(dict.fromkeys(disable)), "overrides": list(overrides.values())}
    return validate(PackReference, sound)[0]


def _valid(model: type[Model], raw: object) -> bool:
    return not validate(model, raw)[1]


def _list(raw: Mapping[str, Any], field: str) -> list[Any]:
    value = raw.get(field)
    return value if isinstance(value, list) else []


def _rule(field: str, name: str) -> str:
    return name if field == "rules" else ""


def _beyond(field: str, length: int) -> Iterator[Problem]:
    limit = _limit(field)
    if length > limit:
        yield Problem(f"spec.{field}", f"must have at most {limit} items, not {length}: the rest is left out")


def _limit(field: str) -> int:
    """MaxItems of a list, as the model says."""
    return int(next(item.max_length for item in WatchSpec.model_fields[field].metadata if hasattr(item, "max_length")))


def _name(raw: object) -> str:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return name if isinstance(name, str) else ""
