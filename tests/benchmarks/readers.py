"""What scanning is compared with, each as a command: ``python -m tests.benchmarks.readers WAY FILE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import stringzilla
from isal import isal_zlib

from auditwatch.detection.needles import needles_of
from auditwatch.events.audit import AuditEvent
from auditwatch.events.prefilter import Prefilter
from auditwatch.scan.reading import plain
from auditwatch.scan.rules import Asked, k10_of, rules_of
from auditwatch.scan.settling import NAMESPACES_DELETED
from auditwatch.scan.windows import Window

_READ_BYTES: Final = 256 << 10


def read(path: Path) -> None:
    """``read()`` in pieces of 256 KiB, and nothing else."""
    buffer = bytearray(_READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def touch(path: Path) -> None:
    """Hands out the file as a scan does, has each window read once and released: a scan that looks for nothing."""
    _each_window(path, lambda window: stringzilla.find(window.data, b"\x00", window.start, window.end))


def count(path: Path) -> None:
    """The same, and counts the lines."""
    _each_window(path, lambda window: stringzilla.count(window.data, b"\n", window.start, window.end))


def search(path: Path) -> None:
    """The same, and looks for what the shipped pack does, without a use for what is found."""
    k10 = k10_of(namespace="kasten-io", account="k10-k10", api_domain="kio.kasten.io")
    rule_sets = rules_of(Asked(), k10=k10, now=0.0).rule_sets
    prefilter = Prefilter(needles_of(rule_sets, also=[NAMESPACES_DELETED]))
    _each_window(path, lambda window: list(prefilter.lines(window.data, window.start, window.end)))


def _each_window(path: Path, look: Callable[[Window], object]) -> None:
    with plain(str(path), 0, path.stat().st_size) as windows:
        for window in windows:
            look(window)
            window.release()


def typed(path: Path) -> None:
    """A typed msgspec decode of each line."""
    decoder = msgspec.json.Decoder(AuditEvent)
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            decoder.decode(line)


def stdlib(path: Path) -> None:
    """The standard library's json on each line."""
    with path.open("rb", buffering=1 << 20) as file:
        for line in file:
            json.loads(line)


def inflate(path: Path) -> None:
    """Uncompresses with isal alone."""
    inflater = isal_zlib.decompressobj(wbits=31)
    with path.open("rb", buffering=0) as file:
        while data := file.read(_READ_BYTES):
            while data:
                inflater.decompress(data, _READ_BYTES)
                data = inflater.unconsumed_tail


WAYS: Final[Mapping[str, Callable[[Path], None]]] = {
    "read": read,
    "touch": touch,
    "count": count,
    "search": search,
    "typed": typed,
    "json": stdlib,
    "isal": inflate,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]))
