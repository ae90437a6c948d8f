"""From the bytes of a log to the few records some rule may care about: searched, unwrapped, decoded, redacted.

All of this is done where the bytes are read, in any number of processes; only records and figures leave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import stringzilla

from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import NOT_AN_EVENT, OUR_FAULT, Decoded, NotAnAuditEventError, decode
from auditwatch.events.needles import Needles
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.search import Searchable, end_of_line
from auditwatch.events.unwrap import unwrap
from auditwatch.scan.inflating import ReadError
from auditwatch.scan.recognising import HEAD_BYTES, recognised
from auditwatch.scan.windows import MAX_LINE_BYTES, Window

PART_BYTES: Final = 4 << 20
"""Bytes of selected lines after which a part is handed on."""
MAX_BODY_BYTES: Final = 4 << 20
"""Of a body longer than this the long texts are left out, and it is unknown where it is longer all the same. No request
is: kube-apiserver takes none above 3 MiB (``MaxRequestBodyBytes`` of k8s.io/apiserver), whatever it is encoded in.
"""
_NEWLINE: Final = b"\n"
CLUSTER, SOURCE = "scan", "scan"
FIRST_LINES: Final = 1_000
"""Lines that are looked at for an audit event before a file counts as something else: servers write other lines into
the same stream when they start.
"""


class Found(msgspec.Struct, frozen=True, array_like=True):
    """One event that some rule may care about. ``line``: lines before it in its part; ``item``: events before it
    in its line.
    """

    line: int
    item: int
    record: AuditRecord


class Bad(msgspec.Struct, frozen=True, array_like=True):
    """Something that is no audit event. ``reason``: NotAnAuditEvent, LineTooLong or InternalError."""

    line: int
    reason: str
    problem: str


Selected = tuple[int, bytes]
"""Lines before it in its part, and a line."""


class Part(msgspec.Struct, array_like=True):
    """What some consecutive lines held."""

    size: int = 0
    """Bytes looked at."""
    lines: int = 0
    selected: int = 0
    """Lines with a needle."""
    found: list[Found] = msgspec.field(default_factory=list)
    bad: list[Bad] = msgspec.field(default_factory=list)
    is_log: bool = False
    """Whether one of the first lines of the file, which are here, is an audit event, looked for or not."""
    looks: str = ""
    """What the beginning of the file, which is here, looks like, where its first line is none."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is looked for, and how what is found is made fit to be kept."""

    prefilter: Prefilter
    redactor: Redactor
    received: float
    """When the scan began, seconds since the epoch; :mod:`auditwatch.scan.timing` lets it stand for no event's time."""

    @classmethod
    def of(cls, needles: Needles, *, key: bytes, received: float) -> Sieve:
        """A sieve for these needles; ``key`` hides secrets."""
        return cls(Prefilter(needles), Redactor(key), received)

    def parts(self, windows: Iterable[Window], *, is_beginning: bool) -> Iterator[Part]:
        """All that is in ``windows``, in parts. ``is_beginning``: the first line shows whether this is an audit log.

        Raises :class:`ReadError`, after the part that holds what was read before.
        """
        part, lines, held = Part(), list[Selected](), 0
        unseen = FIRST_LINES if is_beginning else 0
        try:
            for window in windows:
                if unseen:
                    unseen = self._look(window, part, unseen)
                held += self._take(window, part, lines)
                window.release()
                if held >= PART_BYTES:
                    yield self._read(lines, part)
                    part, lines, held = Part(), [], 0
        except ReadError:
            yield self._read(lines, part)
            raise
        yield self._read(lines, part)

    def _look(self, window: Window, part: Part, most: int) -> int:
        """Decode lines, needle or not, up to the first audit event: a file that is no audit log must not look like a
        quiet one. How many more of ``most`` may be looked at for one; a long line counts as many.
        """
        position, number = window.start, part.lines
        while most > 0 and position < window.end and not part.is_log:
            stop = window.end if window.is_cut else end_of_line(window.data, position, window.end)
            is_wrong = window.is_cut or self._is_wrong(bytes(window.data[position:stop]), number, part)
            if is_wrong and not part.looks:
                part.looks = recognised(bytes(window.data[position : min(position + HEAD_BYTES, window.end)]))
            most -= 1 + (stop - position) // HEAD_BYTES
            position, number = stop + 1, number + 1
        return 0 if part.is_log else most

    def _is_wrong(self, line: bytes, number: int, part: Part) -> bool:
        """Whether a line holds something that is no audit event, told if it is the first and not read anyway."""
        seen = Part()
        try:
            events = [self._decoded(raw, number, seen) for raw in unwrap(line)]
            part.is_log = any(events)
        except Exception as error:  # noqa: BLE001 - a defect met in the first line must not cost the others
            seen.bad.append(_fault(number, error))
        if not part.looks and not self.prefilter.selects(line):
            part.bad += seen.bad
        return any(each.reason == NOT_AN_EVENT for each in seen.bad)

    def _take(self, window: Window, part: Part, lines: list[Selected]) -> int:
        """Append what is selected of a window to ``lines``; its bytes."""
        data, end, position, held = window.data, window.end, window.start, 0
        part.size += end - position
        if window.is_cut:
            part.bad.append(Bad(part.lines, "LineTooLong", f"more than {MAX_LINE_BYTES >> 20} MiB"))
            part.lines += 1
            return 0
        for start, stop in self.prefilter.lines(data, position, end):
            part.lines += _newlines(data, position, start)
            position = start
            part.selected += 1
            held += stop - start
            lines.append((part.lines, bytes(data[start:stop])))
        part.lines += _newlines(data, position, end) + (data[end - 1] != ord(_NEWLINE))
        return held

    def _read(self, lines: Iterable[Selected], part: Part) -> Part:
        """Read what was selected all at once: in between, searching would push what it takes out of the caches."""
        for number, line in lines:
            self._read_line(number, line, part)
        return part

    def _read_line(self, number: int, line: bytes, part: Part) -> None:
        try:
            for item, raw in enumerate(unwrap(line)):
                if len(raw) == len(line) or self.prefilter.selects(raw):
                    self._read_event(raw, number, item, part)
        except Exception as error:  # noqa: BLE001 - a defect met in one line must not cost the others; it is told
            part.bad.append(_fault(number, error))

    def _read_event(self, raw: bytes, line: int, item: int, part: Part) -> None:
        decoded = self._decoded(raw, line, part)
        if decoded is not None:
            part.found.append(Found(line, item, self._record(decoded)))

    def _record(self, decoded: Decoded) -> AuditRecord:
        return record_of(
            decoded,
            cluster=CLUSTER,
            source=SOURCE,
            received=self.received,
            redactor=self.redactor,
            max_body=MAX_BODY_BYTES,
        )

    def _decoded(self, raw: bytes, line: int, part: Part) -> Decoded | None:
        try:
            return decode(raw)
        except NotAnAuditEventError as error:
            part.bad.append(Bad(line, NOT_AN_EVENT, str(error)))
            return None


def _fault(line: int, error: Exception) -> Bad:
    return Bad(line, OUR_FAULT, f"{type(error).__name__}: {error}")


def _newlines(data: Searchable, start: int, end: int) -> int:
    return int(stringzilla.count(data, _NEWLINE, start, end)) if end > start else 0
