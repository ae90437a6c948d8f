"""Findings of a scan for people: who did what to what, when, from what to what; and at the end what was not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import typer

from auditwatch.detection import texts
from auditwatch.detection.texts import counted
from auditwatch.findings import attribution, rendering
from auditwatch.findings.actors import rank
from auditwatch.findings.evidence import BORROWED, times_lent
from auditwatch.findings.state import ChangeSeen, FindingState
from auditwatch.findings.times import rfc3339
from auditwatch.scan.report import counts
from auditwatch.scan.scanning import BySeverity, Figures, Scan

_REASONS: Final = {
    "NotYetObserved": (
        "looks for a kind of event that this log does not show",
        "look for kinds of events that this log does not show",
    ),
    "NeedsBodies": ("needs bodies that this log does not show", "need bodies that this log does not show"),
    "OldValuesUnknown": ("needs old values that this log does not show", "need old values that this log does not show"),
    "FieldNotSeen": ("needs a field that this log does not show", "need fields that this log does not show"),
    "NeedsAuditLog": ("needs what no log shows", "need what no log shows"),
}
"""What a scan says of rules that saw less than they need, of one and of several."""
_CHANGES: Final = 3
_WHO_WIDTH: Final = 120
_LINE_WIDTH: Final = 140
"""Characters up to which there is room for the name of a program, of which at least so many, and at most so many."""
_LEAST_AGENT, _AGENT_WIDTH = 12, 40
_ABSENT: Final = "(absent)"


def print_table(scan: Scan, *, duration: float) -> None:
    """Print the findings, then one line of figures and one of what could not be seen."""
    for state in scan.findings():
        for line in finding_lines(state):
            typer.echo(line)
    typer.echo(figures_line(scan.figures, findings_words(scan.severities()), duration))
    typer.echo(unseen_line(scan))


def finding_lines(state: FindingState) -> Iterator[str]:
    """A finding in two lines, and one for each of its first changes."""
    seen = rfc3339(state.first_seen)
    until = f" to {rfc3339(state.last_seen)}" if state.last_seen > state.first_seen else ""
    times = f" x{state.count}" if state.count > 1 else ""
    lent = times_lent(state)
    beside = (" (time of the event beside it)" if BORROWED in lent else " (time unknown)") if lent else ""
    yield f"{state.severity.upper():<8}  {seen}{until}{times}{beside}  {state.rule}  {rendering.title(state)}"
    certainty = "" if state.certainty == "Observed" else f", {state.certainty}"
    yield _who_line(state, f"  what {_what(state)}{certainty}")
    for change in state.changes[:_CHANGES]:
        yield f"          {_change(change)}"
    more = len(state.changes) - _CHANGES + state.changes_cut
    if more > 0:
        yield f"          and {counted(more, 'more change')} (--output json shows them)"


def findings_words(severities: BySeverity) -> str:
    """How many findings there are; of those that are not shown, how many of which severity."""
    findings, below = counted(sum(severities.shown.values()), "finding"), sum(severities.below.values())
    if not below:
        return findings
    each = ", ".join(f"{count:,} {severity}" for severity, count in severities.below.items() if count)
    return f"{findings} shown, {below:,} below {severities.least} ({each})"


def figures_line(figures: Figures, findings: str, duration: float) -> str:
    """One line that says how much was read and found; ``findings``: words for how many."""
    shown = [
        findings,
        counted(figures.lines, "line"),
        f"{counted(figures.events, 'event')} looked at",
        counted(figures.duplicates, "duplicate") if figures.duplicates else "",
        f"{counted(figures.unanswered, 'request')} without an answer" if figures.unanswered else "",
        f"{figures.degraded:,} degraded" if figures.degraded else "",
        f"{figures.without_time:,} without a time" if figures.without_time else "",
    ]
    span = ""
    if figures.first_time is not None and figures.last_time is not None:
        span = f" ({rfc3339(figures.first_time)} to {rfc3339(figures.last_time)})"
    return f"{', '.join(part for part in shown if part)} in {duration:.1f} s{span}"


def unseen_line(scan: Scan) -> str:
    """What this log could not show."""
    sight = sorted(counts(scan.blind()).items())
    told = [_unseen_by(level, reason, count) for (level, reason), count in sight]
    troubles: Counter[str] = Counter()
    for each in scan.figures.trouble.values():
        troubles[each.reason] += each.count
    told += [f"{count} {reason}" for reason, count in troubles.items()]
    if not told:
        return "not seen: nothing that the rules look for"
    return f"not seen: {', '.join(told)}; --output json names them"


def _unseen_by(level: str, reason: str, count: int) -> str:
    rules, words = counted(count, "rule"), _REASONS.get(reason)
    if words is None:
        return f"{rules} {level} ({reason})"
    return f"{rules} {words[count != 1]}" + (" (Blind)" if level == "Blind" else "")


def _who_line(state: FindingState, what: str) -> str:
    """Who, from where, with which program where there is room, and what."""
    addresses = _addresses(state)
    who = f"          who {_who(state)}"
    if not addresses:
        return who + what
    who += f" from {addresses[0]}" + (f" and {counted(len(addresses) - 1, 'other')}" if len(addresses) > 1 else "")
    agent = _agent(state, addresses[0])
    room = _LINE_WIDTH - len(who + what) - len(" ()")
    return (
        f"{who} ({texts.cut(agent, min(room, _AGENT_WIDTH))}){what}" if agent and room >= _LEAST_AGENT else who + what
    )


def _addresses(state: FindingState) -> list[str]:
    """Each once, those of whoever is known best first."""
    best = max(state.actors, key=rank, default=None)
    found = [*(best.client_ips if best else ()), *(client.ip for client in state.clients)]
    return list(dict.fromkeys(ip for ip in found if ip))


def _agent(state: FindingState, address: str) -> str:
    """What the program there calls itself, up to its first space: it may call itself anything."""
    agents = (client.agent for client in state.clients if client.ip == address)
    return next(agents, "").strip().partition(" ")[0]


def _who(state: FindingState) -> str:
    """Whoever is known best; how many more there were."""
    who = attribution.column(state, _WHO_WIDTH)
    others = sum(1 for actor in state.actors if actor.id or actor.manager) - 1
    is_choice = state.attribution == "Ambiguous"
    return f"{who} and {others} more" if who and others > 0 and not is_choice else who or "(unknown)"


def _what(state: FindingState) -> str:
    """The first object; how many more there were."""
    if not state.targets:
        return "(no object)"
    target = state.targets[0]
    name = target.name or ("*" if target.resource else "")
    place = f"{target.namespace}/{name}" if target.namespace else name
    more = f" and {state.target_count - 1} more" if state.target_count > 1 else ""
    return f"{target.resource} {place}{more}"


def _change(change: ChangeSeen) -> str:
    old = _ABSENT if change.old is None else change.old
    new = _ABSENT if change.new is None else change.new
    return f"{change.path}: {old} -> {new}"
