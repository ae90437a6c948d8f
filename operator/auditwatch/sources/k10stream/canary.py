"""Our own requests through K10's API: when one is sent, what its answer means, and what their silence means.

Asked is for one restore point that does not exist, in K10's namespace: a kind whose requests K10 is documented to log,
with no more right than to read that one name. The nonce is a parameter of the request, so the name, and with it the
right, is always the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.events.canary import Canary, Probe
from auditwatch.k10.groups import in_domain
from auditwatch.k10.identity import K10Instance
from auditwatch.sources.k10stream.report import GRANT, State

CANARY_NAME: Final = "k10-auditwatch-canary"
"""The one name that is asked for; its role allows no other."""
GROUP: Final = "apps.kio.kasten.io"
VERSION: Final = "v1alpha1"
RESOURCE: Final = "restorepoints"
_PARAMETER: Final = "canary"
_SURELY_OFF: Final = 2
"""Requests in a row without any event at all: then it is not a single line that was lost."""

Reach = Literal["Answered", "Absent", "Forbidden", "Unavailable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds."""

    interval: float = 60.0
    """Between two requests."""
    lesson: float = 2.0
    """Between the two that teach the envelope: long enough that the time in their lines differs."""
    deadline: float = 30.0
    """Until a request has to be back."""
    tick: float = 1.0
    """Between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    reach: Reach
    message: str = ""


def is_due(pace: Pace, canary: Canary, *, last_sent: float | None, now: float, is_taught: bool) -> bool:
    """Whether the next request is to be sent. ``last_sent`` and ``now``: of a clock that nobody sets."""
    if last_sent is None:
        return True
    is_lesson = not is_taught and not canary.outstanding() and not canary.is_silent
    return now - last_sent >= (min(pace.lesson, pace.interval) if is_lesson else pace.interval)


def probe_of(k10: K10Instance, *, nonce: str, now: float, pace: Pace) -> Probe:
    """The request with a nonce."""
    return Probe(
        nonce=nonce,
        verb="get",
        group=in_domain(GROUP, k10.api_domain),
        resource=RESOURCE,
        namespace=k10.namespace,
        name=CANARY_NAME,
        sent=now,
        deadline=now + pace.deadline,
    )


async def ask(cluster: Cluster, probe: Probe) -> Answer:
    """Send it; whatever comes of it is an answer."""
    resource = Resource(probe.group, VERSION, probe.resource)
    query = {_PARAMETER: probe.nonce}
    try:
        await cluster.get(resource, probe.name, namespace=probe.namespace, query=query)
    except ClusterError as error:
        return answer_of(error)
    return Answer("Answered")  # somebody made the object; that changes nothing


def answer_of(error: ClusterError) -> Answer:
    """What a refusal means: that there is no such object is what K10 is expected to say."""
    match error:
        case NotFoundError() if CANARY_NAME in error.message:
            return Answer("Answered")
        case NotFoundError():
            return Answer("Absent", f"K10's API is not served: {error}")
        case ForbiddenError():
            asked = error.request
            right = f"get {asked.resource}.{asked.group} {asked.name} in {asked.namespace}"
            return Answer("Forbidden", f"the right `{right}` is missing: {GRANT}")
    return Answer("Unavailable", f"K10's API does not answer, so that its stream cannot be proven alive: {error}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the stream as a whole is."""

    state: State
    message: str = ""


_SWITCH: Final = (
    "set siem.logging.cluster.enabled=true in the values of K10's Helm chart (it is the default) and see that no "
    "AuditConfig or argument of the Deployment aggregatedapis-svc turns it off"
)
_LEARNING: Final = "waiting for two requests of our own to come back: they teach in which lines of the log events stand"


def verdict(answer: Answer | None, canary: Canary, *, is_taught: bool, is_heard: bool) -> Verdict:
    """``is_heard``: whether a line of a pod that runs now held anything like an audit event."""
    match answer:
        case Answer("Absent", message):
            return Verdict("Absent", message)
        case Answer("Forbidden", message):
            return Verdict("Forbidden", message)
        case Answer("Unavailable", message):
            return Verdict("Unavailable", message)
    if canary.lost >= _SURELY_OFF and not is_heard:
        return Verdict("SwitchedOff", f"K10 answers, but writes no audit event to its log: {_SWITCH}")
    if canary.is_silent:
        return Verdict("Silent", _silence(canary, is_taught=is_taught, is_heard=is_heard))
    return Verdict("Live") if is_taught else Verdict("Learning", _LEARNING)


def _silence(canary: Canary, *, is_taught: bool, is_heard: bool) -> str:
    count = f"{canary.lost} request{'s' if canary.lost > 1 else ''} of our own in a row did not come back"
    if is_heard and not is_taught:
        return (
            f"{count} in a line that can be understood, though K10 writes audit events: "
            "please report a few lines of `kubectl logs deployment/aggregatedapis-svc` that contain K10Event"
        )
    return f"{count} through K10's log, so others may be missing too: see the log and the audit policy of K10"
