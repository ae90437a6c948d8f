"""Changes that no audit event explains: a gap of the source that has proven to log such requests, and only then."""

from __future__ import annotations

from typing import Final

from auditwatch.detection.joiner.fitting import SLACK_SECONDS
from auditwatch.detection.joiner.hearing import Hearing, Logged
from auditwatch.detection.joiner.steps import Step
from auditwatch.events.activity import Gap

REASON: Final = "UnexplainedChange"
_REQUESTS: Final = {"create": ("create",), "update": ("update", "patch"), "delete": ("delete",)}
"""The usual requests behind each change. All of them must be known to be logged: which one it was nobody saw."""


def is_accountable(step: Step, hearing: Hearing, *, now: float) -> bool:
    """Whether a source that was listened to when the change was made has proven by now that it logs such requests.

    To be asked when the change is told: what a source proves later says nothing of what it logged before.
    """
    return any(hearing.loggers(_kinds(step), since=_begin(step), now=now))


def unexplained(step: Step, hearing: Hearing, *, now: float) -> Gap | None:
    """The gap that a change without a request is.

    ``None`` where no source is known to log such requests, or none that does has come as far yet.
    """
    cluster, group, resource, namespace, name = step.place
    source = hearing.witness(_kinds(step), since=_begin(step), after=step.latest + SLACK_SECONDS, now=now)
    if source is None:
        return None
    shown = "/".join(part for part in (namespace, resource, name) if part)
    return Gap(
        cluster=cluster,
        source=source,
        subject=f"{group}/{resource}".removeprefix("/"),
        reason=REASON,
        message=f"{shown} was changed ({step.verb}), and no audit event tells of a request that did it, although "
        f"{source} logs such requests and has told of later ones: an event was lost, or kept from being logged",
        start=_begin(step),
        end=step.latest,
    )


def _kinds(step: Step) -> tuple[Logged, ...]:
    _, group, resource, _, _ = step.place
    return tuple((group, resource, verb) for verb in _REQUESTS[step.verb])


def _begin(step: Step) -> float:
    return step.latest if step.earliest is None else min(step.earliest, step.latest)
