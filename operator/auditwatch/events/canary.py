"""Proof of life: harmless requests of our own that must come back through a source, and what their absence means.

Every source that others could silence sends such requests, each with a nonce, and keeps one :class:`Canary`: what is
outstanding, until when the source has proven to be alive, and which stretch nobody vouches for. What is asked, when and
how is the source's own affair. Pure: nonces and times (seconds since the epoch) are parameters. What is later than what
is told by the order in which requests were sent, for a clock may be set back between two of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditEvent, AuditRecord

SHORTEST_NONCE: Final = 16
"""Characters; a nonce that occurs by chance would prove nothing."""
MEMORY_SECONDS: Final = 600.0
"""How long past its deadline a request is still known as ours: another source may tell of it later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One request. Its nonce stands in the request's URI: in the name or in a parameter."""

    nonce: str
    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    sent: float
    deadline: float
    """When it counts as lost."""

    def __post_init__(self) -> None:
        if len(self.nonce) < SHORTEST_NONCE:
            raise ValueError(f"a nonce of {len(self.nonce)} characters; give at least {SHORTEST_NONCE} random ones")

    def is_told_by(self, event: AuditEvent, *, account: str) -> bool:
        """Whether an event is about this request: the nonce, and everything else about it, asked by ``account``."""
        asked = event.object_ref
        return (
            asked is not None
            and self.nonce in event.request_uri
            and event.verb == self.verb
            and event.user.username == account
            and event.impersonated_user is None
            and (asked.api_group, asked.resource, asked.subresource) == (self.group, self.resource, "")
            and (asked.namespace, asked.name) == (self.namespace, self.name)
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """From the last proof of life to the next, or to now; both in seconds since the epoch."""

    start: float
    end: float

    @classmethod
    def between(cls, one: float, other: float) -> Stretch:
        """Also where the clock was set back meanwhile."""
        return cls(min(one, other), max(one, other))


@dataclass(frozen=True, slots=True)
class Returned:
    """A request came back. ``missed``: what nobody had vouched for before it, and is not reported yet."""

    probe: Probe
    missed: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """Requests that did not come back in time."""

    probes: tuple[Probe, ...] = ()
    missed: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request under way. ``before``: the last proof of life as it was sent."""

    probe: Probe
    order: int
    before: float | None


@dataclass(frozen=True, slots=True)
class _Silence:
    """A silence that was reported, up to a time and to the requests sent by then."""

    until: float
    order: int


@dataclass(slots=True, kw_only=True)
class Canary:
    """The requests through one source.

    One thread (or loop) calls what changes it; :meth:`owns` and the fields may be read from any thread.
    """

    account: str
    """Our own username at the API server. Empty: not known yet, and nothing is ours."""
    last_proof: float | None = None
    """Everything before this has come through; ``None``: never proven."""
    lost: int = 0
    """Requests in a row that did not come back."""
    _outstanding: dict[str, _Sent] = field(default_factory=dict, init=False)
    _remembered: dict[str, Probe] = field(default_factory=dict, init=False)
    _reported: _Silence | None = field(default=None, init=False)
    _count: int = field(default=0, init=False)
    _proven_order: int = field(default=0, init=False)

    @property
    def is_silent(self) -> bool:
        """Whether the last request that had to be back by now is not."""
        return self.lost > 0

    def nonces(self) -> tuple[str, ...]:
        """Of what is outstanding."""
        return tuple(self._outstanding)

    def outstanding(self) -> tuple[Probe, ...]:
        """What is outstanding, the oldest first."""
        return tuple(sent.probe for sent in self._outstanding.values())

    def sent(self, probe: Probe) -> None:
        """A request is on its way: call it before the request is sent, for its echo may be faster than its answer."""
        self._count += 1
        self._outstanding[probe.nonce] = _Sent(probe, self._count, self.last_proof)
        self._remembered[probe.nonce] = probe

    def known(self) -> tuple[Probe, ...]:
        """Every request that is still known as ours: what a restart has to be given."""
        return tuple(self._remembered.values())

    def know(self, probes: Iterable[Probe]) -> None:
        """Requests sent before a restart are ours; whether they come back proves nothing any more."""
        self._remembered |= {probe.nonce: probe for probe in probes}

    def withdrawn(self, probe: Probe) -> None:
        """A request did not reach the server: it need not come back, but it may."""
        self._outstanding.pop(probe.nonce, None)

    def returned(self, event: AuditEvent) -> Returned | None:
        """An event that tells of an outstanding request is a proof of life; for any other event ``None``."""
        for probe in self.outstanding():
            if probe.is_told_by(event, account=self.account):
                return self._proven(probe)
        return None

    def overdue(self, now: float) -> Overdue:
        """What is lost by now, each once; and what has not been vouched for since, each stretch once."""
        late = [sent for sent in self._outstanding.values() if sent.probe.deadline <= now]
        missed = []
        for sent in late:
            del self._outstanding[sent.probe.nonce]
            missed += self._missed(sent, now)
        self._forget(now)
        return Overdue(tuple(sent.probe for sent in late), tuple(missed))

    def owns(self, event: AuditEvent) -> bool:
        """Whether an event is one of these requests, back from whatever source: only such events are exempt."""
        probes = tuple(self._remembered.values())
        return any(probe.is_told_by(event, account=self.account) for probe in probes)

    def is_canary(self, record: AuditRecord) -> bool:
        """:meth:`owns`, of a record."""
        return self.owns(record.event)

    def _proven(self, probe: Probe) -> Returned:
        order = self._outstanding.pop(probe.nonce).order
        silence, self._reported = self._reported, None
        self.lost = 0
        if order > self._proven_order:
            self._proven_order, self.last_proof = order, probe.sent
        if silence is None or order <= silence.order or probe.sent == silence.until:
            return Returned(probe)
        return Returned(probe, Stretch.between(silence.until, probe.sent))

    def _missed(self, sent: _Sent, now: float) -> list[Stretch]:
        if self.last_proof is not None and (sent.order < self._proven_order or sent.probe.sent == self.last_proof):
            # Later ones came back: the source lives and loses.
            return [Stretch.between(sent.before, self.last_proof)] if sent.before is not None else []
        self.lost += 1
        if self._reported is not None:
            return []  # the rest is told when it ends
        self._reported = _Silence(now, self._count)
        return [] if self.last_proof is None else [Stretch(min(self.last_proof, sent.probe.sent), now)]

    def _forget(self, now: float) -> None:
        for probe in tuple(self._remembered.values()):
            if probe.deadline + MEMORY_SECONDS <= now:
                del self._remembered[probe.nonce]


def gap_of(stretch: Stretch, *, cluster: str, source: str, subject: str, reason: str, message: str) -> Gap:
    """The gap that reports a stretch; ``subject``, ``reason`` and ``message`` as in :class:`Gap`."""
    return Gap(
        cluster=cluster,
        source=source,
        subject=subject,
        reason=reason,
        message=message,
        start=stretch.start,
        end=stretch.end,
    )
