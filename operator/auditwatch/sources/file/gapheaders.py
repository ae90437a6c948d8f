"""Gaps as an agent tells them: headers of posts, each short enough for every server, and all of them together whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from auditwatch.sources.file.gaps import FileGap

HEADER_BYTES: Final = 6000
_MESSAGE_CHARACTERS: Final = 500
"""Of which each takes at most twelve bytes: a gap alone is below the 8,000 that are taken."""
_LATEST: Final = 1e11
"""Seconds since the epoch. The operator takes nothing later, and nothing before 1970."""


def gap_headers(gaps: Sequence[FileGap]) -> list[str]:
    """JSON in ASCII, as headers have to be: ``[{reason, message, start, end}, …]``. Every gap is in one of them."""
    headers: list[list[str]] = []
    room = 0
    for document in map(_document, gaps):
        if len(document) + 2 > room:
            headers.append([])
            room = HEADER_BYTES - 2
        headers[-1].append(document)
        room -= len(document) + 2
    return [f"[{', '.join(documents)}]" for documents in headers]


def _document(gap: FileGap) -> str:
    message = gap.message[:_MESSAGE_CHARACTERS].encode(errors="replace").decode()
    return json.dumps({"reason": gap.reason, "message": message, "start": _time(gap.start), "end": _time(gap.end)})


def _time(seconds: float) -> float:
    """What a clock that was not set yet told is taken for the first moment there is, so that the gap is told."""
    return min(max(0.0, seconds), _LATEST)
