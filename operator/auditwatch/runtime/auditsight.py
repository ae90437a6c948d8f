"""What audit sources say of themselves, each instance for itself, as status and metrics ask for it.

A source is Live only while our own requests come back through it: that nothing arrives may mean that nothing happened,
or that somebody cut the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from auditwatch.api.conditions import Reason
from auditwatch.api.watchstatus import SourceState
from auditwatch.runtime.canaries import AuditCanaries
from auditwatch.runtime.ingest import SourceReports
from auditwatch.runtime.metrics import AuditFigures
from auditwatch.runtime.status import SourceFigures
from auditwatch.sources.file.report import FileReport
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.webhook.report import WebhookReport

SHOWN = 3
NOBODY_YET = "nobody has posted yet: see `auditwatch webhook-config`"
Type = Literal["File", "Webhook", "K10Stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One instance of a source. ``problem``: why it is not well; empty where it is."""

    instance: str
    is_starting: bool
    problem: str
    last_event: float | None
    proof: float | None
    lag: float | None = None
    is_working: bool = False
    """It takes events in, whatever else is not as it should be."""
    is_awaited: bool = False
    """Nobody has ever posted to it: that is a step of the installation still to be taken, and no failure."""
    is_off: bool = False
    """Nobody wants it to run: no K10, or its stream is switched off."""


def audit_sources(reports: SourceReports, canaries: AuditCanaries, *, now: float) -> list[SourceFigures]:
    """Every audit source. ``now``: seconds since the epoch."""
    return [
        _source(name, kind, parts, canaries.proofs().get(name), now=now)
        for name, kind, parts in _by_source(reports, canaries)
    ]


def silence_of(source: SourceFigures) -> str:
    """Why nothing can be expected of a source at the moment; empty while it, or a part of it, is alive."""
    if source.state in ("Live", "Degraded"):
        return ""
    return source.message or f"it is {source.state}"


def audit_figures(reports: SourceReports, canaries: AuditCanaries, *, now: float) -> list[AuditFigures]:
    """Every instance, for metrics."""
    return [
        *(_file_figures(each, canaries, now) for each in reports.files),
        *(_sender_figures(each, canaries, now) for each in reports.senders),
        *(_pod_figures(name, each) for name, pods in reports.pods.items() for each in pods),
    ]


def _by_source(reports: SourceReports, canaries: AuditCanaries) -> Iterator[tuple[str, Type, list[_Part]]]:
    for name in dict.fromkeys(each.source for each in reports.files):
        silent = _silence(name, canaries)
        yield name, "File", [_file(each, silent) for each in reports.files if each.source == name]
    senders = [each for each in reports.senders if not each.is_replaced]
    for name in dict.fromkeys(each.source for each in senders):
        silent, is_new = _silence(name, canaries), name not in canaries.proofs()
        yield name, "Webhook", [_sender(each, silent, is_new=is_new) for each in senders if each.source == name]
    for name, pods in reports.pods.items():
        yield name, "K10Stream", [_pod(each) for each in pods]


def _silence(source: str, canaries: AuditCanaries) -> str:
    if canaries.is_silent(source):
        return "our own requests do not come back: look at the audit policy, the sender and the network between"
    return ""


def _file(report: FileReport, silent: str) -> _Part:
    is_well = report.state == "Reading"
    return _Part(
        instance=report.instance,
        is_starting=report.state == "Starting",
        problem=(silent if is_well else report.message or report.state),
        last_event=report.last_event,
        proof=report.last_proof_of_life,
        lag=report.lag,
    )


def _sender(report: WebhookReport, silent: str, *, is_new: bool) -> _Part:
    """``is_new``: the source has never brought a request of ours back, in an earlier life neither."""
    is_waiting = report.state == "Waiting" and not report.trouble
    is_awaited = is_waiting and is_new
    return _Part(
        instance=report.instance,
        is_starting=is_awaited or (is_waiting and not silent),
        problem=NOBODY_YET if is_awaited else report.message or silent or (NOBODY_YET if is_waiting else ""),
        is_awaited=is_awaited,
        is_working=report.state == "Receiving" and not silent,
        last_event=report.last_event,
        proof=report.last_received,
    )


def _pod(report: PodReport) -> _Part:
    return _Part(
        instance=report.pod,
        is_starting=report.state in ("Starting", "Learning"),
        problem="" if report.state == "Live" else report.message or report.state,
        last_event=report.last_event,
        proof=report.last_proof_of_life,
        lag=report.lag,
        is_off=report.state in ("Absent", "SwitchedOff"),
    )


def _source(name: str, kind: Type, parts: Sequence[_Part], proof: float | None, *, now: float) -> SourceFigures:
    broken = [part for part in parts if part.problem and not part.is_starting]
    starting = [part for part in parts if part.is_starting]
    proven = proof if kind != "K10Stream" else _newest(part.proof for part in parts)
    state: SourceState = "Live"
    if broken:
        is_of_use = len(broken) < len(parts) or any(part.is_working for part in broken)
        state = "Degraded" if is_of_use else "Unavailable"
    elif starting or (proven is None and kind != "K10Stream"):
        state = "Starting"
    return SourceFigures(
        name=name,
        type=kind,
        state=state,
        reason=_reason(state, parts),
        message=_message(broken or starting),
        lag_seconds=None if proven is None else round(max(now - proven, 0.0)),
        last_event=_newest(part.last_event for part in parts),
        last_proof_of_life=proven,
    )


def _reason(state: SourceState, parts: Sequence[_Part]) -> Reason | None:
    if state == "Starting":
        return Reason.WAITING_FOR_FIRST_SENDER if all(part.is_awaited for part in parts) else Reason.STARTING
    return None if state == "Live" else Reason.SOURCE_UNAVAILABLE


def _message(parts: Sequence[_Part]) -> str:
    told = [f"{part.instance}: {part.problem}" if part.instance else part.problem for part in parts if part.problem]
    more = len(told) - SHOWN
    return "; ".join([*told[:SHOWN], f"and {more} more"] if more > 0 else told)


def _newest(moments: Iterable[float | None]) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else max(now - moment, 0.0)


def _file_figures(report: FileReport, canaries: AuditCanaries, now: float) -> AuditFigures:
    return AuditFigures(
        source=report.source,
        instance=report.instance,
        state=report.state,
        silent_seconds=_age(canaries.proofs_of(report.source).get(report.instance), now),
        read=report.read,
        selected=report.selected,
        undecodable=report.undecodable,
        refused={},
        gaps=report.gaps,
    )


def _sender_figures(report: WebhookReport, canaries: AuditCanaries, now: float) -> AuditFigures:
    return AuditFigures(
        source=report.source,
        instance=report.instance,
        state=report.state,
        silent_seconds=_age(canaries.proofs_of(report.source).get(report.instance), now),
        read=report.events,
        selected=report.selected,
        undecodable=report.undecodable,
        refused=report.refused,
        gaps={},
    )


def _pod_figures(name: str, report: PodReport) -> AuditFigures:
    counts = report.counts
    undecodable = {"Undecodable": counts.undecodable, "Suspect": counts.suspect}
    return AuditFigures(
        source=name,
        instance=report.pod,
        state=report.state,
        silent_seconds=report.lag,
        read=counts.lines,
        selected=counts.events,
        undecodable={reason: count for reason, count in undecodable.items() if count},
        refused={},
        gaps={},
    )
