"""The table of a scan, line by line: who, what, when, how often, from what to what, and what was not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditwatch.cli.main import app
from auditwatch.cli.scan_table import figures_line, finding_lines, unseen_line
from auditwatch.detection.sight import Visibility
from auditwatch.events.activity import Actor
from auditwatch.scan.report import counts, document
from auditwatch.scan.scanning import Figures, Scan
from auditwatch.scan.sight import Seen
from auditwatch.scan.troubles import Trouble
from tests.unit.findings.making import ledger, only, signal
from tests.unit.scan.making import DELETIONS, event, log, noise, plan, scanned

BY_ACTOR = """
- name: by-actor
  severity: Low
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], outcomes: [Any]}
  finding: {groupBy: [actor.id]}
"""
BY_ALL = BY_ACTOR.replace("[actor.id]", "[target.resource]")
RETENTION = {"daily": 7, "weekly": 4, "monthly": 12, "yearly": 7}


def policy(number: int, **spec: Any) -> dict[str, Any]:
    """An update of one policy with bodies, so that changes are seen from the second on."""
    body = {"kind": "Policy", "metadata": {"name": "p", "namespace": "kasten-io", "uid": "u"}, "spec": spec}
    return event(number, name="p", verb="update", level="RequestResponse", requestObject=body, responseObject=body)


def table(tmp_path: Path, *events: dict[str, Any] | bytes, rules: str = BY_ACTOR) -> list[list[str]]:
    """The lines of each finding."""
    scan, _ = scanned(plan(tmp_path, rules), log(tmp_path / "audit.log", *events))
    return [list(finding_lines(state)) for state in scan.findings()]


def scan_of(tmp_path: Path, *events: dict[str, Any] | bytes, rules: str = DELETIONS) -> Scan:
    return scanned(plan(tmp_path, rules), log(tmp_path / "audit.log", *events))[0]


def test_one_event_is_told_with_its_time_and_without_a_count(tmp_path: Path) -> None:
    ((first, second),) = table(tmp_path, event(1))
    assert first.startswith("LOW       2026-01-01T00:00:01Z  by-actor  ")
    assert second == "          who eve from 10.1.2.3 (kubectl/v1.37.2)  what policies kasten-io/policy-1"


def test_several_are_told_from_when_to_when_and_how_often_with_the_number_of_objects(tmp_path: Path) -> None:
    ((first, second),) = table(tmp_path, event(1), event(2), event(3, name="policy-1"))
    assert first.startswith("LOW       2026-01-01T00:00:01Z to 2026-01-01T00:00:03Z x3  by-actor  ")
    assert second == "          who eve from 10.1.2.3 (kubectl/v1.37.2)  what policies kasten-io/policy-1 and 1 more"


def test_one_request_for_many_has_a_star_for_the_names_it_does_not_give(tmp_path: Path) -> None:
    many = {"resource": "policies", "namespace": "kasten-io", "apiGroup": "config.kio.kasten.io"}
    ((_, second),) = table(tmp_path, event(1, verb="deletecollection", objectRef=many))
    assert second == "          who eve from 10.1.2.3 (kubectl/v1.37.2)  what policies kasten-io/*"


def test_of_several_people_the_first_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    others = [event(number, user={"username": name}) for number, name in enumerate(("eve", "bob", "eve", "sue"))]
    ((_, second),) = table(tmp_path, *others, rules=BY_ALL)
    assert second.startswith("          who eve and 2 more from 10.1.2.3 (kubectl/v1.37.2)  what policies ")


@pytest.mark.parametrize(("code", "words"), [(403, ", Attempted"), (500, ", "), (200, "")])
def test_what_was_not_surely_done_is_said_so(tmp_path: Path, code: int, words: str) -> None:
    ((_, second, *_),) = table(tmp_path, event(1, responseStatus={"metadata": {}, "code": code}))
    assert second.startswith(
        f"          who eve from 10.1.2.3 (kubectl/v1.37.2)  what policies kasten-io/policy-1{words}"
    )
    assert second.endswith("policy-1") == (code == 200)


def test_changes_are_told_from_what_to_what(tmp_path: Path) -> None:
    changed = [policy(1, frequency="@daily", paused=True), policy(2, frequency="@monthly", comment="x")]
    ((_, _, *lines),) = table(tmp_path, *changed)
    assert lines == [
        "          spec.comment: (absent) -> x",
        "          spec.frequency: @daily -> @monthly",
        "          spec.paused: true -> (absent)",
    ]


def test_of_many_changes_the_first_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    ((_, _, *lines),) = table(
        tmp_path, policy(1, retention=RETENTION), policy(2, retention=dict.fromkeys(RETENTION, 0), paused=True)
    )
    assert len(lines) == 4
    assert lines[-1] == "          and 2 more changes (--output json shows them)"


def test_findings_come_by_severity_then_time(tmp_path: Path) -> None:
    ((first, *_), *others) = table(tmp_path, *(event(number) for number in (5, 4, 6)), rules=DELETIONS)
    assert first.startswith("CRITICAL  ")
    assert [each[0].split()[1] for each in others] == [f"2026-01-01T00:00:0{number}Z" for number in (4, 5, 6)]


def test_what_a_client_wrote_cannot_draw_on_a_terminal(tmp_path: Path) -> None:
    ((first, second, *_),) = table(tmp_path, event(1, user={"username": "eve\x1b[2J\nwho root"}, name="p\u202ex"))
    for text in (first, second):
        assert not any(sign in text for sign in ("\x1b", "\n", "\u202e"))


def test_figures_tell_only_what_there_was() -> None:
    assert (
        figures_line(Figures(lines=1234, events=5), "0 findings", 0.04)
        == "0 findings, 1,234 lines, 5 events looked at in 0.0 s"
    )
    full = Figures(lines=9, events=5, duplicates=4, unanswered=3, degraded=2, first_time=0.0, last_time=60.0)
    assert figures_line(full, "7 findings", 1.26) == (
        "7 findings, 9 lines, 5 events looked at, 4 duplicates, 3 requests without an answer, 2 degraded in 1.3 s "
        "(1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z)"
    )


def test_findings_that_are_not_shown_are_told_by_severity(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(DELETIONS + BY_ACTOR, encoding="utf-8")
    path = log(tmp_path / "audit.log", event(1), event(2))
    words = {
        "Critical": "0 findings shown, 3 below Critical (2 High, 1 Low), 2 lines, ",
        "High": "2 findings shown, 1 below High (1 Low), 2 lines, ",
        "Low": "3 findings, 2 lines, ",
    }
    for least, start in words.items():
        arguments = ["scan", str(path), "--rules", str(file), "--min-severity", least]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert (result.exit_code, result.stdout.splitlines()[-2][: len(start)]) == (1, start)


def test_the_document_counts_findings_by_severity_shown_or_not(tmp_path: Path) -> None:
    events = [event(number) for number in (1, 2, 3)]
    scan, _ = scanned(plan(tmp_path, DELETIONS, min_severity="Critical"), log(tmp_path / "audit.log", *events))
    assert document(scan, duration=0)["summary"]["findings"] == {
        "shown": 1,
        "bySeverity": {"Critical": 1, "High": 0, "Medium": 0, "Low": 0, "Info": 0},
        "belowMinSeverity": {"Critical": 0, "High": 3, "Medium": 0, "Low": 0, "Info": 0},
    }


def test_a_finding_that_another_tells_of_is_counted_nowhere(tmp_path: Path) -> None:
    absorbing = DELETIONS + "    absorbs: [{rule: policy-gone}]\n"
    scan, _ = scanned(plan(tmp_path, absorbing), log(tmp_path / "audit.log", event(1), event(2), event(3)))
    assert (sum(scan.severities().shown.values()), sum(scan.severities().below.values())) == (1, 0)


def test_what_there_was_once_is_told_in_the_singular() -> None:
    once = Figures(lines=1, events=1, duplicates=1, unanswered=1)
    assert figures_line(once, "1 finding", 1.0) == (
        "1 finding, 1 line, 1 event looked at, 1 duplicate, 1 request without an answer in 1.0 s"
    )


def test_the_last_line_counts_what_was_not_seen_and_what_could_not_be_read(tmp_path: Path) -> None:
    scan = scan_of(tmp_path, noise(), b"\xff junk")
    scan.figures.trouble["FileDamaged"] = Trouble("FileDamaged", 2, "x:1", "cut off")
    told = unseen_line(scan)
    assert told.startswith("not seen: ")
    assert told.endswith("2 FileDamaged; --output json names them")
    assert sum(counts(scan.blind()).values()) == len(scan.blind()) > 0
    assert counts(scan.blind()) == {("Partial", "NotYetObserved"): 3}
    assert "3 rules look for kinds of events that this log does not show, " in told


def test_files_that_are_no_logs_for_several_reasons_are_counted_together(tmp_path: Path) -> None:
    scan = scan_of(tmp_path)
    for looks, count in (("a", 2), ("b", 1)):
        scan.figures.trouble[looks] = Trouble("NotAnAuditLog", count, "x", "junk")
    assert unseen_line(scan).endswith(", 3 NotAnAuditLog; --output json names them")


def test_each_reason_is_told_in_words_and_what_is_wholly_blind_as_that(tmp_path: Path) -> None:
    scan = scan_of(tmp_path)
    reasons = [("Blind", "NeedsBodies"), ("Partial", "NeedsBodies"), ("Partial", "NeedsBodies"), ("Blind", "NotFound")]
    seen = tuple(Seen("r", "", Visibility(level, reason, "m")) for level, reason in reasons)  # type: ignore[arg-type]
    scan.blind = lambda: seen  # type: ignore[method-assign]  # what a log can prove is tested elsewhere
    assert unseen_line(scan) == (
        "not seen: 1 rule needs bodies that this log does not show (Blind), 1 rule Blind (NotFound), "
        "2 rules need bodies that this log does not show; --output json names them"
    )


def test_the_program_is_told_where_there_is_room_up_to_its_first_space(tmp_path: Path) -> None:
    agent = "helm/v4.0.0 x)  what pods default/harmless"
    ((_, second, *_),) = table(tmp_path, event(1, userAgent=agent))
    assert second == "          who eve from 10.1.2.3 (helm/v4.0.0)  what policies kasten-io/policy-1"
    ((_, second, *_),) = table(tmp_path, event(1, userAgent="a" * 300))
    assert second.startswith(f"          who eve from 10.1.2.3 ({'a' * 30}")
    assert len(second) <= 140
    ((_, second, *_),) = table(tmp_path, event(1, name="p" * 90))
    assert second == f"          who eve from 10.1.2.3  what policies kasten-io/{'p' * 90}"


def test_a_program_cannot_draw_on_a_terminal_either(tmp_path: Path) -> None:
    ((_, second, *_),) = table(tmp_path, event(1, userAgent="x\x1b[2J\nwho"))
    assert not any(sign in second for sign in ("\x1b", "\n"))


def test_of_several_addresses_the_first_is_told_and_the_rest_counted(tmp_path: Path) -> None:
    events = [event(number, sourceIPs=[f"10.0.0.{number}"], userAgent="") for number in (1, 2, 3)]
    ((_, second, *_),) = table(tmp_path, *events)
    assert second.startswith("          who eve from 10.0.0.1 and 2 others  what policies ")


def test_where_nobody_knows_the_address_none_is_told(tmp_path: Path) -> None:
    ((_, second, *_),) = table(tmp_path, event(1, sourceIPs=None))
    assert second == "          who eve  what policies kasten-io/policy-1"


def test_where_all_was_seen_the_last_line_says_that(tmp_path: Path) -> None:
    rules = "- name: any-delete\n  match: {verbs: [delete], users: [eve]}\n"
    scan = scan_of(tmp_path, event(1), rules=rules)
    scan.blind = lambda: ()  # type: ignore[method-assign]  # what a log can prove is tested elsewhere
    assert unseen_line(scan) == "not seen: nothing that the rules look for"


def test_the_document_holds_the_same_findings_as_objects_of_the_api(tmp_path: Path) -> None:
    scan = scan_of(tmp_path, event(1), event(2), event(3))
    told = document(scan, duration=1.0)
    assert [each["kind"] for each in told["findings"]] == ["K10SecurityFinding"] * 4
    assert [each["spec"]["rule"] for each in told["findings"]] == [state.rule for state in scan.findings()]
    assert [each["status"]["count"] for each in told["findings"]] == [state.count for state in scan.findings()]
    assert json.loads(json.dumps(told)) == told, "nothing in it but JSON"
    summary = told["summary"]
    assert (summary["lines"], summary["events"], summary["dryRuns"]) == (3, 3, 0)
    assert {each["level"] for each in summary["visibility"]} <= {"Blind", "Partial"}
    assert all(each["rule"] and each["message"] for each in summary["visibility"])


def test_a_dry_run_is_counted_and_no_finding(tmp_path: Path) -> None:
    uri = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/p?dryRun=All"
    scan = scan_of(tmp_path, event(1, verb="patch", requestURI=uri), rules=BY_ACTOR)
    assert scan.findings() == []
    assert document(scan, duration=0)["summary"]["dryRuns"] == 1


def test_rules_without_a_finding_print_two_lines(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(DELETIONS, encoding="utf-8")
    path = log(tmp_path / "audit.log", noise())
    result = CliRunner().invoke(app, ["scan", str(path), "--rules", str(tmp_path / "rules.yaml")])
    assert [text.partition(" ")[0] for text in result.stdout.splitlines()] == ["0", "not"]


def test_whoever_is_known_best_is_named_first() -> None:
    book = ledger()
    book.apply([signal(1, actor=Actor(manager="kubectl"))])
    book.apply([signal(2, actor=Actor(id="eve"), attribution="Audited")])
    _, who, *_ = finding_lines(only(book))
    assert who.startswith("          who eve and 1 more  what ")
