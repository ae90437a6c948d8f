"""Lists of very many items that are no events: a sender can write millions of them in a few kilobytes of gzip."""

from __future__ import annotations

import tracemalloc
from collections import deque

import pytest

from auditwatch.events.unwrap import unwrap
from tests.unit.events.samples import item, line

COUNT = 40_000
HEADS = {
    "kind first": (b'{"kind":"EventList","items":[', b"]}"),
    "items first": (b'{"items":[', b'],"kind":"EventList"}'),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
@pytest.mark.parametrize("each", [b"{}", b"1", b'""', b"[]"])
def test_a_crowded_list_takes_little_more_memory_than_it_is_long(head: tuple[bytes, bytes], each: bytes) -> None:
    record = head[0] + b",".join([each] * COUNT) + head[1]
    tracemalloc.start()
    try:
        last = deque(enumerate(unwrap(record), 1), maxlen=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert last[0] == (COUNT, each)
    assert peak < 8 * len(record)


def test_an_event_in_a_crowd_is_found_where_it_stands() -> None:
    event = item(line())
    crowd = b",".join([b"{}"] * 1000)
    items = list(unwrap(b'{"kind":"EventList","items":[' + crowd + b"," + event + b"," + crowd + b"]}"))
    assert (len(items), items.index(event)) == (2001, 1000)
