"""From the body of a request to rows for the inbox, a slice at a time.

Every item is on its own: what cannot be read is counted with its reason, and its neighbours go on. Work is done in
slices of some milliseconds, so that one large body holds nobody else up and its rows never pile up.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import structlog

from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import NOT_AN_EVENT, OUR_FAULT, NotAnAuditEventError, decode
from auditwatch.events.items import is_event_list
from auditwatch.events.prefilter import Prefilter
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import parse_time
from auditwatch.events.unwrap import unwrap
from auditwatch.sources.webhook.plan import MIB

SLICE_SECONDS: Final = 0.02
SLICE_BYTES: Final = 2 * MIB
SEARCHED_BYTES: Final = 256 * 1024
"""Of items that are searched for needles together: what the prefilter is fastest with."""
LOOK_BYTES: Final = 64
"""What an item costs besides its bytes, and a line that holds none: a body may be made of such lines alone."""
_STAMP: Final = b'"stageTimestamp":"'
_TIME: Final = re.compile(rb"[0-9TZtz:.+-]{20,40}")
_ENCODER: Final = msgspec.json.Encoder()
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What records say of where they came from. ``received``: seconds since the epoch."""

    cluster: str
    source: str
    instance: str
    received: float


class Row(NamedTuple):
    """One record, ready for the inbox."""

    key: str
    payload: bytes


@dataclass(slots=True)
class Slice:
    """What some milliseconds of work brought. ``last_event``: seconds since the epoch, of the last item seen."""

    rows: list[Row] = field(default_factory=list)
    records: list[AuditRecord] = field(default_factory=list)
    """What the rows were made of, to be shown once they are on disk."""
    size: int = 0
    items: int = 0
    undecodable: Counter[str] = field(default_factory=Counter)
    last_event: float | None = None
    is_last: bool = False


class BodyReader:
    """One body. :meth:`next_slice` may run in any thread, in one at a time."""

    def __init__(
        self,
        body: bytes,
        *,
        origin: Origin,
        prefilter: Prefilter,
        redactor: Redactor,
        body_limit: int,
    ) -> None:
        self._origin = origin
        self._prefilter = prefilter
        self._redactor = redactor
        self._body_limit = body_limit
        self._items = items_of(body)
        self._waiting: deque[bytes] = deque()

    def next_slice(self, *, seconds: float = SLICE_SECONDS) -> Slice:
        """Go on for about ``seconds``, or until there is a fair amount to commit."""
        done, end = Slice(), time.monotonic() + seconds
        while done.size < SLICE_BYTES and time.monotonic() < end:
            if self._waiting:
                self._take(self._waiting.popleft(), done)
            elif not self._gather(done):
                done.is_last = True
                break
        return done

    def _gather(self, done: Slice) -> bool:
        """Choose among the next items; False where there are none left."""
        group = _group(self._items)
        if group is None:
            return False
        if not group:
            return True
        done.items += len(group)
        done.last_event = stage_time(group[-1])
        self._waiting.extend(selected(group, self._prefilter))
        return True

    def _take(self, item: bytes, done: Slice) -> None:
        try:
            record = self._record(item)
            payload = _ENCODER.encode(record)
        except NotAnAuditEventError:
            done.undecodable[NOT_AN_EVENT] += 1
        except Exception as error:  # noqa: BLE001 - a flaw of ours may cost this item, never its neighbours
            done.undecodable[OUR_FAULT] += 1
            log.error("an audit event could not be taken in: report this", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - bodies may be in the traceback
        else:
            done.rows.append(Row(record.key, payload))
            done.records.append(record)
            done.size += len(payload)

    def _record(self, item: bytes) -> AuditRecord:
        origin = self._origin
        return record_of(
            decode(item),
            cluster=origin.cluster,
            source=origin.source,
            instance=origin.instance,
            received=origin.received,
            redactor=self._redactor,
            max_body=self._body_limit,
        )


def items_of(body: bytes) -> Iterator[bytes]:
    """The events in a body: an EventList as API servers send it, or one record per line as agents do.

    After each line there is an empty item, so that whoever asks can stop among lines that hold none.
    """
    if is_event_list(body):
        yield from unwrap(body)
        return
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        yield from unwrap(body[start:end])
        yield b""
        start = end + 1


def selected(items: Sequence[bytes], prefilter: Prefilter) -> Iterator[bytes]:
    """The items some rule may care about. Searched as lines, which is much faster than one by one."""
    joined = b"\n".join(items)
    if joined.count(b"\n") != len(items) - 1:  # not written by an API server: there are line breaks in an item
        yield from filter(prefilter.selects, items)
        return
    for start, end in prefilter.lines(joined):
        yield joined[start:end]


def _group(items: Iterator[bytes]) -> list[bytes] | None:
    """The next items, which may be none; ``None`` at the end."""
    looked = list(_looked(items))
    return [item for item in looked if item] if looked else None


def _looked(items: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for item in items:
        yield item
        size += len(item) + LOOK_BYTES
        if size > SEARCHED_BYTES:
            return


def stage_time(item: bytes) -> float | None:
    """The stage timestamp of an event, without decoding it: the last one in it, because bodies stand before it."""
    start = item.rfind(_STAMP)
    found = _TIME.match(item, start + len(_STAMP)) if start >= 0 else None
    return parse_time(found[0].decode()) if found else None
