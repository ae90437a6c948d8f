"""The journal's public names: SQLite behind opaque rows, and how deliveries reach it."""

from auditwatch.journal.delivery import Delivery, Intake
from auditwatch.journal.errors import JournalError, JournalFullError, JournalUnavailableError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import InboxRow, LogRecord, SetAside, VersionRow

__all__ = [
    "Delivery",
    "InboxRow",
    "Intake",
    "Journal",
    "JournalError",
    "JournalFullError",
    "JournalUnavailableError",
    "LogRecord",
    "SetAside",
    "VersionRow",
]
