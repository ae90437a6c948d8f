"""Chooses what to search a log for in the first pass: few texts of which every needle has one.

The cost of searching grows with their number. So one literal that many needles share stands for all of them, and
literals that end alike (``….kio.kasten.io"``) are searched for by their common ending, and each from where it is rare.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Final

from auditwatch.events.needles import Needle
from auditwatch.events.search import may_overlap
from auditwatch.events.usual import from_its_rarest, stops

Literals = tuple[bytes, ...]
"""A needle as it may be spelled: all of them must be in an event."""
_Candidate = tuple[bytes, set[Literals]]
"""A possible anchor and the needles it would stand for."""

MIN_ENDING: Final = 12
"""Bytes; shorter common endings (``.k8s.io``) are in most lines of any log."""
_MIN_SHARED: Final = 2
MAX_ANCHORS: Final = 32
"""More would leave the range in which all are searched for at once."""
_SEARCH_COST: Final = 0.01
"""Microseconds per line for one anchor more."""
_HIT_COST: Final = 2.5
"""Microseconds for testing one line that has an anchor."""
_STOP_COST: Final = 0.015
"""Microseconds per line whose bytes are like the beginning of an anchor, which is looked at and passed over."""
_SHARES: Final = {b"name": 0.0005, b"namespace": 0.03, b"verb": 0.2}
_BUSY: Final = frozenset(
    {b"configmaps", b"deployments", b"endpoints", b"endpointslices", b"events", b"jobs", b"leases", b"namespaces"}
    | {b"nodes", b"pods", b"replicasets", b"secrets", b"serviceaccounts", b"services", b"subjectaccessreviews"}
    | {b"tokenreviews"}
)
"""Resources that controllers and kubelets ask for all the time."""
_BUSY_SHARE: Final = 0.03
_RARE_SHARE: Final = 0.0005
_RARE: Final = frozenset({b"deletecollection"})
"""Verbs that hardly anybody uses."""
_USUAL_SHARE: Final = 0.005
"""Of the lines of a log that one value of this field is in, as a rule of thumb: it makes a difference in speed only."""
_FIELD: Final = re.compile(rb'"(\w+)":"?([^"]*)')
_ENDING: Final = re.compile(rb"\.")
_ESCAPES: Final = str.maketrans(
    {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
)
"""Characters that Go's encoder escapes though JSON would not have them escaped; other writers leave them."""


def spellings(needles: Iterable[Needle]) -> list[Literals]:
    """Every way the needles may be spelled, in a fixed order: each literal as Go escapes it, and as it is."""
    found: dict[Literals, None] = {}
    for needle in sorted(needles):
        found |= dict.fromkeys(product(*(_spellings(literal) for literal in needle.literals)))
    return list(found)


def grouped(needles: Iterable[Literals]) -> dict[bytes, tuple[Literals, ...]]:
    """Few anchors, and for each the needles to test for where it is found: every needle contains one of its own.

    Where occurrences of two anchors may overlap only one of them may be found, so each brings the other's needles.
    """
    own: dict[bytes, set[Literals]] = {}
    for anchor, covered in _chosen(set(needles)).items():
        own.setdefault(from_its_rarest(anchor), set()).update(covered)
    groups: dict[bytes, tuple[Literals, ...]] = {}
    for anchor in own:
        hidden = [needle for other, covered in own.items() if may_overlap(anchor, other) for needle in covered]
        groups[anchor] = tuple(sorted(hidden))
    return groups


def _chosen(needles: set[Literals]) -> dict[bytes, set[Literals]]:
    """Anchors and the needles each stands for: the cheapest, or the fewest where those would be too many."""
    cheapest = _cover(needles, _by_cost)
    return cheapest if len(cheapest) <= MAX_ANCHORS else _cover(needles, _by_number)


def _cover(left: set[Literals], merit: Callable[[_Candidate], tuple[float, int, bytes]]) -> dict[bytes, set[Literals]]:
    """Anchors, chosen greedily by ``merit``."""
    chosen: dict[bytes, set[Literals]] = {}
    while left:
        anchor, covered = max(_covers(left).items(), key=merit)
        chosen[anchor] = covered
        left = left - covered
    return chosen


def _by_number(candidate: _Candidate) -> tuple[float, int, bytes]:
    anchor, covered = candidate
    return len(covered), len(anchor), anchor


def _by_cost(candidate: _Candidate) -> tuple[float, int, bytes]:
    anchor, covered = candidate
    cost = _SEARCH_COST + _share(anchor) * _HIT_COST + stops(anchor) * _STOP_COST
    return len(covered) / cost, len(anchor), anchor


def _share(anchor: bytes) -> float:
    found = _FIELD.match(anchor)
    if found is None:
        return _USUAL_SHARE
    if found[2] in _RARE:
        return _RARE_SHARE
    return _BUSY_SHARE if found[2] in _BUSY else _SHARES.get(found[1], _USUAL_SHARE)


def _covers(needles: set[Literals]) -> dict[bytes, set[Literals]]:
    """Which needles each possible anchor stands for."""
    whole: dict[bytes, set[Literals]] = {}
    endings: dict[bytes, set[Literals]] = {}
    for needle in needles:
        for literal in needle:
            # Without the last quote, where the next field's name could begin: anchors then hardly ever overlap.
            text = literal.removesuffix(b'"') or literal
            whole.setdefault(text, set()).add(needle)
            for ending in _endings(text):
                endings.setdefault(ending, set()).add(needle)
    return whole | {ending: covered for ending, covered in endings.items() if len(covered) >= _MIN_SHARED}


def _endings(literal: bytes) -> Iterator[bytes]:
    for dot in _ENDING.finditer(literal):
        if len(literal) - dot.start() >= MIN_ENDING:
            yield literal[dot.start() :]


def _spellings(literal: str) -> list[bytes]:
    return [text.encode() for text in dict.fromkeys((literal.translate(_ESCAPES), literal))]
