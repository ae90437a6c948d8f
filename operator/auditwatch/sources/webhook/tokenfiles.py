"""Bearer tokens in files: only their hashes are kept, and they are read again while we run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auditwatch.sources.webhook.authentication import digest

SHORTEST = 16


class TokenFiles:
    """The digest of each file's token. A file that cannot be used admits nobody and is a problem."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._digests: dict[Path, bytes] = {}
        self._problems: list[str] = []
        self.refresh()

    def refresh(self) -> None:
        """Read every file again."""
        read = {path: _read(path) for path in self._paths}
        self._digests = {path: found for path, found in read.items() if isinstance(found, bytes)}
        self._problems = [found for found in read.values() if isinstance(found, str)]

    def digest(self, path: Path | None) -> bytes | None:
        """Of the token in this file; ``None`` where there is none."""
        return self._digests.get(path) if path else None

    @property
    def problem(self) -> str:
        """What keeps files from being used; empty where nothing does."""
        return "; ".join(self._problems)


def _read(path: Path) -> bytes | str:
    """The digest of the token in a file, or what is wrong with it."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        return f"token file {path} cannot be read: {reason}; mount it readable for this process"
    if len(token) < SHORTEST or len(token.split()) != 1:
        return f"token file {path} must hold one token of at least {SHORTEST} characters"
    return digest(token)
