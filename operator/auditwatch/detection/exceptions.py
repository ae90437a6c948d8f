"""Written exceptions: they hold for what is proven, for as long as they were written for, and never for a guess.

An exception that rests on who acted is worth as much as the proof of who acted. So it holds only where attribution
is at least Correlated and it is known that nobody impersonated, unless it says otherwise itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.api.exceptions import RuleException
from auditwatch.detection.condition import Condition
from auditwatch.detection.fieldtests import Names
from auditwatch.detection.report import Report
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING
from auditwatch.detection.where import compile_where
from auditwatch.events.activity import ATTRIBUTIONS, Activity

_PROVEN: Final = ATTRIBUTIONS.index("Correlated")
_HINTED: Final = ATTRIBUTIONS.index("FieldManager")


@dataclass(frozen=True, slots=True)
class CompiledException:
    """One exception of a rule. ``expires`` is seconds since the epoch, ``up_to`` (matches, seconds)."""

    name: str
    where: Condition
    expires: float | None = None
    up_to: tuple[int, float] | None = None
    via: frozenset[str] | None = None
    trusts_managers: bool = False

    def covers(self, scope: Scope) -> bool:
        """Whether the activity is excepted, ``upTo`` left aside. Unknown is no.

        Expiry is judged by event time: a backlog gives the same answer as life.
        """
        activity = scope.activity
        if self.expires is not None and activity.time >= self.expires:
            return False
        return self._trusts(activity) and self.where.holds(scope, MISSING) is True

    def _trusts(self, activity: Activity) -> bool:
        least = _HINTED if self.trusts_managers else _PROVEN
        if ATTRIBUTIONS.index(activity.attribution) < least:
            return False
        via = activity.actor.via
        if self.via is not None:
            return via in self.via
        return via != "Impersonation" and (via != "" or self.trusts_managers)


def compile_exceptions(
    written: Sequence[RuleException], names: Names, report: Report, *, now: float
) -> tuple[CompiledException, ...]:
    """Every exception; one that has expired by ``now`` is a warning, two of one name are an error."""
    seen: set[str] = set()
    compiled = []
    for index, exception in enumerate(written):
        place = report.at(index)
        if exception.name in seen:
            place.at("name").error(f"exception {exception.name!r} is there twice: names are unique in a rule")
        seen.add(exception.name)
        compiled.append(_compile(exception, names, place, now=now))
    return tuple(compiled)


def _compile(exception: RuleException, names: Names, report: Report, *, now: float) -> CompiledException:
    expires = None if exception.expiration_time is None else exception.expiration_time.timestamp()
    if expires is not None and expires <= now:
        report.at("expirationTime").warning("has passed: the exception no longer holds; remove it or renew it")
    limit = exception.up_to
    return CompiledException(
        name=exception.name,
        where=compile_where(exception.where, names, report.at("where")),
        expires=expires,
        up_to=None if limit is None else (limit.count, float(limit.per_seconds)),
        via=None if exception.via is None else frozenset(exception.via),
        trusts_managers=exception.trust_field_managers,
    )
