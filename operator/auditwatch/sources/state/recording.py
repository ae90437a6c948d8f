"""Observations against what the journal last knew: where they differ, a change is received.

Runs in the engine thread inside its transaction; the last version moves in the same one, so after a crash the same
comparison is made again or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from auditwatch.events.activity import Gap, Manner, StateChange
from auditwatch.events.keys import gap_key, state_change_key
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from auditwatch.sources.state.observation import KEPT, Kept, Observation
from auditwatch.sources.state.streams import Stream

SOURCE = "state"
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True, kw_only=True)
class Recorder:
    """Records what one stream saw at one moment (``observed``, seconds since the epoch)."""

    journal: Journal
    stream: Stream
    manner: Manner
    observed: float
    last_observed: float
    """The stream's proof of life before this one; 0: there was none."""
    listing: int
    """Number under which rows are written: of the listing that runs, or of the last one under a watch."""
    added: int = field(default=0, init=False)
    """By how many objects this moment changed the number of objects known."""

    def saw(self, seen: Observation, *, is_news: bool) -> None:
        """An object exists. ``is_news``: an object never seen before was created, not merely met for the first time."""
        row = self.journal.version(self.stream.key, seen.uid)
        if row is None:
            self.added += 1
            if is_news:
                self._received("create", None, seen)
        elif row.payload == seen.payload:
            self._met_again(row, seen)
            return
        else:
            self._received("update", row, seen)
        self.journal.put_version(
            self.stream.key,
            VersionRow(
                uid=seen.uid,
                version=seen.revision,
                payload=seen.payload,
                seen=self.observed,
                listing=self.listing,
                changed=seen.changed,
            ),
        )

    def missed(self, row: VersionRow, last: Observation | None = None) -> None:
        """An object that was known is gone; ``last`` is what a watch said of it on its way out."""
        self._received("delete", row, last)
        self.journal.drop_version(self.stream.key, row.uid)
        self.added -= 1

    def deleted(self, last: Observation) -> None:
        """A watch reports a deletion; of an object we never knew there is nothing to say."""
        row = self.journal.version(self.stream.key, last.uid)
        if row is not None:
            self.missed(row, last)

    def gap(self, *, reason: str, message: str, end: float) -> None:
        """Nobody saw what happened from the last proof of life to ``end``."""
        gap = Gap(
            cluster=self.stream.cluster,
            source=SOURCE,
            subject=self.stream.kind.key,
            reason=reason,
            message=message,
            start=self.last_observed,
            end=end,
        )
        self.journal.receive(key=gap_key(gap), source=SOURCE, payload=_ENCODER.encode(gap))

    def _met_again(self, row: VersionRow, seen: Observation) -> None:
        """Nothing of it differs; it may have been written all the same."""
        is_listed = row.listing != self.listing
        if is_listed or row.changed != seen.changed:
            self.journal.touch_version(
                self.stream.key,
                seen.uid,
                seen=self.observed if is_listed else row.seen,
                listing=self.listing,
                changed=seen.changed,
            )

    def _received(
        self, verb: Literal["create", "update", "delete"], row: VersionRow | None, seen: Observation | None
    ) -> None:
        old = KEPT.decode(row.payload) if row else None
        new = KEPT.decode(seen.payload) if seen and verb != "delete" else None
        change = self._change(verb, row, seen, old, new)
        self.journal.receive(key=state_change_key(change), source=SOURCE, payload=_ENCODER.encode(change))

    def _change(
        self,
        verb: Literal["create", "update", "delete"],
        row: VersionRow | None,
        seen: Observation | None,
        old: Kept | None,
        new: Kept | None,
    ) -> StateChange:
        who = new or old
        assert who is not None
        kind = self.stream.kind
        signature = seen if seen and (row is None or _is_signed(row, seen)) else None
        return StateChange(
            cluster=self.stream.cluster,
            group=kind.group,
            version=kind.version,
            resource=kind.resource,
            namespace=who.namespace,
            name=who.name,
            uid=row.uid if row else seen.uid if seen else "",
            verb=verb,
            old=old.body if old else None,
            new=new.body if new else None,
            old_version=row.version if row else "",
            new_version=seen.revision if seen and new else "",
            manner=self.manner,
            not_before=self._not_before(row),
            observed=self.observed,
            changed=signature.changed if signature and new else None,
            manager=signature.manager if signature else "",
        )

    def _not_before(self, row: VersionRow | None) -> float | None:
        """When the object was last known without the change.

        A page of a listing that broke off proves its objects for its own time. Events of a watch come in their order
        but may come late, so there only the stream's last proof of life counts.
        """
        proven = row.seen if row and self.manner == "List" else 0.0
        return max(proven, self.last_observed) or None


def _is_signed(row: VersionRow, seen: Observation) -> bool:
    """Whether the newest of the server's times is of a write since the version that was known.

    A write that only takes fields away leaves none of its own, and may take the newest along. Times are cut to whole
    seconds: of two writes in one second the later cannot be told to have left one.
    """
    return row.changed is None or (seen.changed is not None and seen.changed > row.changed)
