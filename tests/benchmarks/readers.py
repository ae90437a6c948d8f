"""What scanning is compared with, each as a command: ``python -m tests.benchmarks.readers WAY FILE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from isal import isal_zlib

from auditwatch.events.audit import AuditEvent

_READ_BYTES: Final = 256 << 10


def read(path: Path) -> None:
    """``read()`` in pieces of 256 KiB, and nothing else."""
    buffer = bytearray(_READ_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


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


WAYS: Final[Mapping[str, Callable[[Path], None]]] = {"read": read, "typed": typed, "json": stdlib, "isal": inflate}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]))
