"""Group commit: many deliveries, one fsync, and each one's failure its own."""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.journal.errors import JournalCorruptError, JournalError, JournalFullError, TransactionLostError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.intake import Pending


def commit(journal: Journal, batch: Sequence[Pending]) -> JournalError | None:
    """Record every delivery of ``batch`` in one transaction and tell who waits; the error that kept it off the disk.

    A delivery that raises is undone alone, but for one that finds the journal damaged. Where an error cost the whole
    transaction, each is tried on its own, so that the one at fault cannot take the others with it a second time.
    """
    alive = [pending for pending in batch if pending.done.running() or pending.done.set_running_or_notify_cancel()]
    if not alive:
        return None
    try:
        with journal.transaction():
            failures = [_recorded(journal, pending) for pending in alive]
    except TransactionLostError as error:
        if len(alive) > 1:
            return _commit_singly(journal, alive)
        reason = error.__cause__ if isinstance(error.__cause__, JournalError) else error
        _fail_all(alive, reason)
        return reason
    except JournalError as error:
        _fail_all(alive, error)
        return error
    except Exception as error:
        _fail_all(alive, error)
        raise
    for pending, failure in zip(alive, failures, strict=True):
        _answer(pending, failure)
    return None


def refused_for_room(batch: Sequence[Pending]) -> int:
    """How many deliveries of a committed batch were refused because the journal is full."""
    answered = (pending.done for pending in batch if not pending.done.cancelled())
    return sum(isinstance(done.exception(), JournalFullError) for done in answered)


def _recorded(journal: Journal, pending: Pending) -> Exception | None:
    try:
        with journal.transaction():
            pending.delivery.record(journal)
    except (TransactionLostError, JournalCorruptError):  # what is in a damaged file is in no journal
        raise
    except Exception as error:  # noqa: BLE001 - whatever a delivery raises belongs to whoever waits for it
        return error
    return None


def _commit_singly(journal: Journal, batch: Sequence[Pending]) -> JournalError | None:
    errors = [commit(journal, [pending]) for pending in batch]
    return None if None in errors else errors[-1]


def _fail_all(batch: Sequence[Pending], error: Exception) -> None:
    for pending in batch:
        _answer(pending, error)


def _answer(pending: Pending, failure: Exception | None) -> None:
    if failure is None:
        pending.done.set_result(None)
    else:
        pending.done.set_exception(failure)
