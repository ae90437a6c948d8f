"""One loss of sight is one gap, however many kinds it hid: an API server that restarts has forgotten every kind's past.

Each kind tells of it for itself, when it next looks. The finding counts the loss once, names what it hid and gives the
bounds of all together.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection import texts
from auditwatch.detection.signals import gap_title
from auditwatch.events.activity import Gap

TOGETHER_SECONDS: Final = 60.0
"""Between the first that tells of a loss and the last: the longest pause between two tries, and the lists after it."""
SUBJECTS: Final = 64
NAMED: Final = 3
"""Subjects in a title."""
LISTED: Final = 40
"""Subjects in a description."""
SUBJECT: Final = 128
DESCRIPTION: Final = 4096
_SHARED: Final = frozenset({"HistoryLost", "Downtime"})
"""Reasons whose cause lies with the server, or with us, and not with what was not seen."""


class LossSeen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The last loss an incident has counted. Times are seconds since the epoch."""

    first: float
    """End of the first gap that told of it."""
    start: float
    end: float
    subjects: list[str]
    """Escaped, in the order in which they told of it."""
    more: int = 0
    """Gaps of subjects beyond the 64 that are kept."""

    def is_told_by(self, gap: Gap) -> bool:
        """Whether a gap of the same reason tells of this loss again, and of no other."""
        return abs(gap.end - self.first) <= TOGETHER_SECONDS

    def add(self, gap: Gap) -> None:
        """One more subject that it hid."""
        self.start, self.end = min(self.start, gap.start), max(self.end, gap.end)
        subject = texts.shown(gap.subject, SUBJECT)
        if subject in self.subjects:
            return
        if len(self.subjects) < SUBJECTS:
            self.subjects.append(subject)
        else:
            self.more += 1

    @property
    def title(self) -> str:
        """What was not seen, and when."""
        return gap_title(self._names(NAMED), self.start, self.end)

    def description(self, gap: Gap) -> str:
        """All that was not seen; ``gap`` is the last that tells of it."""
        hidden = len(self.subjects) + self.more
        text = f"{texts.shown(gap.reason)}: one loss hid {hidden}: {self._names(LISTED)}. The last says: "
        return texts.cut(text + texts.shown(gap.message, 1024), DESCRIPTION)

    def _names(self, most: int) -> str:
        named = self.subjects[:most]
        rest = len(self.subjects) - len(named) + self.more
        return ", ".join(named) + (f" and {rest} more" if rest else "")


def is_shared(gap: Gap) -> bool:
    """Whether others may tell of the same loss; else each gap is one for itself."""
    return gap.reason in _SHARED


def loss_of(gap: Gap) -> LossSeen:
    """The loss a gap is the first to tell of."""
    return LossSeen(first=gap.end, start=gap.start, end=gap.end, subjects=[texts.shown(gap.subject, SUBJECT)])
