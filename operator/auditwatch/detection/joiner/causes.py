"""Which request made a change: none, one, or one of several, and then nobody claims to know which.

A single write explains a single change. So a request whose change was found is no cause of the next one, which may be
another's that was never logged; only a deletion of many explains many.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.fitting import Fit
from auditwatch.detection.joiner.steps import Step
from auditwatch.events.activity import Attribution

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cause(Generic[T]):
    """A request that fits. ``request`` is whatever the asker calls it."""

    request: T
    asked: Asked
    key: str
    fit: Fit
    uids: Collection[str] = ()
    """Of the objects whose changes it explains already."""
    is_taken: bool = False
    """Whether it explains a change already."""
    is_sure: bool = False
    """Whether it does so by its version."""

    @property
    def order(self) -> tuple[float, str]:
        """By time."""
        return self.asked.start, self.key

    def distance(self, step: Step) -> tuple[bool, float, float, str]:
        """Those that are known to have succeeded first; then the nearest in time, where the change was watched."""
        apart = abs(self.asked.end - step.seen) if step.is_single else 0.0
        return self.asked.outcome == "Unknown", apart, *self.order

    def is_free(self, step: Step) -> bool:
        """Whether it may explain this change as well."""
        if self.asked.verb == "deletecollection" or not self.is_taken:
            return True
        return self.asked.verb == "delete" and step.uid in self.uids


@dataclass(frozen=True, slots=True)
class Explanation(Generic[T]):
    """The request a change goes with, and how surely it made it."""

    cause: Cause[T]
    surely: Attribution
    among: tuple[Cause[T], ...] = ()
    """All that may have made it, where that is not told apart."""
    is_last: bool = False
    """Whether no other request is left that could have made it."""


def explain(step: Step, causes: Sequence[Cause[T]]) -> Explanation[T] | None:
    """Which of the requests that fit made the change; ``None``: none of them."""
    certain = [cause for cause in causes if cause.fit is Fit.CERTAIN]
    if certain:
        # A later request that changed nothing is answered with the same version.
        return Explanation(min(certain, key=lambda cause: cause.order), "Audited")
    possible = [cause for cause in causes if cause.fit is Fit.POSSIBLE and not cause.is_sure]
    free = [cause for cause in possible if cause.is_free(step)]
    if not free:
        return None
    carrier = min(free, key=lambda cause: cause.distance(step))
    is_last = len(free) == 1 and carrier.asked.verb != "deletecollection"
    if len(possible) == 1:
        return Explanation(carrier, "Correlated", is_last=is_last)
    among = tuple(sorted(possible, key=lambda cause: cause.order))
    return Explanation(carrier, "Ambiguous", among, is_last=is_last)
