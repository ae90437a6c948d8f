"""What differs between two versions of an object, leaf by leaf, in the paths rules are written in.

Rules ask "did the daily count fall", not "was the spec replaced": a changed ancestor is expanded to its leaves, and
list elements are paired by the key that names them, so that inserting an action in front of another is one
appearance and not a change of everything behind it. What the server or a controller writes by itself is no change.

The walk uses a stack of its own: an object nested as deep as a server lets through must not raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Protocol

from auditwatch.detection.values import MISSING, UNKNOWN

LIMIT: Final = 1000
"""Changes reported of one pair of objects; see :func:`diff` for which and for what tells of the rest."""

DEPTH: Final = 64
"""Path segments reported; what differs deeper is reported at this depth, with values :data:`UNKNOWN`."""

SEGMENT: Final = 128
"""Characters of one path segment; longer ones are cut and end in ``…``."""

OVERFLOW: Final = "…"
"""Path of the change that stands for those beyond :data:`LIMIT`; its values are :data:`UNKNOWN`."""

_IGNORED: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"apiVersion", "kind", "status"}),
    "metadata": frozenset(
        {
            "creationTimestamp",
            "deletionGracePeriodSeconds",
            "generateName",
            "generation",
            "managedFields",
            "name",
            "namespace",
            "resourceVersion",
            "selfLink",
            "uid",
        }
    ),
    "metadata.annotations": frozenset({"kubectl.kubernetes.io/last-applied-configuration"}),
}
"""By container: what identifies the object, or is written by the server, a controller's report or kubectl's notes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf's old and new value; :data:`MISSING` where it is absent on that side, :data:`UNKNOWN` where unseen.

    A leaf is a scalar, a list of scalars (whole: ``ElementsAdded`` needs both lists) or an empty container.
    ``path`` reads ``spec.actions[export].retention.daily``; map keys that hold a dot, a bracket, a quote or a slash
    are quoted: ``metadata.annotations["k10.kasten.io/ignorebackuppolicy"]``.
    """

    path: str
    old: object
    new: object
    is_named: bool = False
    """Whether a request named it: that it became ``new`` is certain although ``old`` was not seen."""


class ListKeys(Protocol):
    """How elements of a kind's lists are told apart (``k10/list_keys.py``)."""

    def key(self, path: str, element: Mapping[str, object]) -> str | None:
        """What names ``element`` of the list at ``path``, or ``None`` to pair that list by index.

        ``path`` has every element's key replaced by ``*``: ``spec.template.spec.containers[*].env``.
        """
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is put: as a path, with the keys of list elements as ``*``, and how many segments that are."""

    path: str = ""
    shape: str = ""
    depth: int = 0

    def field(self, name: str) -> Place:
        """A field of the map here."""
        step = _map_step(name, first=not self.path)
        return Place(self.path + step, self.shape + step, self.depth + 1)

    def element(self, name: str) -> Place:
        """An element, by its key or index, of the list here."""
        return Place(f"{self.path}[{_cut(name)}]", f"{self.shape}[*]", self.depth + 1)


@dataclass(slots=True)
class _Node:
    """A pair of values still to compare. ``shape`` is ``path`` with the keys of list elements as ``*``."""

    path: str
    shape: str
    depth: int
    rank: int
    old: object
    new: object


def diff(
    old: Mapping[str, object] | None, new: Mapping[str, object] | None, *, list_keys: ListKeys
) -> tuple[Change, ...]:
    """Every leaf that differs, ordered by path; ``None`` is an object that does not exist.

    JSON's ``null`` counts as absent, as it does to an API server. Numbers are equal when their values are
    (``1 == 1.0``), booleans are no numbers. Reordering a list of keyed elements is no change, reordering a list of
    scalars is one.

    At most :data:`LIMIT` changes are returned, and if there were more, one further ``Change(OVERFLOW, UNKNOWN,
    UNKNOWN)`` last. Kept before all others are those of something that was there, and then they are taken in turn
    from every part of the object: what is only added does not push out what happened to the rest.
    """
    return _leaves(_Node(path="", shape="", depth=0, rank=0, old=_absent(old), new=_absent(new)), list_keys)


def spread(place: Place, value: object, *, list_keys: ListKeys) -> tuple[Change, ...]:
    """What putting ``value`` at a place names, leaf by leaf as :func:`diff`; what was there before is UNKNOWN."""
    if value is UNKNOWN or value is MISSING:
        return (Change(place.path, UNKNOWN, value),)
    node = _Node(path=place.path, shape=place.shape, depth=place.depth, rank=0, old=MISSING, new=value)
    return tuple(replace(change, old=UNKNOWN) for change in _leaves(node, list_keys))


def is_noise(names: Sequence[str]) -> bool:
    """Whether a place (the names of its segments) is one whose differences are no changes."""
    containers = (".".join(names[:depth]) for depth in range(min(len(names), 3)))
    return any(name in _IGNORED.get(container, ()) for container, name in zip(containers, names, strict=False))


def _leaves(root: _Node, list_keys: ListKeys) -> tuple[Change, ...]:
    found = _Found()
    walk = [iter([root])]
    while walk:
        node = next(walk[-1], None)
        if node is None:
            walk.pop()
        elif _expands(node.old, node.new) or not node.depth:
            walk.append(_children(node, list_keys))
        elif not _equal(node.old, node.new):
            found.add(node)
    return found.changes()


_Rank = tuple[bool, int]
"""Whether it was not there before, and its turn within its part of the object."""


class _Found:
    """The changes kept so far: never more than twice :data:`LIMIT`, however many there are."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Rank, Change]] = {}
        self._worst: tuple[_Rank, str] | None = None
        """Rank and path of the worst that is kept, once something had to be left out."""

    def add(self, node: _Node) -> None:
        rank = node.old is MISSING, node.rank
        if self._worst is not None and (rank, node.path) > self._worst:
            return
        values = (node.old, node.new) if node.depth <= DEPTH else (UNKNOWN, UNKNOWN)
        self._kept.setdefault(node.path, (rank, Change(node.path, *values)))
        if len(self._kept) >= 2 * LIMIT:
            self._prune()

    def changes(self) -> tuple[Change, ...]:
        if len(self._kept) > LIMIT:
            self._prune()
        kept = tuple(self._kept[path][1] for path in sorted(self._kept))
        return kept if self._worst is None else (*kept, Change(OVERFLOW, UNKNOWN, UNKNOWN))

    def _prune(self) -> None:
        best = sorted((rank, path) for path, (rank, _) in self._kept.items())[:LIMIT]
        self._kept, self._worst = {path: self._kept[path] for _, path in best}, best[-1]


def _absent(value: object) -> object:
    return MISSING if value is None else value


def _expands(old: object, new: object) -> bool:
    """Whether the pair has children to look at: a filled map or a list of containers on either side."""
    return _is_branch(old) or _is_branch(new)


def _is_branch(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and any(isinstance(element, (dict, list)) for element in value)


def _equal(old: object, new: object) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_equal, old, new))
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, float) != isinstance(new, float) and Decimal in {type(old), type(new)}:
        return Decimal(repr(old) if isinstance(old, float) else str(old)) == Decimal(str(new))
    return bool(old == new)


_Pair = tuple[str, str, object, object]
"""(step of the path, step of the shape, old, new) of one child."""


def _children(node: _Node, list_keys: ListKeys) -> Iterator[_Node]:
    """The pairs under a branch, and the leaf that a branch replaced or was replaced by. Paths are made one by one."""
    yield from _leaf_beside(node)
    deeper = node.depth >= DEPTH
    for position, (step, shape, old, new) in enumerate([*_map_pairs(node), *_list_pairs(node, list_keys)]):
        yield _Node(
            path=node.path if deeper else node.path + step,
            shape=node.shape if deeper else node.shape + shape,
            depth=node.depth + 1,
            rank=max(node.rank, position),
            old=old,
            new=new,
        )


def _leaf_beside(node: _Node) -> Iterator[_Node]:
    """A scalar on one side of a pair whose other side is a branch: its own appearance or disappearance."""
    old, new = (MISSING if isinstance(value, (dict, list)) else value for value in (node.old, node.new))
    if old is not MISSING or new is not MISSING:
        yield replace(node, old=old, new=new)


def _map_pairs(node: _Node) -> Iterator[_Pair]:
    old, new = (value if isinstance(value, dict) else {} for value in (node.old, node.new))
    ignored = _IGNORED.get(node.path, frozenset()) if node.depth < 3 else frozenset()
    for name in sorted((old.keys() | new.keys()) - ignored):
        before, after = _absent(old.get(name)), _absent(new.get(name))
        if before is not after:
            step = _map_step(name, first=not node.path)
            yield step, step, before, after


def _list_pairs(node: _Node, list_keys: ListKeys) -> Iterator[_Pair]:
    old, new = (value if isinstance(value, list) else [] for value in (node.old, node.new))
    if old or new:
        before, after = _named(old, new, node.shape, list_keys)
        for name in sorted(before.keys() | after.keys()):
            yield f"[{_cut(name)}]", "[*]", _absent(before.get(name)), _absent(after.get(name))


def _map_step(name: str, *, first: bool) -> str:
    name = _cut(name)
    if any(character in '."[]/' for character in name):
        return '["' + name.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return name if first else f".{name}"


def _cut(name: str) -> str:
    return name if len(name) <= SEGMENT else name[: SEGMENT - 1] + "…"


def _named(
    old: list[object], new: list[object], shape: str, list_keys: ListKeys
) -> tuple[dict[str, object], dict[str, object]]:
    """Both lists by what names their elements: declared keys if every element has one, else the index."""
    before, after = _by_key(old, shape, list_keys), _by_key(new, shape, list_keys)
    if before is not None and after is not None:
        return before, after
    return _by_index(old), _by_index(new)


def _by_key(elements: list[object], shape: str, list_keys: ListKeys) -> dict[str, object] | None:
    """Elements by key; a key that stands twice is told apart as ``key``, ``key#2`` …; ``None`` if one has no key."""
    named: dict[str, object] = {}
    seen: dict[str, int] = {}
    for element in elements:
        key = list_keys.key(shape, element) if isinstance(element, dict) else None
        if key is None:
            return None
        seen[key] = seen.get(key, 0) + 1
        named[key if seen[key] == 1 else f"{key}#{seen[key]}"] = element
    return named


def _by_index(elements: list[object]) -> dict[str, object]:
    return {str(index): element for index, element in enumerate(elements)}
