"""What is known of one K10's stream, shared by the readers of all its pods: the envelope, and the requests of our own.

The first line that tells of a request of ours settles it. It is the true one: K10 writes it before it answers, and the
nonce in it was known to nobody else until then. Pure: one loop calls what changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from auditwatch.events.audit import AuditEvent
from auditwatch.events.canary import Canary, Returned
from auditwatch.events.decode import NotAnAuditEventError, decode
from auditwatch.sources.k10stream.envelope import Envelope, lesson, merged
from auditwatch.sources.k10stream.marks import Standing

_CHANGES_KEPT: Final = 16


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """``standing`` is what the journal keeps of it."""

    standing: Standing
    canary: Canary
    _first: Envelope | None = field(default=None, init=False)
    """A lesson that nothing confirmed yet."""

    @property
    def envelope(self) -> Envelope | None:
        """What lines are believed in; ``None``: none yet."""
        return self.standing.envelope

    @property
    def revision(self) -> int:
        """Rises when the envelope changes."""
        return self.standing.revision

    def rewind(self, revision: int) -> float | None:
        """Since when lines read as of ``revision`` have to be read anew; ``None``: they need not."""
        newer = self.revision - revision
        return min(self.standing.changes[-newer:], default=None) if newer > 0 else None

    def is_expected(self, text: bytes) -> bool:
        """Whether a line may tell of a request of ours that is outstanding."""
        return any(nonce.encode() in text for nonce in self.canary.nonces())

    def returned(self, event: AuditEvent) -> Returned | None:
        """An event in the envelope: where it is a request of ours, the stream is proven up to it."""
        found = self.canary.returned(event)
        if found is not None:
            self.standing = msgspec.structs.replace(self.standing, proof=self.canary.last_proof)
        return found

    def learn(self, text: bytes, *, pods: Sequence[str]) -> Returned | None:
        """A line outside the envelope that may tell of a request of ours teaches where events stand.

        ``pods``: names that differ from line to line.
        """
        taught = lesson(text, self._is_ours, varying=pods)
        event = taught.event_of(text) if taught is not None else None
        if taught is None or event is None:
            return None
        found = self.canary.returned(decode(event).event)
        self._learn(taught)
        return found

    def _learn(self, taught: Envelope) -> None:
        known = (self.envelope, self._first)
        agreed = next((both for one in known if one is not None and (both := merged(one, taught)) is not None), None)
        if agreed is None:
            self._first = taught
            return
        self._first = None
        since = self.standing.proof if self.standing.proof is not None else self.standing.began
        self.standing = msgspec.structs.replace(
            self.standing,
            envelope=agreed,
            revision=self.revision + 1,
            changes=(*self.standing.changes, since)[-_CHANGES_KEPT:],
        )

    def _is_ours(self, document: bytes) -> bool:
        try:
            decoded = decode(document)
        except NotAnAuditEventError:
            return False
        account = self.canary.account
        return not decoded.degraded and any(
            probe.is_told_by(decoded.event, account=account) for probe in self.canary.outstanding()
        )
