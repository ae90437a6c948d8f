"""What the sources say of themselves, turned into what a person asks: is it alive, what can each rule see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from auditwatch.api.conditions import Reason
from auditwatch.detection.visibility import KindView, SourcesView
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.metrics import KindFigures
from auditwatch.runtime.refused import is_unbound, missing_rights, missing_verb
from auditwatch.runtime.status import SourceFigures
from auditwatch.sources.state.course import State
from auditwatch.sources.state.report import KindReport

PROOF_SECONDS = 120.0
"""Without a proof of life for longer than this, a kind counts as unavailable."""
MISSING_SHOWN = 5
_FROM_GOOD_TO_BAD: tuple[State, ...] = ("Watching", "Polling", "Listing", "NotServed", "Forbidden", "Unavailable")


def sources_view(reports: Sequence[KindReport], *, instances: Sequence[K10Instance], now: float) -> SourcesView:
    """The reports by kind, as visibility asks for them; of several namespaces of one kind the worst counts.

    A namespace that is not bound (``runtime/refused.py``) hides only what is in it.
    """
    views: dict[tuple[str, str], KindView] = {}
    unbound = [report for report in reports if is_unbound(report, instances)]
    for report in reports:
        key, view = (report.group, report.resource), kind_view(report, now=now)
        if report not in unbound and (key not in views or views[key].availability in ("Watched", "Polled")):
            views[key] = view
    for report in unbound:
        key, (unseen,) = (report.group, report.resource), missing_rights([report], instances)
        views[key] = replace(views[key], unseen=unseen) if key in views else kind_view(report, now=now)
    return SourcesView(kinds={key: replace(view, namespaces=_namespaces(reports, key)) for key, view in views.items()})


def _namespaces(reports: Sequence[KindReport], key: tuple[str, str]) -> tuple[str, ...]:
    """Where a kind is looked for; empty for one list over the whole cluster."""
    found = {report.namespace for report in reports if (report.group, report.resource) == key}
    return () if "" in found else tuple(sorted(found))


def kind_view(report: KindReport, *, now: float) -> KindView:
    """How one stream sees its kind. A list that is being made again does not blind a kind seen a moment ago."""
    if report.state == "Forbidden":
        return KindView("Forbidden", verb=missing_verb(report), message=report.message)
    if report.state == "NotServed":
        return KindView("NotServed", message=report.message)
    if _is_silent(report, now):
        return KindView("Unavailable", message=report.message or "the first list is not complete yet")
    return KindView("Polled" if report.state == "Polling" else "Watched", message=report.message)


def state_figures(
    name: str,
    reports: Sequence[KindReport],
    *,
    instances: Sequence[K10Instance],
    optional: frozenset[str],
    now: float,
) -> SourceFigures:
    """The state source as a whole. ``optional``: kinds a healthy cluster may not serve.

    A namespace that is not bound is told, and does not degrade it: it hides what is in it, and rules say so.
    """
    unbound = [report for report in reports if is_unbound(report, instances)]
    broken = [report for report in reports if report not in unbound and _is_broken(report, optional, now)]
    proofs = [report.last_proof_of_life for report in reports if report.last_proof_of_life is not None]
    starting = not reports or any(_is_starting(report) for report in reports)
    return SourceFigures(
        name=name,
        type="State",
        state="Starting"
        if starting
        else "Unavailable"
        if len(broken) == len(reports)
        else "Degraded"
        if broken
        else "Live",
        reason=Reason.STARTING if starting else _reason(broken or unbound),
        message="the first lists are being read" if starting else _message([*broken, *unbound], instances),
        lag_seconds=_lag(reports, [*broken, *unbound]),
        last_proof_of_life=min(proofs, default=None),
    )


def kind_figures(reports: Iterable[KindReport], *, instances: Sequence[K10Instance]) -> list[KindFigures]:
    """The same, for metrics; streams of one kind in several namespaces are one, whose state is the worst of theirs.

    What is not bound is left out: the alert on kinds that are not seen is for what should be seen.
    """
    streams: dict[str, list[KindReport]] = {}
    for report in reports:
        if not is_unbound(report, instances):
            streams.setdefault(report.kind, []).append(report)
    return [_kind_figures(kind, each) for kind, each in streams.items()]


def _kind_figures(kind: str, streams: Sequence[KindReport]) -> KindFigures:
    return KindFigures(
        kind=kind,
        state=max((report.state for report in streams), key=_FROM_GOOD_TO_BAD.index),
        objects=sum(report.objects for report in streams),
        silent_seconds=max((report.lag for report in streams if report.lag is not None), default=None),
        unreadable=sum(report.unreadable for report in streams),
    )


def levels(visibilities: Mapping[str, object]) -> dict[str, int]:
    """Rules by level of visibility."""
    counts: dict[str, int] = {}
    for visibility in visibilities.values():
        level = str(getattr(visibility, "level", visibility))
        counts[level] = counts.get(level, 0) + 1
    return counts


def _is_silent(report: KindReport, now: float) -> bool:
    return report.last_proof_of_life is None or now - report.last_proof_of_life > PROOF_SECONDS


def _is_starting(report: KindReport) -> bool:
    return report.state == "Listing" and report.last_proof_of_life is None and not report.message


def _is_broken(report: KindReport, optional: frozenset[str], now: float) -> bool:
    if report.state == "NotServed":
        return report.kind not in optional
    return report.state in ("Forbidden", "Unavailable") or _is_silent(report, now)


def _reason(broken: Sequence[KindReport]) -> Reason | None:
    if any(report.state == "NotServed" and report.resource == "policies" for report in broken):
        return Reason.UNKNOWN_K10
    if any(report.state == "Forbidden" for report in broken):
        return Reason.WATCH_FORBIDDEN
    return Reason.SOURCE_UNAVAILABLE if broken else None


def _message(broken: Sequence[KindReport], instances: Sequence[K10Instance]) -> str:
    absent = [report.kind for report in broken if report.state == "NotServed"]
    served = [f"the cluster does not serve {_some(absent, ', ')}: is K10 installed and running?"] if absent else []
    others = [
        f"{report.kind}: {report.message or report.state}"
        for report in broken
        if report.state not in ("NotServed", "Forbidden")
    ]
    return "; ".join([*served, *missing_rights(broken, instances), *([_some(others, "; ")] if others else [])])


def _some(words: Sequence[str], between: str) -> str:
    more = len(words) - MISSING_SHOWN
    return between.join([*words[:MISSING_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _lag(reports: Sequence[KindReport], broken: Sequence[KindReport]) -> int | None:
    lags = [report.lag for report in reports if report.lag is not None and report not in broken]
    return round(max(lags)) if lags else None
