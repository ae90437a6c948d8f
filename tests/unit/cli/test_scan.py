"""``auditwatch scan``: what it prints, how it exits, and that it needs neither terminal nor traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auditwatch.cli.main import app
from auditwatch.cli.scan import CLEAN, FOUND, UNUSABLE
from auditwatch.detection.audited import Circumstances
from auditwatch.events.activity import Activity
from auditwatch.events.audit import AuditRecord
from tests.unit.docs.blocks import ROOT
from tests.unit.scan.making import DELETIONS, event, line, log, noise


def _rules(tmp_path: Path) -> str:
    file = tmp_path / "rules.yaml"
    file.write_text(DELETIONS, encoding="utf-8")
    return str(file)


def _scan(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["scan", *arguments], catch_exceptions=False)


def test_a_log_without_findings_exits_with_0(tmp_path: Path) -> None:
    result = _scan(str(log(tmp_path / "audit.log", noise())))
    assert result.exit_code == CLEAN
    assert result.stdout.startswith("0 findings, 1 line, 0 events looked at")


def test_findings_exit_with_1_and_the_table_says_who_what_when_and_what_was_not_seen(tmp_path: Path) -> None:
    result = _scan(str(log(tmp_path / "audit.log", event(1))), "--rules", _rules(tmp_path))
    assert result.exit_code == FOUND
    first, second, *_, last = result.stdout.splitlines()
    assert first == "HIGH      2026-01-01T00:00:01Z  policy-gone  eve deleted policy-1"
    assert second == "          who eve from 10.1.2.3 (kubectl/v1.37.2)  what policies kasten-io/policy-1"
    assert last == "not seen: 1 rule looks for a kind of event that this log does not show; --output json names them"


@pytest.mark.parametrize(("fail_on", "code"), [("High", FOUND), ("Critical", CLEAN)])
def test_what_fails_is_asked_for_with_fail_on(tmp_path: Path, fail_on: str, code: int) -> None:
    path = log(tmp_path / "audit.log", event(1))
    assert _scan(str(path), "--rules", _rules(tmp_path), "--fail-on", fail_on).exit_code == code


def test_the_baseline_pack_is_in_force_by_default(tmp_path: Path) -> None:
    assert "policy-deleted" in _scan(str(log(tmp_path / "audit.log", event(1)))).stdout


def test_matches_are_one_line_of_json_each(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", noise(), event(1), event(2))
    result = _scan(str(path), "--rules", _rules(tmp_path), "-o", "matches")
    told = [json.loads(text) for text in result.stdout.splitlines()]
    assert [(each["line"], each["rules"]) for each in told] == [
        (2, ["policy-gone", "policy-touched"]),
        (3, ["policy-gone", "policy-touched"]),
    ]
    assert list(told[0]) == ["file", "line", "item", "auditID", "stage", "rules"]


def test_json_is_one_document(tmp_path: Path) -> None:
    result = _scan(str(log(tmp_path / "audit.log", event(1))), "--rules", _rules(tmp_path), "-o", "json")
    told = json.loads(result.stdout)
    assert list(told) == ["version", "findings", "summary"]
    assert told["version"] == 1
    assert told["summary"]["lines"] == 1


def test_the_page_defines_every_field_of_the_summary(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1), b'{"resource":"policies","apiGroup":"config.kio.kasten.io"}')
    summary = json.loads(_scan(str(path), "-o", "json").stdout)["summary"]
    nested = [f"{name}.{field}" for name in ("findings", "unreadable", "visibility") for field in _first(summary[name])]
    page = (ROOT / "docs" / "how-to" / "scan-audit-logs.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([A-Za-z.]+)` \|", page.partition("### The document")[2].partition("\n## ")[0], re.MULTILINE
    )
    assert sorted(rows) == sorted(["version", "findings", *(f"summary.{name}" for name in [*summary, *nested])])


def _first(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = value[0] if isinstance(value, list) else value
    return found


def test_a_k10_somewhere_else_is_described_by_options(tmp_path: Path) -> None:
    reference = {"resource": "policies", "namespace": "veeam", "name": "daily", "apiGroup": "config.kio.veeam"}
    path = str(log(tmp_path / "audit.log", event(1, objectRef=reference)))
    assert _scan(path).exit_code == CLEAN
    assert _scan(path, "--k10-namespace", "veeam", "--api-domain", "kio.veeam").exit_code == FOUND


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere/audit.log"], "error: /nowhere/audit.log: cannot be read: No such file"),
        (["--pack", "k11", "-"], "error: there is no pack 'k11'"),
        (["--rules", "/nowhere/rules.yaml", "-"], "error: /nowhere/rules.yaml: cannot be read"),
        (["--time-zone", "Mars", "-"], "error: there is no time zone 'Mars'"),
        (["--k10-namespace", "K 10", "-"], "error: --k10-namespace: 'K 10' is no name"),
    ],
)
def test_what_cannot_be_used_exits_with_2_and_one_sentence(arguments: list[str], words: str) -> None:
    result = _scan(*arguments)
    assert result.exit_code == UNUSABLE
    assert result.stderr.startswith(words)
    assert "Traceback" not in result.output


def test_lines_that_cannot_be_read_are_told_and_end_nothing(tmp_path: Path) -> None:
    bad = b'{"resource":"policies","apiGroup":"config.kio.kasten.io"}'
    path = log(tmp_path / "audit.log", bad, event(1), bad)
    result = _scan(str(path), "--rules", _rules(tmp_path))
    assert result.exit_code == FOUND
    assert f"warning: NotAnAuditEvent: 2, first at {path}:1: " in result.stderr


def test_a_damaged_file_without_findings_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "audit.log.gz"
    path.write_bytes(b"\x1f\x8b" + b"no gzip after all")
    result = _scan(str(path))
    assert result.exit_code == UNUSABLE
    assert "FileDamaged" in result.stderr


def test_an_event_that_our_own_code_fails_on_is_told_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_record: AuditRecord, _seen: Circumstances) -> Activity:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("auditwatch.scan.settling.activity_of", fails)
    path = log(tmp_path / "audit.log", event(1))
    result = _scan(str(path))
    assert result.exit_code == UNUSABLE
    assert f"warning: InternalError: 1, first at {path}:1: ZeroDivisionError: by nothing" in result.stderr


def test_standard_input_is_read_to_its_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "auditwatch", "scan", "-", "--rules", _rules(tmp_path), "-o", "matches"]
    data = b"\n".join([line(noise()), line(event(1))])
    run = subprocess.run(command, input=data, capture_output=True, check=False)
    assert run.returncode == FOUND
    assert run.stderr == b""
    (told,) = [json.loads(text) for text in run.stdout.splitlines()]
    assert (told["file"], told["line"]) == ("-", 2)


def test_who_stops_reading_ends_a_scan_without_a_word(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", *(event(number) for number in range(2000)))
    scanning = [sys.executable, "-m", "auditwatch", "scan", str(path), "--rules", _rules(tmp_path), "-o", "matches"]
    with subprocess.Popen(scanning, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == FOUND
