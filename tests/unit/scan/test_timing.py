"""Events without a time of their own: their neighbour's stands for it, never the clock of whoever scans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditwatch.cli.scan_table import figures_line, finding_lines
from auditwatch.events.times import parse_time
from auditwatch.scan import pool, timing
from auditwatch.scan.report import document
from auditwatch.scan.scanning import Scan

from .making import event, line, log, noise, places, plan, scanned

NOW = 1_800_000_000.0
WRONG = "2026-13-45T99:00:00.000000Z"
NONE: dict[str, Any] = {"requestReceivedTimestamp": None, "stageTimestamp": None}
BOTH_WRONG = {"requestReceivedTimestamp": WRONG, "stageTimestamp": WRONG}


def _cut(number: int) -> bytes:
    """As a provider cuts it: in the middle of the answer, so that the times behind it are gone."""
    body = {"metadata": {"name": "daily"}, "spec": {"comment": "x" * 100}}
    written = event(number, requestObject=body, responseObject=body, level="RequestResponse", **NONE)
    written |= {"requestObject": written.pop("requestObject"), "responseObject": written.pop("responseObject")}
    return line(written)[:-80]


def _scan(tmp_path: Path, *paths: Path, **fields: Any) -> Scan:
    return scanned(plan(tmp_path, now=NOW, **fields), *paths)[0]


def _times(scan: Scan) -> dict[str, str]:
    """When each policy was deleted, by name."""
    found = [state for state in scan.findings() if state.rule == "policy-gone"]
    return {state.target.name: next(finding_lines(state)).split()[1] for state in found if state.target}


def _at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}Z"


@pytest.mark.parametrize("without", [event(9, **NONE), event(9, **BOTH_WRONG), _cut(9)])
def test_the_event_before_it_tells_about_when_it_was(tmp_path: Path, without: dict[str, Any] | bytes) -> None:
    path = log(tmp_path / "audit.log", event(1), event(2), without, event(30))
    scan = _scan(tmp_path, path)
    assert _times(scan) == {"policy-1": _at(1), "policy-2": _at(2), "policy-9": _at(2), "policy-30": _at(30)}
    assert (scan.figures.without_time, scan.figures.events) == (1, 4)


def test_one_of_both_times_is_enough(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1), event(9, stageTimestamp=WRONG), event(8, requestReceivedTimestamp=""))
    scan = _scan(tmp_path, path)
    assert _times(scan) == {"policy-1": _at(1), "policy-9": _at(9), "policy-8": _at(8)}
    assert scan.figures.without_time == 0


def test_at_the_beginning_of_a_file_it_is_the_next_with_a_time_and_the_order_stays(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(8, **NONE), event(9, **NONE), event(3), event(4))
    scan, matches = scanned(plan(tmp_path, now=NOW), path)
    assert _times(scan) == {"policy-8": _at(3), "policy-9": _at(3), "policy-3": _at(3), "policy-4": _at(4)}
    assert [match.line for match in matches] == [1, 2, 3, 4]


def test_a_neighbour_is_of_the_same_file_where_that_has_one(tmp_path: Path) -> None:
    first = log(tmp_path / "a.log", event(1))
    second = log(tmp_path / "b.log", event(9, **NONE), event(40))
    assert _times(_scan(tmp_path, first, second))["policy-9"] == _at(40)


def test_a_file_without_a_time_takes_the_last_one_before_it_else_the_first_behind_it(tmp_path: Path) -> None:
    timeless = log(tmp_path / "b.log", event(8, **NONE), event(9, **NONE))
    before, behind = log(tmp_path / "a.log", event(1), event(2)), log(tmp_path / "c.log", event(50))
    assert _times(_scan(tmp_path, before, timeless, behind))["policy-9"] == _at(2)
    scan, matches = scanned(plan(tmp_path, now=NOW), timeless, behind)
    assert _times(scan)["policy-9"] == _at(50)
    assert places(matches) == [("b.log", 1, 0), ("b.log", 2, 0), ("c.log", 1, 0)]


def test_where_nothing_has_a_time_none_is_made_up(tmp_path: Path) -> None:
    rules = """
- name: at-night
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  where: [{field: time.hour, operator: LessThan, values: ["24"]}]
- name: gone
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}
"""
    scan = _scan(tmp_path, log(tmp_path / "audit.log", event(8, **NONE), _cut(9)), rules=rules)
    assert {state.rule for state in scan.findings()} == {"gone"}
    assert (scan.figures.first_time, scan.figures.last_time) == (None, None)
    assert {state.first_seen for state in scan.findings()} == {0.0}
    assert "(time unknown)" in next(finding_lines(scan.findings()[0]))
    assert "when it was is not known" in document(scan, duration=0.0)["findings"][0]["status"]["description"]


def test_its_time_widens_no_range_and_is_counted(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1), event(2, **NONE), event(3))
    scan = _scan(tmp_path, path)
    summary = document(scan, duration=0.0)["summary"]
    assert (summary["firstTime"], summary["lastTime"], summary["withoutTime"]) == (
        "2026-01-01T00:00:01.000000Z",
        "2026-01-01T00:00:03.000000Z",
        1,
    )
    assert ", 1 without a time in " in figures_line(scan.figures, "3 findings", 1.0)


def test_who_reads_the_finding_is_told_whose_time_it_is(tmp_path: Path) -> None:
    scan = _scan(tmp_path, log(tmp_path / "audit.log", event(1), event(2, **NONE)))
    lent, own = sorted(scan.findings(), key=lambda state: "beside it" not in next(finding_lines(state)))
    assert "beside it" not in next(finding_lines(own))
    assert next(finding_lines(lent)).startswith(f"HIGH      {_at(1)} (time of the event beside it)  policy-gone  ")
    found = document(scan, duration=0.0)["findings"]
    (status,) = [each["status"] for each in found if each["spec"]["target"]["name"] == "policy-2"]
    assert status["evidence"][0]["note"] == "time: not in the log, that of the event beside it"
    assert "the time of 1 event of this: that of the event beside it stands here." in status["description"]


def test_a_change_that_was_never_answered_is_told_by_the_time_it_was_lent(tmp_path: Path) -> None:
    begun = event(9, stage="RequestReceived", responseStatus=None, **NONE)
    scan = _scan(tmp_path, log(tmp_path / "audit.log", event(1), begun, event(200)))
    assert scan.figures.unanswered == 1
    assert _times(scan)["policy-9"] == _at(1)


def test_only_so_many_wait_for_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MAX_HELD", 2)
    events = [event(number, **NONE) for number in (7, 8, 9)]
    scan, matches = scanned(plan(tmp_path, now=NOW), log(tmp_path / "audit.log", *events, event(30)))
    assert [match.line for match in matches] == [1, 2, 3, 4]
    assert [state.first_seen for state in scan.findings() if state.rule == "policy-gone"] == [
        0.0,
        0.0,
        parse_time(_at(30)),
        parse_time(_at(30)),
    ]


def test_any_number_of_processes_at_any_moment_tells_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MIN_BYTES", 1)
    monkeypatch.setattr(pool, "PIECE_BYTES", 2000)
    events = [event(number, **(NONE if number % 3 == 0 or number < 15 else {})) for number in range(60)]
    path = log(tmp_path / "audit.log", noise(), *events)
    answers = []
    for jobs, now in ((1, NOW), (3, NOW), (2, NOW)):
        scan, matches = scanned(plan(tmp_path, now=now, jobs=jobs), path)
        answers.append((json.dumps(document(scan, duration=0.0), sort_keys=True), matches))
    assert answers[0] == answers[1] == answers[2]
    later = document(_scan(tmp_path, path), duration=0.0)
    assert str(later).count("2027-") == len(later["findings"]), "when it was detected, and nothing else"
