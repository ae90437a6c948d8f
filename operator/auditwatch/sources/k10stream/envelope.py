"""Where in a line of K10's log an audit event stands, learned from lines that our own requests caused.

K10 does not publish how it wraps its events, and its log also holds text that users choose. So nothing is guessed: two
lines that tell of two requests of ours teach the envelope (the keys around the event, in their order, and the values
both lines share), and a line is believed only if it has exactly that envelope. An event inside a text of another line,
a second member of the same name, a key more or less, something before or after: none of them is it. A value that the
event itself holds too (its verb, its user) is no marker, for our own requests always have the same one. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from auditwatch.cluster.framing import members

_LEVELS: Final = 4
"""So deep an event may be wrapped."""
_CONSTANT_BYTES: Final = 256
"""A longer value is no marker."""
_SCALAR: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.\w]+', re.DOTALL)
_EVENT_KEYS: Final = frozenset({"auditID", "stage", "verb", "requestURI", "user"})


class Sibling(msgspec.Struct, frozen=True, array_like=True):
    """One member of an object around the event."""

    key: str
    """As it is written, escapes and all."""
    kind: str
    """``string``, ``object``, ``array``, ``number``, ``bool`` or ``null``."""
    constant: str | None = None
    """The JSON text of its value where it has always been the same; ``None``: it varies."""


class Level(msgspec.Struct, frozen=True, array_like=True):
    """One object around the event."""

    siblings: tuple[Sibling, ...]
    """All members in order, with the one that holds the event."""
    inner: int
    """Index of that one; where its kind is ``string``, it holds the next level as escaped text."""


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """The way from a line to its event."""

    prefix: tuple[str | None, ...] = ()
    """Words before the first bracket; ``None``: one that varies."""
    levels: tuple[Level, ...] = ()
    """From the outside in; none where the event stands by itself."""

    def event_of(self, line: bytes) -> bytes | None:
        """The bytes of the event, as they stand in the line; ``None`` where the line has another envelope."""
        words, document = _cut(line)
        if not _fit(self.prefix, words):
            return None
        for level in self.levels:
            inner = _step(level, document)
            if inner is None:
                return None
            document = inner
        parts = _object(document)
        # Without anything around it, an event is told from other lines by its own keys.
        return document if parts is not None and (self.levels or _is_event(parts)) else None


def lesson(line: bytes, is_ours: Callable[[bytes], bool], *, varying: Sequence[str] = ()) -> Envelope | None:
    """The envelope of one line, every value in it taken for constant; ``None`` where it holds no event of ours.

    ``is_ours`` tells whether bytes are an audit event about an outstanding request of our own. Values that contain a
    text of ``varying`` (a pod's name) differ from one pod to the next and are no constants.
    """
    words, document = _cut(line)
    found = list(_ways(document, is_ours, varying, depth=0))
    if len(found) != 1:
        return None  # nothing of ours, or twice: then nobody can say which one is meant
    levels, event = found[0]
    own = {value.decode(errors="replace") for value in _SCALAR.findall(event)}
    return Envelope(tuple(_word(word, varying) for word in words), tuple(_without(level, own) for level in levels))


def merged(known: Envelope, other: Envelope) -> Envelope | None:
    """What both have in common, constant only where both agree; ``None`` where their keys or kinds differ."""
    if len(known.prefix) != len(other.prefix) or len(known.levels) != len(other.levels):
        return None
    levels = [_merged_level(one, two) for one, two in zip(known.levels, other.levels, strict=True)]
    if any(level is None for level in levels):
        return None
    prefix = tuple(one if one == two else None for one, two in zip(known.prefix, other.prefix, strict=True))
    return Envelope(prefix, tuple(level for level in levels if level is not None))


def _merged_level(known: Level, other: Level) -> Level | None:
    shape = [(sibling.key, sibling.kind) for sibling in known.siblings]
    if known.inner != other.inner or shape != [(sibling.key, sibling.kind) for sibling in other.siblings]:
        return None
    pairs = zip(known.siblings, other.siblings, strict=True)
    return Level(tuple(one if one == two else Sibling(one.key, one.kind) for one, two in pairs), known.inner)


def _cut(line: bytes) -> tuple[list[bytes], bytes]:
    """The words before the first bracket, and the rest."""
    start = line.find(b"{")
    return (line.split(), b"") if start < 0 else (line[:start].split(), line[start:].strip())


def _fit(prefix: tuple[str | None, ...], words: list[bytes]) -> bool:
    pairs = zip(prefix, words, strict=False)
    return len(prefix) == len(words) and all(known is None or known.encode() == word for known, word in pairs)


def _step(level: Level, document: bytes) -> bytes | None:
    parts = _object(document)
    if parts is None or len(parts) != len(level.siblings):
        return None
    for index, (known, (key, value)) in enumerate(zip(level.siblings, parts, strict=True)):
        if key != known.key or _kind(value) != known.kind:
            return None
        if index != level.inner and known.constant is not None and known.constant.encode() != value:
            return None
    return _unwrapped(parts[level.inner][1])


def _unwrapped(value: bytes) -> bytes | None:
    """A value that is, or as text contains, an object."""
    if value[:1] == b"{":
        return value
    try:
        return msgspec.json.decode(value, type=str).encode().strip()
    except (msgspec.DecodeError, ValueError):
        return None


def _object(document: bytes) -> list[tuple[str, bytes]] | None:
    """The members of a document that is one whole object and nothing else, however often a key occurs."""
    try:
        parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _scanned(document)
    found = [(key, bytes(value)) for key, value in parts.items()]
    rebuilt = b"{" + b",".join(msgspec.json.encode(key) + b":" + value for key, value in found) + b"}"
    return found if rebuilt == document else _scanned(document)  # blanks, escapes, or a key that occurs twice


def _scanned(document: bytes) -> list[tuple[str, bytes]] | None:
    try:
        return members(document, whole=True)
    except ValueError:
        return None


def _is_event(parts: list[tuple[str, bytes]]) -> bool:
    return {key for key, _ in parts} >= _EVENT_KEYS


def _ways(
    document: bytes, is_ours: Callable[[bytes], bool], varying: Sequence[str], *, depth: int
) -> Iterator[tuple[tuple[Level, ...], bytes]]:
    """Every way from here to an event of ours, and the event."""
    parts = _object(document)
    if parts is None:
        return
    if _is_event(parts):
        if is_ours(document):
            yield (), document
        return
    if depth == _LEVELS:
        return
    for index, (_, value) in enumerate(parts):
        inner = _unwrapped(value) if value[:1] in {b"{", b'"'} else None
        if inner is not None and inner[:1] == b"{":
            level = Level(tuple(_sibling(part, varying) for part in parts), index)
            for way, event in _ways(inner, is_ours, varying, depth=depth + 1):
                yield (level, *way), event


def _without(level: Level, own: set[str]) -> Level:
    """A level in which neither the member that holds the event is constant, nor one whose value is the event's own."""
    siblings = (
        Sibling(sibling.key, sibling.kind) if index == level.inner or sibling.constant in own else sibling
        for index, sibling in enumerate(level.siblings)
    )
    return Level(tuple(siblings), level.inner)


def _sibling(part: tuple[str, bytes], varying: Sequence[str]) -> Sibling:
    key, value = part
    return Sibling(key, _kind(value), _word(value, varying))


def _word(value: bytes, varying: Sequence[str]) -> str | None:
    text = value.decode(errors="replace")
    is_constant = len(value) <= _CONSTANT_BYTES and text.encode() == value and not any(name in text for name in varying)
    return text if is_constant else None


def _kind(value: bytes) -> str:
    match value[:1]:
        case b'"':
            return "string"
        case b"{":
            return "object"
        case b"[":
            return "array"
        case b"t" | b"f":
            return "bool"
        case b"n":
            return "null"
    return "number"
