"""A damaged journal was moved away at opening: what it knew is gone, and that is itself a gap to be found.

The gap waits in a mark until rules are in force; as the first row of a new log it would lie before every rule.
"""

from __future__ import annotations

import msgspec

from auditwatch.events.activity import Gap
from auditwatch.events.keys import gap_key
from auditwatch.journal.journal import Journal

SOURCE = "journal"
_MARK = "lost-journal"


def note_loss(journal: Journal, *, cluster: str, now: float) -> None:
    """Remember the gap this opening made, if it made one. Raises :class:`JournalError`."""
    lost = journal.set_aside
    if lost is None:
        return
    gap = Gap(
        cluster=cluster,
        source=SOURCE,
        subject=SOURCE,
        reason="JournalLost",
        message=f"the journal was {lost.problem}; it is kept as {lost.path}. Changes made before {journal.id} "
        "began and not yet found are not found any more; findings are continued from the API server.",
        start=min(lost.last_written, now),
        end=now,
    )
    with journal.transaction():
        journal.set_mark(_MARK, msgspec.json.encode(gap))


def report_loss(journal: Journal) -> None:
    """Put the gap that waits into the inbox, if one does. Raises :class:`JournalError`."""
    waiting = journal.mark(_MARK)
    if waiting is not None:
        with journal.transaction():
            key = gap_key(msgspec.json.decode(waiting, type=Gap))
            journal.receive(key=key, source=SOURCE, payload=waiting)
            journal.drop_mark(_MARK)
