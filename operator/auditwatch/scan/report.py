"""What a scan found, as one document: findings as a cluster would show them, and what was read, and not seen."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from auditwatch.events.times import format_time
from auditwatch.findings import rendering
from auditwatch.findings.state import FindingState
from auditwatch.scan.scanning import Match, Scan
from auditwatch.scan.sight import Seen

JSONObject = dict[str, Any]
VERSION: Final = 1
"""Of the document. It rises when a field goes or changes its meaning, not when one is added."""
LEVELS: Final = ("Blind", "Partial")


def document(scan: Scan, *, duration: float) -> JSONObject:
    """``{"version": 1, "findings": […], "summary": {…}}``; ``duration`` is in seconds."""
    findings = [{**rendering.manifest(state), "status": _told_status(state)} for state in scan.findings()]
    return {"version": VERSION, "findings": findings, "summary": summary(scan, duration=duration)}


def _told_status(state: FindingState) -> JSONObject:
    return {name: value for name, value in rendering.status(state).items() if value is not None}


def summary(scan: Scan, *, duration: float) -> JSONObject:
    """How much was read and found, what of it could not be read, and what the rules could not see."""
    figures, severities = scan.figures, scan.severities()
    return {
        "findings": {
            "shown": sum(severities.shown.values()),
            "bySeverity": dict(severities.shown),
            "belowMinSeverity": dict(severities.below),
        },
        "files": figures.files,
        "bytes": figures.size,
        "lines": figures.lines,
        "selected": figures.selected,
        "events": figures.events,
        "degraded": figures.degraded,
        "withoutTime": figures.without_time,
        "duplicates": figures.duplicates,
        "unanswered": figures.unanswered,
        "dryRuns": figures.dry_runs,
        "firstTime": _time(figures.first_time),
        "lastTime": _time(figures.last_time),
        "unreadable": [
            {"reason": each.reason, "count": each.count, "first": each.where, "problem": each.problem}
            for each in figures.trouble.values()
        ],
        "visibility": [{"rule": each.rule, "pack": each.pack, **_told(each)} for each in scan.blind()],
        "durationSeconds": round(duration, 3),
    }


def match_line(match: Match) -> JSONObject:
    """One line of ``--output matches``."""
    return {
        "file": match.file,
        "line": match.line,
        "item": match.item,
        "auditID": match.audit_id,
        "stage": match.stage,
        "rules": list(match.rules),
    }


def counts(blind: tuple[Seen, ...]) -> Counter[tuple[str, str]]:
    """Rules by (level, reason)."""
    return Counter((each.visibility.level, each.visibility.reason) for each in blind)


def _told(each: Seen) -> JSONObject:
    seen = each.visibility
    return {"level": seen.level, "reason": seen.reason, "message": seen.message}


def _time(moment: float | None) -> str | None:
    return None if moment is None else format_time(moment)
