"""What is to be written to the API server and what is there already: the publisher's decisions, without its waiting.

A finding is wanted when its incident has gone on since it was written, or when people's triage asks for another
status. Everything here is a table by key (``namespace/name``) and a :class:`Schedule` over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from auditwatch.findings import rendering
from auditwatch.findings.lifecycle import Lifecycle, Watermark
from auditwatch.findings.published import Head, Known, Published, digest_of, first_sight, head, reviewed, seen_again
from auditwatch.findings.reading import Reader
from auditwatch.findings.refusals import Refusals
from auditwatch.findings.schedule import Schedule
from auditwatch.findings.state import FindingState, decode

_NOWHERE: Final = Watermark("", 0)


class Board:
    """``now`` is our clock (seconds since the epoch), ``moment`` a steady one: the schedule's."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.refusals = Refusals()
        self._rows: dict[str, bytes] = {}
        self._heads: dict[str, Head] = {}
        self._known: dict[str, Known] = {}
        self._published: dict[str, Published] = {}
        self._unsaved: set[str] = set()
        self._rewritten: set[str] = set()

    def restore(self, published: Mapping[str, Published]) -> None:
        """What the journal says was written."""
        self._published = dict(published)

    def take_rows(self, rows: Mapping[str, bytes | None], *, now: float, moment: float) -> None:
        """The ledger's changes: encoded states, ``None`` for those it let go of."""
        for key, row in rows.items():
            if row is None:
                self._forget(key)
            else:
                self._rows[key], self._heads[key] = row, head(row)
                self._want_if_due(key, now=now, moment=moment)

    def add_older(self, rows: Mapping[str, bytes | None], *, now: float, moment: float) -> None:
        """The same, read from the journal: what was told meanwhile is newer and stays."""
        self.take_rows({key: rows[key] for key in rows.keys() - self._rows.keys()}, now=now, moment=moment)

    def state(self, key: str) -> FindingState | None:
        """The whole incident; ``None`` where the ledger has let go of it."""
        row = self._rows.get(key)
        return decode(row) if row is not None else None

    def known(self, key: str) -> Known | None:
        """The object as it was last answered to us."""
        return self._known.get(key)

    def observe(self, key: str, finding: Mapping[str, Any]) -> Known:
        """The API server answered with this object."""
        known = self._known.get(key)
        through = self._published.get(key, Published()).through
        seen = seen_again(known, finding) if known is not None else first_sight(finding, through=through)
        self._known[key] = seen
        return seen

    def lifecycle(self, state: FindingState, known: Known, *, now: float) -> Lifecycle:
        """The lifecycle to write with this state."""
        return reviewed(known, novel=Watermark(state.journal_id, state.novel), now=now)

    def wrote(self, key: str, lifecycle: Lifecycle, finding: Mapping[str, Any]) -> Known:
        """A status with this lifecycle was written, and this was the answer."""
        known = self._known.get(key) or first_sight(finding, through=None)
        self._known[key] = replace(known, lifecycle=lifecycle)
        written = replace(self.observe(key, finding), written=digest_of(finding), doubted="")
        self._known[key] = written
        return written

    def is_rewritten(self, key: str) -> bool:
        """Whether somebody else wrote what is ours to say."""
        return key in self._rewritten

    def vanished(self, key: str) -> None:
        """Somebody deleted the object."""
        self._known.pop(key, None)
        self._rewritten.discard(key)

    def settle(self, key: str, revision: int, *, now: float, moment: float) -> None:
        """The object shows this revision; whether it is wanted again is looked at anew."""
        self.schedule.succeeded(key, moment)
        self._rewritten.discard(key)
        self.refusals.drop(key)
        known = self._known.get(key)
        through = known.lifecycle.through if known is not None else None
        published = Published(revision=revision, through=through.sequence if through is not None else None)
        if key in self._rows and self._published.get(key) != published:
            self._published[key] = published
            self._unsaved.add(key)
        self._want_if_due(key, now=now, moment=moment)

    def refused(self, key: str, why: str, *, moment: float) -> None:
        """The API server would not take it as it is: it is tried again, after the others."""
        of = self._heads.get(key)
        if of is not None:
            self.refusals.note(key, of.watch, why, moment=moment)
        self.schedule.failed(key, moment, creates=key not in self._known)

    def backlog(self) -> int:
        """Findings not yet written as they are, without those that are refused."""
        return self.schedule.backlog(without=self.refusals.keys())

    def waiting_since(self) -> float | None:
        """Since when the one of them waits that waits longest; ``None`` where none waits."""
        return self.schedule.waiting_since(without=self.refusals.keys())

    def look(self, finding: Mapping[str, Any], *, now: float, moment: float) -> Lifecycle | None:
        """A finding from a list: what people made of it.

        Where the incident is still ours, it becomes wanted if need be. Where the ledger has let go of it, the
        answer is the lifecycle to write into it, if another one than it shows.
        """
        key = key_of(finding)
        if key in self._rows:
            if not self.schedule.is_in_flight(key) and self._is_as_written(key, finding):
                self.observe(key, finding)
            self._want_if_due(key, now=now, moment=moment)
            return None
        known = first_sight(finding, through=None)
        lifecycle = reviewed(known, novel=_NOWHERE, now=now)
        return lifecycle if _differs(lifecycle, known.lifecycle) else None

    def take_unsaved(self) -> dict[str, Published | None]:
        """What the journal does not know yet; ``None`` for what it may forget."""
        changed = {key: self._published.get(key) for key in self._unsaved}
        self._unsaved.clear()
        return changed

    def keep_unsaved(self, keys: Mapping[str, Any]) -> None:
        """The journal did not take it."""
        self._unsaved.update(keys)

    def revisions(self) -> dict[str, int]:
        """Up to which revision each finding is at the API server."""
        return {key: published.revision for key, published in self._published.items()}

    def _is_as_written(self, key: str, finding: Mapping[str, Any]) -> bool:
        """Whether the object shows what we wrote last, as far as that is known.

        A list may be older than a write that came in between: only what is there twice is somebody else's.
        """
        known = self._known.get(key)
        if known is None or not known.written:
            return True
        shown = digest_of(finding)
        if shown == known.doubted:
            self._rewritten.add(key)
        self._known[key] = replace(known, doubted="" if shown == known.written else shown)
        return shown == known.written

    def _forget(self, key: str) -> None:
        for table in (self._rows, self._heads, self._known, self._published):
            table.pop(key, None)
        self.schedule.drop(key)
        self.refusals.drop(key)
        self._rewritten.discard(key)
        self._unsaved.add(key)

    def _want_if_due(self, key: str, *, now: float, moment: float) -> None:
        of = self._heads.get(key)
        if (
            of is not None
            and self._is_wanted(key, of)
            and (self._is_behind(key, of) or key in self._rewritten or self._is_overtaken(key, of, now))
        ):
            self.schedule.want(key, severity=of.severity, creates=key not in self._known, now=moment)
        elif of is not None and not self._is_wanted(key, of) and not self.schedule.is_in_flight(key):
            self.schedule.drop(key)
            self.refusals.drop(key)

    def _is_wanted(self, key: str, of: Head) -> bool:
        """Whether it is to have an object: one that another tells of before it was ever written gets none."""
        is_written = key in self._known or key in self._published
        return of.shown and (is_written or not of.is_superseded)

    def _is_behind(self, key: str, of: Head) -> bool:
        return of.revision > self._published.get(key, Published()).revision

    def _is_overtaken(self, key: str, of: Head, now: float) -> bool:
        """Whether triage asks for another status than was written."""
        known = self._known.get(key)
        if known is None:
            return False
        return _differs(reviewed(known, novel=Watermark(of.journal_id, of.novel), now=now), known.lifecycle)


def key_of(finding: Mapping[str, Any]) -> str:
    """``namespace/name`` of an object."""
    meta = Reader(finding).child("metadata")
    return f"{meta.text('namespace')}/{meta.text('name')}"


def _differs(one: Lifecycle, other: Lifecycle) -> bool:
    return rendering.lifecycle_body(one) != rendering.lifecycle_body(other)
