"""What is held: requests that wait for their end, their bodies or their change, and changes that wait for a cause."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from auditwatch.detection.joiner.asking import Asked, asked_of
from auditwatch.detection.joiner.merging import with_relay
from auditwatch.detection.joiner.steps import Step
from auditwatch.events.activity import Activity, Actor, Attribution
from auditwatch.events.audit import AuditRecord


@dataclass(slots=True, eq=False)
class PendingStep:
    """A change. Times are seconds since the epoch, by our clock."""

    inbox: list[int]
    arrived: float
    due: float
    step: Step
    row: Activity
    """What it is where nobody explains it."""
    is_certain: bool = False
    """Whether there is a request that has its version."""

    @property
    def order(self) -> tuple[float, str]:
        """By event time."""
        return self.row.time, self.row.key


@dataclass(frozen=True, slots=True)
class Joined:
    """A change found to be a request's work."""

    change: PendingStep
    surely: Attribution
    suspects: tuple[Actor, ...] = ()


@dataclass(frozen=True, slots=True)
class Telling:
    """One audit event of a request, and what it says."""

    record: AuditRecord
    row: Activity

    def is_better_than(self, other: Telling) -> bool:
        """Whether more of it could be read; else the earlier stage, and one of two equal ones, always the same."""
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[int, float, str, str]:
        return len(self.record.degraded), self.row.time, self.record.source, self.record.instance


@dataclass(slots=True, eq=False)
class PendingRequest:
    """A request, in as many tellings as have come. Times are seconds since the epoch, by our clock."""

    inbox: list[int]
    arrived: float
    key: str
    keys: list[str]
    """Of all its tellings."""
    begun: Telling | None = None
    """That it was received."""
    audited: Telling | None = None
    """How it went, by the API server."""
    relay: Telling | None = None
    """How it went, by the server behind it."""
    due: float = 0.0
    """When it has waited for another telling or slower facts for long enough."""
    change_due: float = 0.0
    """When it has waited for its change for long enough."""
    is_held_for_facts: bool = False
    joined: list[Joined] = field(default_factory=list)
    asked: Asked = field(init=False)
    row: Activity = field(init=False)
    """What it is, by all tellings."""

    def __post_init__(self) -> None:
        self.refresh()

    @property
    def front(self) -> Telling | None:
        """The API server's best telling."""
        return self.audited or self.begun

    @property
    def is_decided(self) -> bool:
        """Whether anybody told how it went."""
        return self.audited is not None or self.relay is not None

    @property
    def is_paired(self) -> bool:
        """Whether both servers told of it."""
        return self.front is not None and self.relay is not None

    @property
    def order(self) -> tuple[float, str]:
        """By event time."""
        return self.row.time, self.key

    @property
    def uids(self) -> set[str]:
        """Of the objects whose changes it explains."""
        return {each.change.step.uid for each in self.joined}

    @property
    def is_sure(self) -> bool:
        """Whether its change has its version."""
        return any(each.surely == "Audited" for each in self.joined)

    def with_tellings(self, **tellings: Telling | None) -> PendingRequest:
        """The same with other tellings (``begun``, ``audited``, ``relay``), and so perhaps another request."""
        mine = {"inbox": list(self.inbox), "keys": list(self.keys), "joined": list(self.joined)}
        return replace(self, **mine, **tellings)  # type: ignore[arg-type]

    def refresh(self) -> None:
        """Say anew what it is, after a telling was added."""
        best = self.front or self.relay
        assert best is not None
        both = self.front is not None and self.relay is not None
        self.row = with_relay(best.row, self.relay.row) if both and self.relay is not None else best.row
        self.asked = asked_of(best.record, self.row)


def changes_of(held: PendingRequest | PendingStep) -> list[PendingStep]:
    """The changes that went into a request."""
    return [each.change for each in held.joined] if isinstance(held, PendingRequest) else []


def own_inbox(held: PendingRequest | PendingStep) -> tuple[int, ...]:
    """Its inbox rows without those of the changes that went into it."""
    joined = {sequence for change in changes_of(held) for sequence in change.inbox}
    return tuple(sequence for sequence in held.inbox if sequence not in joined)
