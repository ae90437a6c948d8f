"""Every AuditWatch the operator knows, compiled: what kopf, the repair loop and the status writer share.

Entries are replaced, never changed, so a reader in another thread sees one whole state. Conditions are not kept
here: they are computed from entries and figures by one pure function (``runtime/status.py``) and written by one writer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.api.problems import Problem
from auditwatch.detection.compiled import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEntry:
    """One AuditWatch as it was last read."""

    uid: str
    namespace: str
    name: str
    generation: int
    spec: WatchSpec
    rule_set: RuleSet | None
    """``None`` where nothing of the spec could be used, or the namespace may hold no AuditWatch."""
    invalid_rules: tuple[str, ...] = ()
    """Names of rules that could not even be read."""
    problems: tuple[Problem, ...] = ()
    refused: str = ""
    """Why the whole watch is not accepted here; empty where it is."""
    not_in_force: str = ""
    """Why what the API shows did not come into force; all else is then what was before, generation 0 for nothing."""
    status: Mapping[str, Any] = field(default_factory=dict)
    """The status last read from the API: where conditions keep their transition times."""

    @property
    def key(self) -> str:
        """``namespace/name``, the word detection and findings know the watch by."""
        return f"{self.namespace}/{self.name}"

    def is_current(self, generation: int) -> bool:
        """Whether nothing is left to do for this generation."""
        return self.generation == generation and not self.not_in_force

    @property
    def paused(self) -> bool:
        """True where the user asked for silence."""
        return self.spec.paused


class Registry:
    """Watches by uid. ``changed`` is called, from whatever thread, after each change that matters."""

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self._entries: dict[str, WatchEntry] = {}
        self.guard: RuleSet | None = None
        """The rules in force that are of no AuditWatch; ``None`` until they are."""
        self._lock = threading.Lock()
        self._changed = changed

    def get(self, uid: str) -> WatchEntry | None:
        """The entry of this uid, if there is one."""
        return self._entries.get(uid)

    def put(self, entry: WatchEntry) -> None:
        """Know this watch, or know it anew."""
        with self._lock:
            self._entries = {**self._entries, entry.uid: entry}
        self._changed()

    def note_status(self, uid: str, status: Mapping[str, Any]) -> None:
        """What the API now shows as the status of this watch; nobody is told, for nothing of the watch changed."""
        with self._lock:
            entry = self._entries.get(uid)
            if entry is not None:
                self._entries = {**self._entries, uid: replace(entry, status=status)}

    def drop(self, uid: str) -> WatchEntry | None:
        """Forget a watch; what it was, or ``None`` if it was not known."""
        with self._lock:
            entry = self._entries.get(uid)
            self._entries = {known: other for known, other in self._entries.items() if known != uid}
        if entry is not None:
            self._changed()
        return entry

    def entries(self) -> list[WatchEntry]:
        """All of them, by namespace and name."""
        return sorted(self._entries.values(), key=lambda entry: entry.key)

    def missing_from(self, uids: set[str]) -> list[str]:
        """Uids known here and absent from a fresh list: deletions nobody told us of."""
        return [uid for uid in self._entries if uid not in uids]
