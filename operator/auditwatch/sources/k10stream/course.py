"""Which part of a log is read next, what is lost between two parts, and how long to wait after a failure.

Pure: what is known goes in, a decision comes out. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditwatch.cluster.errors import ApiError, BadRequestError, ClusterError, ForbiddenError, NotFoundError
from auditwatch.events.canary import Stretch
from auditwatch.sources.k10stream.marks import Position
from auditwatch.sources.k10stream.pods import ContainerRun
from auditwatch.sources.k10stream.report import GRANT, State

OVERLAP_SECONDS: Final = 2.0
"""Lines are asked for again from so long before the last one: its time is cut to seconds on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Seconds."""

    pods: float = 10.0
    """Between two looks at the pods."""
    silence: float = 180.0
    """A log without a line for so long is opened anew (a follower may be forgotten at a rotation)."""
    hole: float = 15.0
    """So long a missing overlap is taken for a container that just started again, of which the kubelet tells late."""
    farewell: float = 5.0
    """So long the rest of a log may take to arrive after its pod is gone; a follower may be forgotten then, too."""
    position: float = 5.0
    """A position without anything to record is written at most so often."""
    forbidden: float = 30.0
    """Until a missing right is asked for again."""
    first_retry: float = 1.0
    last_retry: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One request for a log."""

    restarts: int
    """The life of the container it is about."""
    previous: bool = False
    """A life that is over, read to its end; else the present one, followed."""
    since: float | None = None
    must_reach: float | None = None
    """The first line has to be this old: a line of this time was read before. A younger one shows a hole."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What can no longer be read."""

    stretch: Stretch
    reason: str
    message: str


def next_reading(position: Position | None, run: ContainerRun, *, began: float, rewind: float | None) -> Reading:
    """What to read of a pod; ``rewind``: everything since then has to be read anew (its lines are understood now)."""
    if position is None:
        return _first_reading(run, began)
    back = position.time if rewind is None else min(position.time, rewind)
    if position.restarts >= run.restarts:
        return Reading(restarts=position.restarts, since=back - OVERLAP_SECONDS, must_reach=position.time)
    if position.is_read_out and position.restarts == run.restarts - 1:
        return Reading(restarts=run.restarts)
    if run.started is not None and position.time >= run.started:
        # The container had started again before the kubelet said so: these were lines of the present life already.
        return Reading(restarts=run.restarts - 1, previous=True, since=began)
    one_life = position.restarts == run.restarts - 1
    return Reading(
        restarts=run.restarts - 1,
        previous=True,
        since=back - OVERLAP_SECONDS,
        must_reach=position.time if one_life else None,
    )


def _first_reading(run: ContainerRun, began: float) -> Reading:
    is_second_life = run.restarts > 0 and run.started is not None and run.started > began
    return Reading(restarts=run.restarts - is_second_life, previous=is_second_life, since=began)


def lives_lost(position: Position | None, run: ContainerRun, *, first_line: float | None, now: float) -> Loss | None:
    """Lives of a container of which nothing was read: only the last one before the present is kept by the node."""
    if position is None or position.restarts >= run.restarts - 1 - position.is_read_out:
        return None
    end = first_line or run.started or now
    message = (
        f"pod {run.pod} started its container {run.restarts - position.restarts} times since it was last read, "
        "and a node keeps the log of the last life only"
    )
    return _loss(position.time, end, "LogLost", message)


def hole(reading: Reading, run: ContainerRun, *, first_line: float | None, now: float) -> Loss | None:
    """What was rotated away before it was read: the first line served is younger than one that was read before."""
    if reading.must_reach is None or (first_line is not None and first_line <= reading.must_reach):
        return None
    end = first_line or run.started or now
    message = (
        f"the log of pod {run.pod} no longer holds what it held at the last line read: it was rotated or removed; "
        "raise containerLogMaxSize of the kubelet where this repeats"
    )
    return _loss(reading.must_reach, end, "LogRotated", message)


def previous_lost(position: Position | None, run: ContainerRun, *, began: float, now: float, reason: str) -> Loss:
    """The log of the life before cannot be read at all."""
    start = began if position is None else position.time
    message = f"the log of the former container of pod {run.pod} is gone: {reason}"
    return _loss(start, run.started or now, "LogLost", message)


def departed(position: Position, *, successor: float | None, now: float) -> Loss:
    """A pod is gone whose log was not read to its end; ``successor``: when the pod after it began."""
    message = f"pod {position.pod} is gone, and its log with it, before it was read to the end"
    return _loss(position.time, successor or now, "PodReplaced", message)


def _loss(start: float, end: float, reason: str, message: str) -> Loss:
    return Loss(Stretch(start, max(start, end)), reason, message)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing is read, and how long to wait."""

    state: State
    message: str
    delay: float


def trouble(error: ClusterError, *, namespace: str, failures: int, intervals: Intervals, jitter: float) -> Trouble:
    """What a refusal means; ``failures``: in a row, with this one; ``jitter``: 0 to 1."""
    match error:
        case ForbiddenError():
            right = f"{error.request.verb} {_kind(error)} in {error.request.namespace or namespace}"
            message = f"the right `{right}` is missing: {GRANT} ({error.message})"
            return Trouble("Forbidden", message, intervals.forbidden)
        case NotFoundError():
            return Trouble("Unavailable", f"it is gone: {error}", intervals.first_retry)
        case BadRequestError():
            return Trouble("Unavailable", f"its container does not run: {error.message}", intervals.first_retry)
    return Trouble("Unavailable", str(error), _pause(error, failures, intervals, jitter))


def _kind(error: ForbiddenError) -> str:
    asked = error.request
    return f"{asked.resource}.{asked.group}" if asked.group else asked.resource


def _pause(error: ClusterError, failures: int, intervals: Intervals, jitter: float) -> float:
    """What the server asked for, else doubling from the first to the last retry; then up to a quarter more or less."""
    if isinstance(error, ApiError) and error.retry_after is not None:
        return error.retry_after + jitter * intervals.first_retry
    doubled = intervals.first_retry * 2.0 ** min(failures - 1, 16)
    return min(doubled, intervals.last_retry) * (0.75 + 0.5 * jitter)
