"""What a stream does next, and what it says of itself: the whole policy of listing, watching, polling and waiting.

Pure: what happened goes in, the next :class:`Course` comes out; ``jitter`` (0 to 1) is a parameter.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final, Literal

from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ClusterError,
    ForbiddenError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    UnavailableError,
)
from auditwatch.sources.state.marks import Mark

State = Literal["Listing", "Watching", "Polling", "Forbidden", "NotServed", "Unavailable"]
_UNKNOWN_FUTURE: Final = "Too large resource version"
"""What a server says that is behind the version it is asked for, as after a restore of etcd from a backup."""
_FUTURE_PATIENCE: Final = 5
"""So often in a row that is taken for a replica that lags."""


class Step(enum.Enum):
    """What is done next."""

    LIST = "List"
    WATCH = "Watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Seconds."""

    poll: float = 60.0
    """Between two lists of a kind that cannot be watched."""
    silence: float = 120.0
    """Between two such lists: longer is a gap."""
    forbidden: float = 60.0
    """Until a missing right is asked for again."""
    first_refusal: float = 5.0
    """The same for the first refusal: an API server that has just started refuses what is given, for moments."""
    not_served: float = 10.0
    """Until a kind that is not there is looked for again (its CRD may come late)."""
    first_retry: float = 1.0
    last_retry: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The next step, after ``delay`` seconds, and the state to show until then."""

    step: Step
    delay: float = 0.0
    state: State = "Listing"
    message: str = ""
    watchable: bool = True
    """False once the server refused to watch this kind."""
    failures: int = 0
    """In a row."""
    lost: str = ""
    """Why the history before the next finished list is lost."""


def begin(mark: Mark) -> Course:
    """After a start: go on where the mark says, else list."""
    return Course(step=Step.WATCH) if mark.version else Course(step=Step.LIST)


def listed(course: Course, intervals: Intervals) -> Course:
    """A list is complete."""
    if course.watchable:
        return Course(step=Step.WATCH)
    return Course(step=Step.LIST, delay=intervals.poll, state="Polling", watchable=False)


def absent(intervals: Intervals) -> Course:
    """The namespace is not there: that is all there is to see of it, until it comes."""
    return Course(step=Step.LIST, delay=intervals.poll, state="Polling")


def accepted(course: Course) -> Course:
    """The server has begun to answer a watch."""
    return replace(course, state="Watching", message="")


def resumable_version(version: str) -> str:
    """``version`` where a watch can be resumed from it; storage without versions says nothing or ``0``."""
    return "" if version == "0" else version


def watched(course: Course, intervals: Intervals, *, seconds: float, is_resumable: bool) -> Course:
    """A watch ended as watches do; one that ended at once is not repeated at once.

    Where the server gives no version to resume from, only a list can tell what was deleted in between.
    """
    delay = 0.0 if seconds >= intervals.first_retry else intervals.first_retry
    step = Step.WATCH if is_resumable else Step.LIST
    return Course(step=step, state="Watching", delay=delay, watchable=course.watchable)


def failed(
    course: Course, error: ClusterError, intervals: Intervals, *, jitter: float, is_resumable: bool = True
) -> Course:
    """A request was refused, or its answer broke off; ``is_resumable`` as in :func:`watched`."""
    step = course.step if is_resumable else Step.LIST
    failing = replace(course, step=step, failures=course.failures + 1, message=str(error))
    if course.step is Step.WATCH and (lost := _lost(error, failing.failures)):
        return replace(failing, step=Step.LIST, state="Listing", delay=0.0, failures=0, lost=lost)
    match error:
        case MethodNotAllowedError() if course.step is Step.WATCH:
            return Course(step=Step.LIST, state="Polling", watchable=False, lost=course.lost)
        case ForbiddenError():
            pause = intervals.forbidden if course.state == "Forbidden" else intervals.first_refusal
            return replace(failing, state="Forbidden", delay=_spread(pause, jitter))
        case NotFoundError():
            return replace(failing, state="NotServed", delay=_spread(intervals.not_served, jitter))
    return replace(failing, state="Unavailable", delay=_pause(error, failing.failures, intervals, jitter))


def _lost(error: ClusterError, failures: int) -> str:
    """Why a watch can never be resumed from where it was; empty where it can."""
    match error:
        case GoneError():
            return f"the server has forgotten what came before ({error.status} {error.reason})"
        case BadRequestError():
            return f"the server does not know the version to resume from ({error.message})"
        case UnavailableError() if _UNKNOWN_FUTURE in error.message and failures >= _FUTURE_PATIENCE:
            return "the server is behind what was seen before; its storage may have been put back"
    return ""


def _pause(error: ClusterError, failures: int, intervals: Intervals, jitter: float) -> float:
    """What the server asked for, else doubling from the first to the last retry; then up to a quarter more or less."""
    if isinstance(error, ApiError) and error.retry_after is not None:
        return error.retry_after + jitter * intervals.first_retry
    exponent = min(failures - 1, 16)
    return _spread(min(intervals.first_retry * 2**exponent, intervals.last_retry), jitter)


def _spread(seconds: float, jitter: float) -> float:
    return seconds * (0.75 + 0.5 * jitter)
