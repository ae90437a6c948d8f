"""From the body of a patch request to what it names, in the paths rules are written in.

An audit event carries the patch and not its content type, so its form decides: a list is a JSON patch (RFC 6902); an
object is a merge patch (RFC 7386, or Kubernetes' strategic one), unless it names its kind and may as well have been
applied, which takes away what its owner no longer names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditwatch.detection.changes import DEPTH, LIMIT, ListKeys, Place, is_noise
from auditwatch.events.activity import JSONObject, Patch, PatchedField

_FLAT: Final = (("metadata", "annotations"), ("metadata", "labels"))
"""Maps of text: what is taken away from one has nothing below."""

_UNTOLD: Final = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class _Named:
    """One place and what is put there; ``hides``: places below it may have gone that nothing names."""

    names: tuple[str, ...]
    steps: tuple[str, ...]
    value: Any
    hides: bool


def patch_of(body: object, *, new: JSONObject | None, list_keys: ListKeys) -> Patch | None:
    """What the patch names; ``None`` for what is no patch. ``new``: the object after it, where it was seen.

    At most :data:`LIMIT` places are kept; where there were more, it is not complete and may hide something.
    """
    if isinstance(body, list):
        return _collected(_operations(body, new, list_keys), is_complete=True)
    if not isinstance(body, dict):
        return None
    is_applied = "apiVersion" in body and "kind" in body
    return _collected(_merged(body), is_complete=not is_applied and not _has_directives(body))


def _collected(named: Iterator[_Named], *, is_complete: bool) -> Patch:
    fields: dict[tuple[str, ...], PatchedField] = {}
    hides = False
    for each in named:
        if is_noise(each.names):
            continue
        if len(fields) >= LIMIT:
            hides, is_complete = True, False  # of a place beyond, nobody may say that it was left alone
            break
        hides |= each.hides
        fields.pop(each.steps, None)  # the last word on a place stands last
        fields[each.steps] = PatchedField(steps=each.steps, value=each.value)
    return Patch(fields=tuple(fields.values()), is_complete=is_complete, hides=hides)


def _merged(body: JSONObject) -> Iterator[_Named]:
    """Where a merge patch puts a scalar or a list, or takes something away. An empty object merges nothing."""
    walk: list[tuple[tuple[str, ...], Any]] = [((), body)]
    while walk:
        names, value = walk.pop()
        if isinstance(value, dict) and len(names) < DEPTH:
            walk += reversed([((*names, name), value[name]) for name in value if not name.startswith("$")])
        elif value != {}:
            yield _Named(names, tuple(f".{name}" for name in names), value, _hides(names, value))


def _has_directives(body: JSONObject) -> bool:
    """Whether it is a strategic merge patch that says more than values: ``$patch: replace``."""
    walk: list[tuple[int, Any]] = [(0, body)]
    while walk:
        depth, value = walk.pop()
        if isinstance(value, dict) and any(name.startswith("$") for name in value):
            return True
        if depth < DEPTH and isinstance(value, dict | list):
            walk += [(depth + 1, child) for child in (value.values() if isinstance(value, dict) else value)]
    return False


def _hides(names: tuple[str, ...], value: object) -> bool:
    """Taking away or replacing a container takes away what was below; a scalar's place nobody can tell from one."""
    if names[:2] in _FLAT and len(names) > 2:
        return False
    return value is None or isinstance(value, dict) or _holds_containers(value)


def _holds_containers(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(element, dict | list) for element in value)


def _operations(body: Sequence[Any], new: JSONObject | None, list_keys: ListKeys) -> Iterator[_Named]:
    operations = [each for each in body if isinstance(each, Mapping) and each.get("op") != "test"]
    if any(map(_moves_elements, operations)):
        new = None  # indexes mean another element than they do in the object that came out
    for operation in operations:
        if operation.get("op") == "move":
            yield from _placed(operation.get("from"), None, new, list_keys)
        yield from _placed(operation.get("path"), _operand(operation), new, list_keys)


def _moves_elements(operation: Mapping[str, Any]) -> bool:
    ends = (str(operation.get(name, "")).rpartition("/")[2] for name in ("path", "from"))
    return operation.get("op") != "replace" and any(map(_may_be_index, ends))


def _operand(operation: Mapping[str, Any]) -> Any:
    """What the operation puts at its path: of copy and move nobody can tell without the old object."""
    op = operation.get("op")
    if op == "remove":
        return None
    puts_value = op in ("add", "replace")  # no set of them: a client may send a list, which has no hash
    return operation.get("value") if puts_value else _UNTOLD


def _placed(pointer: object, value: Any, new: JSONObject | None, list_keys: ListKeys) -> Iterator[_Named]:
    """The place of a JSON pointer (RFC 6901); list elements by their key where the new object or the value has it."""
    if not isinstance(pointer, str) or not (pointer == "" or pointer.startswith("/")):
        return
    names = tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:])
    if not names:
        yield from _whole(value)
        return
    steps: list[str] = []
    shape, is_vague = Place(), False
    container: Any = _UNTOLD if new is None else new
    for position, name in enumerate(names[:DEPTH]):
        if isinstance(container, list) or (container is _UNTOLD and _may_be_index(name)):
            placed = value if position == len(names) - 1 else _UNTOLD
            key = _element_name(name, container, placed, shape.shape, list_keys)
            is_vague |= key is None
            steps.append(f"[{key or name}")
            shape, container = shape.element(name), _element(container, name)
        else:
            steps.append(f".{name}")
            shape = shape.field(name)
            container = container.get(name, _UNTOLD) if isinstance(container, dict) else _UNTOLD
    yield _Named(names, tuple(steps), value, is_vague or _hides(names, value))


def _whole(value: Any) -> Iterator[_Named]:
    """The whole object replaced: field by field."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield _Named((name,), (f".{name}",), inner, hides=True)


def _may_be_index(name: str) -> bool:
    return name == "-" or (name.isascii() and name.isdigit() and len(name) < 6)


def _element_name(name: str, container: Any, value: Any, shape: str, list_keys: ListKeys) -> str | None:
    """The key of the element a pointer's segment stands for, ``None`` where it is not seen."""
    element = value if isinstance(value, dict) else _element(container, name)
    return list_keys.key(shape, element) if isinstance(element, dict) else None


def _element(container: Any, name: str) -> Any:
    if not isinstance(container, list) or not container:
        return _UNTOLD
    position = len(container) - 1 if name == "-" else int(name) if _may_be_index(name) else len(container)
    return container[position] if position < len(container) else _UNTOLD
