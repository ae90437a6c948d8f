"""What presets said last, as the journal remembers watched objects: policies that name one are as strong as it is."""

from __future__ import annotations

from typing import Final

import msgspec
import structlog

from auditwatch.events.activity import Activity, JSONObject
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from auditwatch.k10.presets import MAX_PRESETS, Presets
from auditwatch.sources.state.observation import KEPT

_ALL: Final = 1 << 62
log = structlog.get_logger()


class RememberedPresets:
    """For the engine thread: what the log told of presets, else what the journal's last versions say."""

    def __init__(self) -> None:
        self._journal: Journal | None = None
        self._presets = Presets(self._lookup)

    def use(self, journal: Journal) -> Journal:
        """Look into this journal from now on."""
        self._journal = journal
        return journal

    def completed(self, activity: Activity) -> Activity:
        """See :meth:`auditwatch.k10.presets.Presets.completed`."""
        return self._presets.completed(activity)

    def _lookup(self, group: str, namespace: str, name: str) -> JSONObject | None:
        for row in self._rows(group):
            try:
                kept = KEPT.decode(row.payload)
            except msgspec.DecodeError:
                continue  # of no preset anybody could read
            if (kept.namespace, kept.name) == (namespace, name):
                return kept.body
        return None

    def _rows(self, group: str) -> list[VersionRow]:
        """A journal that cannot be read knows no preset: its rows are matched all the same."""
        if self._journal is None:
            return []
        try:
            return self._journal.versions_before(f"{group}/policypresets", _ALL, limit=MAX_PRESETS)
        except JournalError as error:
            log.warning("presets cannot be looked up", error=str(error))
            return []
