"""Our own requests in the audit log: which are ours, which source brought them back, and which did not.

Sources show what they hand over, the engine asks of every audit record whether it is ours, and the prover
(``runtime/proving.py``) sends and looks at the clock; all go through one lock. A record that is ours meets no rule:
only our own authenticated account with an outstanding nonce is exempt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.canary import Canary, Probe, Stretch, gap_of
from auditwatch.events.needles import Needle

CANARY_NAME: Final = "k10-auditwatch-canary"
"""The one name that is asked for; manifests/rbac-audit.yaml allows to read no other."""
CANARY_NEEDLE: Final = Needle((f'"name":"{CANARY_NAME}"',))

IsOurs = Callable[[AuditRecord], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """One audit source. ``deadline``: seconds within which a request has to be back."""

    source: str
    deadline: float
    survives_downtime: bool
    """Whether what is written while we are down can still be read (a file), or is given up by its sender (webhook)."""


@dataclass(slots=True)
class _Book:
    proven: Proven
    canary: Canary
    instances: dict[str, float] = field(default_factory=dict)
    """By instance, when it last brought one of our requests back."""
    restarted_from: float | None = None
    """Last proof of life before this start, until the first one after it."""


class AuditCanaries:
    """One :class:`Canary` per audit source; every request is expected through each of them."""

    def __init__(self, sources: Iterable[Proven], *, cluster: str) -> None:
        self._books = {each.source: _Book(each, Canary(account="")) for each in sources}
        self._cluster = cluster
        self._others: tuple[IsOurs, ...] = ()
        self._gaps: list[Gap] = []
        self._lock = threading.Lock()

    @property
    def sources(self) -> Sequence[Proven]:
        """Those that are proven."""
        return [book.proven for book in self._books.values()]

    def also(self, others: Iterable[IsOurs]) -> None:
        """Requests that other sources send on their own and that come back through these as well."""
        self._others = tuple(others)

    def recall(self, account: str, proofs: Mapping[str, float], probes: Iterable[Probe] = ()) -> None:
        """Our own username; by source the last proof of life of an earlier start, and what that one had sent."""
        sent = tuple(probes)
        with self._lock:
            for source, book in self._books.items():
                book.canary.account = account
                book.canary.know(sent)
                proof = proofs.get(source)
                if book.canary.last_proof is None and proof is not None:
                    book.canary.last_proof = proof
                    book.restarted_from = None if book.proven.survives_downtime else proof

    def sent(self, probes: Mapping[str, Probe]) -> None:
        """By source, a request that is about to be sent."""
        with self._lock:
            for source, probe in probes.items():
                self._books[source].canary.sent(probe)

    def known(self) -> list[Probe]:
        """Every request that is still known as ours, once."""
        with self._lock:
            return list({probe.nonce: probe for book in self._books.values() for probe in book.canary.known()}.values())

    def withdrawn(self, probes: Mapping[str, Probe]) -> None:
        """A request that did not reach the API server."""
        with self._lock:
            for source, probe in probes.items():
                self._books[source].canary.withdrawn(probe)

    def proves(self, record: AuditRecord) -> bool:
        """Whether one of our own requests comes back with this record of a source, which is then proven alive."""
        with self._lock:
            book = self._books.get(record.source)
            returned = book.canary.returned(record.event) if book is not None else None
            if book is None or returned is None:
                return False
            self._note(book, record, returned.missed)
            return True

    def is_own(self, record: AuditRecord) -> bool:
        """Whether a record is one of our own requests, whatever source tells of it."""
        with self._lock:
            return any(each.canary.is_canary(record) for each in self._books.values()) or any(
                is_ours(record) for is_ours in self._others
            )

    def overdue(self, now: float) -> list[Gap]:
        """Stretches nobody vouches for, each told once. ``now``: seconds since the epoch."""
        with self._lock:
            for book in self._books.values():
                for stretch in book.canary.overdue(now).missed:
                    self._gaps.append(self._gap(book, stretch, "Silent", _silence(book.proven.source)))
            gaps, self._gaps = self._gaps, []
            return gaps

    def proofs(self) -> dict[str, float]:
        """By source, until when silence means that nothing happened."""
        return {
            name: book.canary.last_proof for name, book in self._books.items() if book.canary.last_proof is not None
        }

    def proofs_of(self, source: str) -> Mapping[str, float]:
        """By instance of a source, when it last brought a request of ours back."""
        book = self._books.get(source)
        return dict(book.instances) if book else {}

    def is_silent(self, source: str) -> bool:
        """Whether the last request that had to be back by now is not."""
        book = self._books.get(source)
        return book is not None and book.canary.is_silent

    def _note(self, book: _Book, record: AuditRecord, missed: Stretch | None) -> None:
        proof = book.canary.last_proof or record.received
        book.instances[record.instance] = proof
        if missed is not None:
            self._gaps.append(self._gap(book, missed, "Silent", "our own requests came back again"))
        before, book.restarted_from = book.restarted_from, None
        if before is not None and proof - before > book.proven.deadline:
            why = "what was sent while the operator was down may have been given up by its sender"
            self._gaps.append(self._gap(book, Stretch(before, proof), "Downtime", why))

    def _gap(self, book: _Book, stretch: Stretch, reason: str, message: str) -> Gap:
        source = book.proven.source
        return gap_of(stretch, cluster=self._cluster, source=source, subject=source, reason=reason, message=message)


def _silence(source: str) -> str:
    return (
        f"our own requests did not come back through {source}: it is cut off, its policy drops them, or its writer "
        "stopped; others are missing as well"
    )
