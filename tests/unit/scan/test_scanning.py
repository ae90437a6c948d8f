"""Whole scans: matches, findings, figures, and what could not be seen."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from auditwatch.detection.audited import Circumstances, activity_of
from auditwatch.events.activity import Activity
from auditwatch.events.audit import AuditRecord
from auditwatch.scan import pool
from auditwatch.scan.report import document, match_line
from auditwatch.scan.troubles import Trouble

from .making import event, line, log, noise, places, plan, scanned


def test_a_match_says_file_line_item_and_the_rules_that_hold_signals_included(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", noise(), event(1), event(2, verb="patch"))
    _, matches = scanned(plan(tmp_path), path)
    assert [match_line(match) for match in matches] == [
        {
            "file": str(path),
            "line": 2,
            "item": 0,
            "auditID": "a-1",
            "stage": "ResponseComplete",
            "rules": ["policy-gone", "policy-touched"],
        },
        {
            "file": str(path),
            "line": 3,
            "item": 0,
            "auditID": "a-2",
            "stage": "ResponseComplete",
            "rules": ["policy-touched"],
        },
    ]


def test_stories_count_but_are_no_match_of_an_event(tmp_path: Path) -> None:
    scan, matches = scanned(plan(tmp_path), log(tmp_path / "audit.log", *(event(number) for number in range(3))))
    assert {rule for match in matches for rule in match.rules} == {"policy-gone", "policy-touched"}
    assert scan.findings()[0].rule == "many-policies-gone"


def test_lines_are_counted_for_each_file_anew(tmp_path: Path) -> None:
    first = log(tmp_path / "a.log", noise(), event(1))
    packed = tmp_path / "b.log.gz"
    packed.write_bytes(gzip.compress(line(noise()) + b"\n\n" + line(event(2)) + b"\n"))
    _, matches = scanned(plan(tmp_path), first, packed, log(tmp_path / "c.log", event(3)))
    assert places(matches) == [("a.log", 2, 0), ("b.log.gz", 3, 0), ("c.log", 1, 0)]


def test_a_file_given_twice_counts_once(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1))
    scan, matches = scanned(plan(tmp_path), path, path)
    assert (len(matches), scan.figures.duplicates) == (1, 1)
    assert [state.count for state in scan.findings()] == [1]


def test_findings_come_by_severity_then_time_and_those_below_the_least_are_left_out(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", *(event(number) for number in (5, 1, 3)))
    scan, _ = scanned(plan(tmp_path), path)
    assert [(state.severity, state.first_seen % 60) for state in scan.findings()] == [
        ("Critical", 3.0),
        ("High", 1.0),
        ("High", 3.0),
        ("High", 5.0),
    ]
    scan, _ = scanned(plan(tmp_path, min_severity="Critical"), path)
    assert [state.severity for state in scan.findings()] == ["Critical"]


def test_a_finding_looks_as_in_a_cluster(tmp_path: Path) -> None:
    scan, _ = scanned(plan(tmp_path), log(tmp_path / "audit.log", event(1)))
    (finding,) = document(scan, duration=1.0)["findings"]
    assert finding["kind"] == "K10SecurityFinding"
    assert finding["spec"]["target"]["name"] == "policy-1"
    assert finding["status"]["title"] == "eve deleted policy-1"
    assert finding["status"]["attribution"] == "Audited"
    eve = {"id": "eve", "via": "Direct", "kind": "User", "attribution": "Audited", "clientIPs": ["10.1.2.3"]}
    assert finding["status"]["actors"] == [eve]


def test_old_and_new_values_come_from_the_bodies_of_the_log(tmp_path: Path) -> None:
    rules = """
- name: paused
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update]}
  where: [{field: object.spec.paused, operator: ChangedTo, values: ["true"]}]
"""

    def written(number: int, verb: str, *, paused: bool) -> dict[str, Any]:
        body = {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {"paused": paused}}
        return event(number, verb=verb, name="daily", level="RequestResponse", responseObject=body)

    path = log(tmp_path / "audit.log", written(1, "create", paused=False), written(2, "update", paused=True))
    scan, _ = scanned(plan(tmp_path, rules), path)
    (state,) = scan.findings()
    assert [(change.path, change.old, change.new) for change in state.changes] == [("spec.paused", "false", "true")]


def test_figures_say_how_much_there_was_and_what_could_not_be_read(tmp_path: Path) -> None:
    bad = b'{"resource":"policies","apiGroup":"config.kio.kasten.io"}'
    first = log(tmp_path / "a.log", noise(), bad)
    scan, _ = scanned(plan(tmp_path), first, log(tmp_path / "b.log", event(1), bad))
    told = document(scan, duration=1.23456)["summary"]
    assert {name: told[name] for name in ("files", "lines", "selected", "events", "durationSeconds")} == {
        "files": 2,
        "lines": 4,
        "selected": 3,
        "events": 1,
        "durationSeconds": 1.235,
    }
    (trouble,) = told["unreadable"]
    assert (trouble["reason"], trouble["count"], trouble["first"]) == ("NotAnAuditEvent", 2, f"{first}:2")


def test_a_defect_met_in_one_record_costs_no_other_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(record: AuditRecord, seen: Circumstances) -> Activity:
        if record.event.audit_id in {"a-2", "a-4"}:
            raise ZeroDivisionError("by nothing")
        return activity_of(record, seen)

    monkeypatch.setattr("auditwatch.scan.settling.activity_of", fails)
    begun = event(4, stage="RequestReceived", responseStatus=None)
    path = log(tmp_path / "audit.log", begun, event(1), event(2), event(3), event(4000, auditID="last"))
    scan, matches = scanned(plan(tmp_path), path)

    assert [match.line for match in matches] == [2, 4, 5]
    assert scan.figures.trouble == {
        "InternalError": Trouble("InternalError", 2, f"{path}:3", "ZeroDivisionError: by nothing")
    }


def test_a_body_that_no_client_of_good_will_sends_hides_nothing(tmp_path: Path) -> None:
    odd: list[Any] = [[{"op": []}], [{"op": {}, "path": {}}], [[]], {"kind": [], "metadata": {"name": []}}, "x", 7]
    hostile = [
        event(number, verb="patch", level="RequestResponse", requestObject=body, responseObject=body)
        for number, body in enumerate(odd, start=1)
    ]
    scan, matches = scanned(plan(tmp_path), log(tmp_path / "audit.log", *hostile, event(9)))

    assert [match.rules for match in matches] == [("policy-touched",)] * len(odd) + [("policy-gone", "policy-touched")]
    assert scan.figures.trouble == {}


def test_a_rule_that_needs_bodies_is_told_to_be_blind_where_the_log_has_none(tmp_path: Path) -> None:
    rules = """
- name: paused
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [update, patch]}
  where: [{field: object.spec.paused, operator: ChangedTo, values: ["true"]}]
- name: never-done
  match: {apiGroups: [config.kio.kasten.io], resources: [profiles], verbs: [delete]}
"""
    scan, _ = scanned(plan(tmp_path, rules), log(tmp_path / "audit.log", event(1, verb="patch")))
    told = {each.rule: (each.visibility.level, each.visibility.reason) for each in scan.blind()}
    assert told == {"paused": ("Blind", "NeedsBodies"), "never-done": ("Partial", "NotYetObserved")}
    (message,) = [each.visibility.message for each in scan.blind() if each.rule == "never-done"]
    assert message == "this log shows no delete of profiles.config.kio.kasten.io"


def test_what_was_seen_whole_is_not_listed(tmp_path: Path) -> None:
    scan, _ = scanned(plan(tmp_path), log(tmp_path / "audit.log", event(1), event(2, verb="patch")))
    assert scan.blind() == ()


def test_the_answer_is_the_same_for_any_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MIN_BYTES", 1)
    monkeypatch.setattr(pool, "PIECE_BYTES", 9000)
    path = log(tmp_path / "audit.log", *(event(number) if number % 5 else noise(number) for number in range(200)))
    answers = []
    for jobs in (1, 3):
        scan, matches = scanned(plan(tmp_path, jobs=jobs), path)
        answers.append((json.dumps(document(scan, duration=0.0), sort_keys=True), matches))
    assert answers[0] == answers[1]
    assert len(answers[0][1]) == 160


def test_a_change_without_an_answer_is_a_finding_of_unknown_outcome(tmp_path: Path) -> None:
    begun = event(1, stage="RequestReceived", responseStatus=None)
    scan, matches = scanned(plan(tmp_path), log(tmp_path / "audit.log", begun, event(200, verb="patch")))
    assert (places(matches)[-1], scan.figures.unanswered) == (("audit.log", 1, 0), 1)
    assert [state.certainty for state in scan.findings()] == ["OutcomeUnknown"]


def test_what_the_namespace_controller_clears_away_is_blamed_on_who_deleted_the_namespace(tmp_path: Path) -> None:
    rules = """
- name: cleared
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [deletecollection]}
"""
    namespace = {"resource": "namespaces", "namespace": "kasten-io", "name": "kasten-io", "apiVersion": "v1"}
    controller = {"username": "system:serviceaccount:kube-system:namespace-controller"}
    collection = {"resource": "policies", "namespace": "kasten-io", "apiGroup": "config.kio.kasten.io"}
    path = log(
        tmp_path / "audit.log",
        event(1, objectRef=namespace, requestURI="/api/v1/namespaces/kasten-io"),
        event(9, verb="deletecollection", user=controller, objectRef=collection),
    )
    scan, _ = scanned(plan(tmp_path, rules), path)
    (state,) = scan.findings()
    assert [actor.id for actor in state.actors] == ["eve"]
