"""Takes a line apart that holds a torn event with the next one glued to it.

The API server writes an event and its newline at once. After a crash or a full disk only a part is there, and the
next event follows without a newline. Every event begins alike, but a client can put the same text into an object it
sends, where it is JSON nested in the event. So a beginning counts where no value can stand, or where everything from
there to the end of the line is exactly one object: what is nested has the rest of its surroundings after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from auditwatch.events.scanning import masked

MARKER: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level"'
"""How the API server begins each event in its log."""

_BEGINNING: Final = re.compile(re.escape(MARKER))
_TOKEN: Final = re.compile(rb'"[^"]*"?|[{}\[\]]')
_BEFORE_A_VALUE: Final = (b":", b",", b"[")
_NOWHERE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line, from one beginning to the next."""

    start: int
    end: int
    net: int
    """Brackets opened and not closed in it."""
    floor: int
    """The fewest open brackets after any of its brackets but the last of the line, counted from its start."""
    may_go_on: bool
    """Whether a value can stand at its end."""


def split_glued(line: bytes) -> Iterator[bytes]:
    """The events of a line: mostly one, itself; the torn ones before it where it was glued to them."""
    if line.find(MARKER, 1) < 0:
        yield line
        return
    mask = masked(line)
    starts = [found.start() for found in _BEGINNING.finditer(line)]
    borders = [*([] if starts[0] == 0 else [0]), *starts, len(line)]
    pieces = [_piece(mask, start, end) for start, end in pairwise(borders)]
    for start, end in _events(pieces):
        yield line[start:end]


def _events(pieces: Sequence[_Piece]) -> Iterator[tuple[int, int]]:
    """Where each event is: pieces belong together as long as each may be nested in those before it."""
    first, depth = 0, 0
    for index, piece in enumerate(pieces):
        depth += piece.net
        is_last = index + 1 == len(pieces)
        if is_last and depth > 0:
            yield from _with_last_whole(pieces[first:])
        elif is_last or depth <= 0 or not piece.may_go_on:
            yield pieces[first].start, piece.end
            first, depth = index + 1, 0


def _with_last_whole(pieces: Sequence[_Piece]) -> Iterator[tuple[int, int]]:
    """A torn event, and after it the whole one that ends the line, if there is one."""
    net, floor = 0, _NOWHERE
    for piece in reversed(pieces[1:]):
        floor = min(piece.floor, piece.net + floor)
        net += piece.net
        if net == 0 and floor > 0:
            yield pieces[0].start, piece.start
            yield piece.start, pieces[-1].end
            return
    yield pieces[0].start, pieces[-1].end


def _piece(mask: bytes, start: int, end: int) -> _Piece:
    depth, floor, is_torn = 0, _NOWHERE, False
    is_last = end == len(mask)
    for token in _TOKEN.finditer(mask, start, end):
        written = token[0]
        if written in (b"{", b"["):
            depth += 1
        elif written in (b"}", b"]"):
            depth -= 1
        else:
            is_torn = len(written) == 1 or not written.endswith(b'"')
            continue
        if not (is_last and token.end() == end):
            floor = min(floor, depth)
    may_go_on = not is_torn and mask[start:end].rstrip().endswith(_BEFORE_A_VALUE)
    return _Piece(start, end, depth, floor, may_go_on)
