"""The whole way of one change: delivered, committed, settled, matched, saved, told.

All of it in one thread (:mod:`auditwatch.runtime.enginethread`), which owns the only journal connection, the detector
and the ledger. Commits come before matching; nothing a single delivery, row or call does can stop the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from auditwatch.journal.errors import JournalError, SettledTwiceError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.committing import commit, refused_for_room
from auditwatch.runtime.figures import EngineFigures, Problems
from auditwatch.runtime.inforce import RuleSetLike, put_in_force, put_out_of_force
from auditwatch.runtime.intake import Mail
from auditwatch.runtime.lostjournal import report_loss
from auditwatch.runtime.matching import FINDINGS, WINDOWS, DetectorLike, LedgerLike, Matcher, OnDirty
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import OwnRequests, Settler
from auditwatch.runtime.upkeep import Upkeep

log = structlog.get_logger()

GRACE_SECONDS: Final = 600.0
"""How long after a change of rules the record of what happened before may come and be judged by what held then."""
SKEW_SECONDS: Final = 2.0
"""By how much an API server's clock may be ahead of ours."""
MOST_SETTLED_TWICE: Final = 3
"""Turns in succession after which what is wrong is in this process."""


class Engine:
    """What the engine thread holds. A call gets it and may use ``journal``, ``detector`` and ``ledger``."""

    def __init__(
        self,
        journal: Journal,
        detector: DetectorLike,
        ledger: LedgerLike,
        *,
        cluster: str,
        on_dirty: OnDirty,
        own: OwnRequests | None = None,
        reading: Reading | None = None,
    ) -> None:
        self.journal = journal
        self.detector = detector
        self.ledger = ledger
        self.problems = Problems()
        self.figures = EngineFigures(is_alive=True, limit_bytes=journal.limit_bytes)
        self._settler = Settler(journal, cluster=cluster, problems=self.problems, reading=reading, own=own)
        self.change_time = 0.0
        """Event time from which a change that is made in this turn holds."""
        self._is_matching = False
        self._deliveries = self._refused = 0
        self._has_refused = False
        self._settled_twice = 0
        self._upkeep = Upkeep(journal)
        ledger.restore(journal.snapshots(FINDINGS))
        self._matcher = Matcher(journal, detector, ledger, problems=self.problems, on_dirty=on_dirty)

    def turn(self, mail: Mail, *, now: float) -> bool:
        """Take everything one step further; whether there is more to do at once.

        Raises :class:`JournalError` where only a restart mends it.
        """
        self.change_time = now + SKEW_SECONDS
        error, moved = self._take_in(mail), 0
        self.detector.end_formers(before=now - GRACE_SECONDS)
        self.ledger.end_formers(before=now - GRACE_SECONDS)
        try:
            moved += self._settler.step(now=now)
            moved += self._matcher.step() if self._is_matching else self._matcher.save()
            self._upkeep.step(now=now, detected=self._matcher.detected, was_healthy=self.figures.is_healthy)
            self._measure()
        except JournalError as failure:
            error = failure
        self._tell_health(error, now)
        self._end_where_a_restart_mends(error)
        return error is None and moved > 0

    def _end_where_a_restart_mends(self, error: JournalError | None) -> None:
        """A damaged file is set aside by the next opening only, and a new process knows nothing but the journal."""
        if self.journal.damage is not None:
            raise self.journal.damage
        self._settled_twice = self._settled_twice + 1 if isinstance(error, SettledTwiceError) else 0
        if error is not None and self._settled_twice >= MOST_SETTLED_TWICE:
            raise error

    def _take_in(self, mail: Mail) -> JournalError | None:
        for call in mail.calls:
            call.run()
        self._deliveries += len(mail.deliveries)
        error = commit(self.journal, mail.deliveries)
        if mail.deliveries:
            refused = refused_for_room(mail.deliveries)
            self._refused += refused
            self._has_refused = refused > 0
        return error

    def enable_matching(self) -> None:
        """Take up the saved windows and match from where detection stood. Call it when rule sets are installed."""
        if not self._is_matching:
            self.detector.restore(self.journal.snapshots(WINDOWS))
            report_loss(self.journal)
            self._is_matching = True

    def install_rule_set(self, rule_set: RuleSetLike) -> None:
        """Put a rule set in force: rules known before for what they have not seen, new ones from now on.

        What it takes the place of is asked for :data:`GRACE_SECONDS` about what happened before.
        """
        in_force_from = put_in_force(self.journal, rule_set)
        self.detector.install(rule_set, in_force_from=in_force_from, at=self.change_time)

    def read_with(self, reading: Reading) -> None:
        """Read audit events with these facts from now on."""
        self._settler.read_with(reading)

    def remove_rule_set(self, watch: str) -> None:
        """Take a watch's rules out of force for what happens from now on, and forget since when they were."""
        put_out_of_force(self.journal, watch)
        self.detector.remove(watch, at=self.change_time)

    def _measure(self) -> None:
        self.figures = replace(
            self.figures,
            last_sequence=self.journal.last_sequence(),
            is_full=self._has_refused or self.journal.is_full(),
            used_bytes=self.journal.used_bytes(),
            pruned=self._upkeep.pruned,
            held=self._settler.held,
            overruns=self._settler.overruns,
        )

    def _tell_health(self, error: JournalError | None, now: float) -> None:
        before, commits = self.figures, self.journal.commits
        if error is not None and str(error) != before.error:
            log.error("journal cannot be written", error=str(error))
        self.figures = replace(
            before,
            is_healthy=error is None,
            error=str(error or ""),
            is_matching=self._is_matching,
            deliveries=self._deliveries,
            refused=self._refused,
            commits=commits,
            last_commit=now if commits != before.commits else before.last_commit,
            detected_sequence=self._matcher.detected,
            problems=self.problems.counts(),
        )
