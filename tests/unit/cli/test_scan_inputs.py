"""``auditwatch scan`` on what people hand it: what each output says, which exit code, and what stands where."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auditwatch.cli.interrupts import INTERRUPTED
from auditwatch.cli.main import app
from auditwatch.cli.scan import CLEAN, FOUND, UNUSABLE, Output
from auditwatch.scan import pool
from auditwatch.scan.scanning import Scan
from tests.unit.scan.making import DELETIONS, event, line, log, noise

SEVERITIES = ("Info", "Low", "Medium", "High", "Critical")


def _scan(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["scan", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def rules(tmp_path: Path) -> str:
    file = tmp_path / "rules.yaml"
    file.write_text(DELETIONS, encoding="utf-8")
    return str(file)


def graded(tmp_path: Path, severity: str) -> str:
    file = tmp_path / f"{severity}.yaml"
    match = "match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}"
    file.write_text(f"- name: gone\n  severity: {severity}\n  {match}\n", encoding="utf-8")
    return str(file)


def without_time(text: str) -> str:
    """The same without how long it took."""
    return re.sub(r" in \d+\.\d s|\"durationSeconds\": [0-9.]+", "", text)


@pytest.mark.parametrize("output", Output)
@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_log_is_quiet_in_every_output(tmp_path: Path, rules: str, output: str, content: bytes) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(content)
    result = _scan(path, "--rules", rules, "-o", output)
    assert (result.exit_code, result.stderr) == (CLEAN, "")
    if output == Output.JSON:
        assert json.loads(result.stdout)["findings"] == []
    assert (result.stdout == "") == (output == Output.MATCHES)


@pytest.mark.parametrize("output", Output)
def test_a_file_without_one_audit_event_exits_with_2_and_one_sentence(tmp_path: Path, rules: str, output: str) -> None:
    path = log(tmp_path / "audit.log", b"not an audit log at all")
    result = _scan(path, "--rules", rules, "-o", output)
    assert result.exit_code == UNUSABLE
    assert result.stderr == f"error: {path}: not one audit event in it, seems to be plain text, not JSON\n"
    if output == Output.JSON:
        (told,) = json.loads(result.stdout)["summary"]["unreadable"]
        assert (told["reason"], told["count"], told["first"]) == ("NotAnAuditLog", 1, str(path))
    if output == Output.TABLE:
        assert "1 NotAnAuditLog" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize("output", Output)
def test_garbage_in_a_log_is_warned_of_on_standard_error_in_every_output(
    tmp_path: Path, rules: str, output: str
) -> None:
    path = log(tmp_path / "audit.log", b"not an audit event at all", noise())
    result = _scan(path, "--rules", rules, "-o", output)
    assert result.exit_code == CLEAN
    assert result.stderr.startswith(f"warning: NotAnAuditEvent: 1, first at {path}:1: ")
    assert result.stderr.count("\n") == 1
    if output == Output.JSON:
        (told,) = json.loads(result.stdout)["summary"]["unreadable"]
        assert (told["reason"], told["count"], told["first"]) == ("NotAnAuditEvent", 1, f"{path}:1")
    if output == Output.TABLE:
        assert "1 NotAnAuditEvent" in result.stdout.splitlines()[-1]


def test_a_link_in_a_circle_ends_no_scan_and_is_warned_of(tmp_path: Path, rules: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log(logs / "audit.log", event(1))
    (logs / "loop").symlink_to(logs / "loop")
    result = _scan(logs, "--rules", rules)
    assert result.exit_code == FOUND
    assert result.stderr.startswith(f"warning: {logs / 'loop'}: passed over, ")


def test_files_that_are_packed_alike_are_told_once_with_their_number_and_the_command(tmp_path: Path) -> None:
    for name in ("a.log.xz", "b.log.xz", "c.log.xz"):
        (tmp_path / name).write_bytes(lzma.compress(line(event(1)) + b"\n"))
    result = _scan(tmp_path)
    assert result.exit_code == UNUSABLE
    first = tmp_path / "a.log.xz"
    assert result.stderr == (
        f"error: {first}: not one audit event in it, seems to be compressed with xz: "
        f"xz -dc {first} | auditwatch scan - (so do 2 more)\n"
    )


def test_findings_elsewhere_go_before_a_file_that_cannot_be_read(tmp_path: Path, rules: str) -> None:
    junk = log(tmp_path / "junk.log", b"junk")
    result = _scan(log(tmp_path / "audit.log", event(1)), junk, "--rules", rules)
    assert result.exit_code == FOUND
    assert result.stderr.startswith(f"error: {junk}: not one audit event in it")


@pytest.mark.parametrize("output", Output)
def test_a_directory_is_read_as_one_log_in_every_output(tmp_path: Path, rules: str, output: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "audit-2026-01-01T00-00-00.000.log.gz").write_bytes(gzip.compress(line(event(1)) + b"\n"))
    log(logs / "audit-2026-01-02T00-00-00.000.log", event(2))
    log(logs / "audit.log", event(3))
    result = _scan(logs, "--rules", rules, "-o", output)
    assert (result.exit_code, result.stderr) == (FOUND, "")
    names = [f"policy-{number}" for number in (1, 2, 3)]
    if output == Output.MATCHES:
        assert [json.loads(text)["auditID"] for text in result.stdout.splitlines()] == ["a-1", "a-2", "a-3"]
    elif output == Output.JSON:
        told = json.loads(result.stdout)
        assert told["summary"]["files"] == 3
        assert [each["spec"]["target"]["name"] for each in told["findings"][1:]] == names
        assert told["findings"][0]["spec"]["rule"] == "many-policies-gone"
    else:
        assert [text.split()[0] for text in result.stdout.splitlines()[:7:2]] == ["CRITICAL", "HIGH", "HIGH", "HIGH"]


@pytest.mark.parametrize("output", Output)
def test_any_number_of_processes_prints_the_same(
    tmp_path: Path, rules: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MIN_BYTES", 0)
    monkeypatch.setattr(pool, "PIECE_BYTES", 8000)
    monkeypatch.setattr("auditwatch.cli.scan.time.time", lambda: 1_767_225_600.0)
    path = log(tmp_path / "audit.log", b"junk", *(event(number) for number in range(40)), noise())
    one, three = (_scan(path, "--rules", rules, "-o", output, "--jobs", jobs) for jobs in (1, 3))
    assert without_time(one.stdout) == without_time(three.stdout) != ""
    assert (one.stderr, one.exit_code) == (three.stderr, three.exit_code)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_finding_fails_a_scan_from_its_severity_down(tmp_path: Path, severity: str) -> None:
    path = log(tmp_path / "audit.log", event(1))
    for index, least in enumerate(SEVERITIES):
        result = _scan(path, "--rules", graded(tmp_path, severity), "--fail-on", least)
        assert result.exit_code == (FOUND if index <= SEVERITIES.index(severity) else CLEAN), least


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_finding_is_shown_from_its_severity_down_and_fails_all_the_same(tmp_path: Path, severity: str) -> None:
    path = log(tmp_path / "audit.log", event(1))
    for index, least in enumerate(SEVERITIES):
        rules = graded(tmp_path, severity)
        result = _scan(path, "--rules", rules, "--min-severity", least, "--fail-on", "Info", "-o", "json")
        shown = json.loads(result.stdout)["findings"]
        assert len(shown) == (1 if index <= SEVERITIES.index(severity) else 0), least
        assert result.exit_code == FOUND


@pytest.mark.parametrize("spelt", ["critical", "CRITICAL", "Critical"])
def test_severities_are_taken_in_any_case(tmp_path: Path, spelt: str) -> None:
    path = log(tmp_path / "audit.log", event(1))
    arguments = path, "--rules", graded(tmp_path, "High"), "--fail-on", spelt, "--min-severity", spelt
    result = _scan(*arguments)
    assert (result.exit_code, result.stdout[:10]) == (CLEAN, "0 findings")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: a\n  match: {verbs: [get]}\n", ":2: rules[0].match: say what to look at"),
        ("- name: a\n  severty: High\n  match: {users: [eve]}\n", "did you mean severity?"),
        (
            "- name: a\n  match: {users: [eve]}\n- name: a\n  match: {users: [eve]}\n",
            ":3: rules[1].name: there is another rule 'a' at rules[0]: rename this one",
        ),
        ("- name: [\n", ":2: "),
    ],
)
def test_a_mistake_in_a_rule_ends_the_scan_with_file_line_and_fix(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    result = _scan(log(tmp_path / "audit.log", event(1)), "--rules", file)
    assert (result.exit_code, result.stdout) == (UNUSABLE, "")
    assert all(re.match(rf"error: {re.escape(str(file))}:\d+: ", each) for each in result.stderr.splitlines())
    assert words in result.stderr


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("- {name: a, severity: Hgh, match: {users: [e]}}\n- {name: b, match: {}}\n", encoding="utf-8")
    lines = _scan("-", "--rules", file).stderr.splitlines()
    assert [text.removeprefix(f"error: {file}:").partition(":")[0] for text in lines] == ["1", "2"]


def test_rules_that_are_no_text_are_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    result = _scan("-", "--rules", file)
    assert (result.exit_code, result.stderr) == (UNUSABLE, f"error: {file}: cannot be read: it is not UTF-8\n")


def test_a_file_one_may_not_read_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log(tmp_path / "audit.log", event(1))

    def denied(*_arguments: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("auditwatch.scan.inputs.Path.open", denied)
    result = _scan(path)
    assert result.exit_code == UNUSABLE
    assert "audit.log: cannot be read: Permission denied (audit logs belong to root: copy it, or pipe it in" in (
        result.stderr
    )


def test_a_file_that_goes_away_while_others_are_read_ends_the_scan(tmp_path: Path, rules: str) -> None:
    first, second = log(tmp_path / "a.log", event(1)), log(tmp_path / "b.log", event(2))

    def reading(self: Scan, inputs: Any, **more: Any) -> Any:
        second.unlink()
        yield from run(self, inputs, **more)

    run = Scan.run
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Scan, "run", reading)
        result = _scan(first, second, "--rules", rules, "-o", "matches")
    assert result.exit_code == UNUSABLE
    assert json.loads(result.stdout)["auditID"] == "a-1", "what was found before is not held back"
    assert result.stderr.startswith(f"error: {second}: cannot be read: No such file")


def test_damage_behind_findings_is_still_findings(tmp_path: Path, rules: str) -> None:
    path = tmp_path / "audit.log.gz"
    path.write_bytes(gzip.compress(line(event(1)) + b"\n" + line(event(2)) + b"\n")[:-10])
    result = _scan(path, "--rules", rules)
    assert result.exit_code == FOUND
    assert "warning: FileDamaged: 1, first at" in result.stderr
    assert "1 FileDamaged" in result.stdout


def test_who_interrupts_a_scan_gets_the_shells_code_and_no_traceback(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Scan, "run", interrupted)
        result = _scan(log(tmp_path / "audit.log", event(1)))
    assert (result.exit_code, result.output) == (INTERRUPTED, "")


def interrupted(_self: Scan, _inputs: object, **_more: object) -> Any:
    raise KeyboardInterrupt


def test_standard_input_may_stand_between_files(tmp_path: Path, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, line(event(2)) + b"\n")
    os.close(writing)
    first, last = log(tmp_path / "a.log", event(1)), log(tmp_path / "b.log", event(3))
    with os.fdopen(reading, "rb") as opened:
        monkeypatch.setattr("auditwatch.scan.reading.sys", SimpleNamespace(stdin=opened))
        result = _scan(first, "-", last, "--rules", rules, "-o", "matches")
    told = [json.loads(text) for text in result.stdout.splitlines()]
    assert [(Path(each["file"]).name, each["auditID"]) for each in told] == [
        ("a.log", "a-1"),
        ("-", "a-2"),
        ("b.log", "a-3"),
    ]


def test_rules_that_need_the_hour_take_it_from_the_time_zone_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    where = "where: [{field: time.hour, operator: Equals, values: ['1']}]"
    file.write_text(f"- name: at-one\n  match: {{verbs: [delete], users: [eve]}}\n  {where}\n", encoding="utf-8")
    path = log(tmp_path / "audit.log", event(1))
    assert _scan(path, "--rules", file).exit_code == CLEAN
    assert _scan(path, "--rules", file, "--time-zone", "Europe/Paris").exit_code == FOUND
