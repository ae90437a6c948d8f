"""Names of a log's files: the live one and the backups kube-apiserver makes of it (lumberjack's grammar).

``audit.log`` is renamed to ``audit-2006-01-02T15-04-05.000.log`` (UTC) and, where asked for, compressed to
``….log.gz``. Whatever has another name is not part of the log: reading copies would count events twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

_STAMP = r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})"
LIVE = "~"
"""Stands for the stamp of the live file: sorts behind every time."""


@dataclass(frozen=True, slots=True)
class Name:
    """One name, understood."""

    text: str
    stamp: str
    """The time of rotation as written in the name: sorts in order of time. :data:`LIVE` for the live file."""
    is_gzip: bool = False

    @property
    def time(self) -> float | None:
        """When it was rotated, seconds since the epoch; ``None`` for the live file, and where there is no such day."""
        try:
            return datetime.strptime(self.stamp, "%Y-%m-%dT%H-%M-%S.%f").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None

    @property
    def is_live(self) -> bool:
        """Whether it is the file that is written to."""
        return self.stamp == LIVE


class Grammar:
    """The names that belong to the log at ``path``."""

    def __init__(self, path: PurePath) -> None:
        self._live = path.name
        self._backup = re.compile(f"{re.escape(path.stem)}-{_STAMP}{re.escape(path.suffix)}(\\.gz)?")

    def read(self, text: str) -> Name | None:
        """The name, or None where it is not one of the log's."""
        if text == self._live:
            return Name(text, LIVE)
        match = self._backup.fullmatch(text)
        return Name(text, match[1], match[2] is not None) if match else None
