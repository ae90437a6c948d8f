"""``auditwatch test``: what it prints and how it exits."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from auditwatch.cli.rule_tests import FAILED, PASSED, UNUSABLE, run_rule_files, run_tests

EXAMPLES = Path(__file__).parents[3] / "examples"
OBJECT = {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {}}
DELETED = json.dumps({"resource": "config.kio.kasten.io/policies", "old": OBJECT, "new": None})
GOOD = f"""
- name: gone
  match: {{apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}}
  tests:
  - name: a deletion is found
    state: ['{DELETED}']
    expect: Match
"""
BAD = GOOD.replace("expect: Match", "expect: NoMatch")


def _run(tmp_path: Path, text: str, *, verbose: bool = False) -> tuple[int, list[str]]:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    lines: list[str] = []
    code = run_rule_files([file], say=lines.append, verbose=verbose, now=0.0)
    return code, [line.replace(f"{tmp_path}/", "") for line in lines]


def test_tests_that_pass_are_dots_and_exit_zero(tmp_path: Path) -> None:
    assert _run(tmp_path, GOOD) == (PASSED, ["rules.yaml .", "=== 1 passed ==="])


@pytest.mark.parametrize(
    "file", sorted([*EXAMPLES.glob("*.yaml"), *EXAMPLES.glob("configmaps/pack*")]), ids=lambda file: file.stem
)
def test_every_example_passes_without_a_word_of_warning(file: Path) -> None:
    lines: list[str] = []
    assert run_rule_files([file], say=lines.append, verbose=False, now=time.time()) == PASSED
    assert not [line for line in lines if line.startswith(("error", "warning"))]


def test_a_test_that_fails_says_what_was_expected_and_what_came(tmp_path: Path) -> None:
    code, lines = _run(tmp_path, BAD)
    assert code == FAILED
    assert lines == [
        "rules.yaml F",
        "",
        "FAILURES",
        "rules.yaml::gone::a deletion is found",
        "    expected NoMatch, got Match: Medium, 'gone: delete policies/daily'",
        "=== 1 failed ===",
    ]


def test_verbose_names_every_test(tmp_path: Path) -> None:
    assert _run(tmp_path, GOOD, verbose=True)[1][0] == "rules.yaml::gone::a deletion is found PASSED"
    assert _run(tmp_path, BAD, verbose=True)[1][0] == "rules.yaml::gone::a deletion is found FAILED"


def test_a_rule_that_cannot_be_used_is_told_with_path_and_line_and_the_rest_is_tested(tmp_path: Path) -> None:
    code, lines = _run(tmp_path, GOOD + "- name: broken\n  match: {verbs: [eat]}\n")
    assert code == UNUSABLE
    assert any(line.startswith("error: rules.yaml:9: rules[1].match.verbs[0]: unsupported value") for line in lines)
    assert lines[-1].startswith("=== 1 passed, ")


def test_a_warning_fails_nothing(tmp_path: Path) -> None:
    where = "where: [{field: target.name, operator: Exists}]"
    exception = f'\n  except: [{{name: x, reason: r, expirationTime: "1969-01-01T00:00:00Z", {where}}}]'
    code, lines = _run(tmp_path, GOOD.replace("\n  tests:", exception + "\n  tests:"))
    assert code == PASSED
    assert lines[0].startswith("warning: rules.yaml:")


def test_rules_without_tests_are_said_to_have_none(tmp_path: Path) -> None:
    assert _run(tmp_path, "[{name: a, match: {namespaces: [x]}}]") == (PASSED, ["=== no rule has tests ==="])


def test_a_file_that_is_not_there_or_no_text_is_an_error(tmp_path: Path) -> None:
    lines: list[str] = []
    (tmp_path / "latin").write_bytes(b"\xe9")
    files = [tmp_path / "none.yaml", tmp_path, tmp_path / "latin"]
    assert run_rule_files(files, say=lines.append, verbose=False, now=0.0) == UNUSABLE
    assert lines[0].endswith("none.yaml: cannot be read: No such file or directory")
    assert lines[2].endswith("it is not UTF-8")
    assert lines[3] == "=== 3 errors ==="
    lines.clear()
    run_rule_files([tmp_path / "none.yaml"], say=lines.append, verbose=False, now=0.0)
    assert lines[-1] == "=== 1 error ==="


def test_the_command_exits_with_the_code(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(run_tests)
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    assert CliRunner().invoke(app, [str(tmp_path / "good.yaml")]).exit_code == PASSED
    result = CliRunner().invoke(app, [str(tmp_path / "bad.yaml"), str(tmp_path / "good.yaml"), "-v"])
    assert result.exit_code == FAILED
    assert "1 failed, 1 passed" in result.output


def test_the_pack_that_ships_passes_its_own_tests() -> None:
    parts = sorted((Path(__file__).parents[3] / "operator" / "auditwatch" / "packs").glob("k10-baseline*.yaml"))
    lines: list[str] = []
    assert run_rule_files(parts, say=lines.append, verbose=False, now=0.0) == PASSED


def test_a_rule_that_makes_sources_decode_everything_is_named_and_fails_nothing(tmp_path: Path) -> None:
    blunt = "[{name: blunt, match: {nonResourceURLs: [/metrics]}}]"
    code, (warning, _summary) = _run(tmp_path, blunt)
    assert code == PASSED
    assert warning.startswith("warning: rules.yaml: blunt: nothing in it is certain to stand in an audit event")


def test_an_audit_event_is_shown_to_a_rule(tmp_path: Path) -> None:
    reference = {"apiGroup": "config.kio.kasten.io", "resource": "policies", "namespace": "kasten-io", "name": "daily"}
    event = json.dumps({"verb": "delete", "user": {"username": "eve"}, "objectRef": reference})
    text = GOOD.replace(f"state: ['{DELETED}']", f"event: '{event}'")
    assert _run(tmp_path, text) == (PASSED, ["rules.yaml .", "=== 1 passed ==="])


@pytest.mark.parametrize(("key", "more"), [("match", "  match: {names: [x]}"), ("where", "  where: []\n  where: []")])
def test_a_key_that_is_there_twice_is_an_error_with_its_line_and_the_fix(tmp_path: Path, key: str, more: str) -> None:
    text = GOOD + more
    code, lines = _run(tmp_path, text)
    last = len(text.splitlines())
    assert (code, lines[0]) == (UNUSABLE, f'error: rules.yaml:{last}: "{key}" is there twice: remove one')


def test_a_key_that_is_there_twice_is_found_in_rules_that_are_json(tmp_path: Path) -> None:
    code, lines = _run(tmp_path, '[{"name": "a",\n"match": {"names": ["x"]},\n"name": "b"}]')
    assert (code, lines[0]) == (UNUSABLE, 'error: rules.yaml:3: "name" is there twice: remove one')


def _document(*files: Path) -> tuple[int, Any]:
    app = typer.Typer()
    app.command()(run_tests)
    result = CliRunner().invoke(app, [*map(str, files), "--output", "json"])
    return result.exit_code, json.loads(result.stdout)


def test_results_can_be_had_as_a_document_with_the_same_exit_codes(tmp_path: Path) -> None:
    good, bad, broken = (tmp_path / name for name in ("good.yaml", "bad.yaml", "broken.yaml"))
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(BAD, encoding="utf-8")
    broken.write_text("kind: Pod\n", encoding="utf-8")
    passed = {"rule": "gone", "test": "a deletion is found", "result": "Passed", "reason": ""}
    said = "expected NoMatch, got Match: Medium, 'gone: delete policies/daily'"

    assert _document(good) == (PASSED, {"tests": [{"file": str(good), **passed}], "problems": []})
    code, told = _document(good, bad)
    assert (code, told["tests"][1]) == (FAILED, {"file": str(bad), **passed, "result": "Failed", "reason": said})
    code, told = _document(broken, good, tmp_path / "none.yaml")
    assert (code, len(told["tests"])) == (UNUSABLE, 1)
    assert [(each["file"], each["line"], each["result"]) for each in told["problems"]] == [
        (str(broken), 1, "Error"),
        (str(tmp_path / "none.yaml"), None, "Error"),
    ]


def test_a_warning_is_in_the_document_and_fails_nothing(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("[{name: blunt, match: {nonResourceURLs: [/metrics]}}]", encoding="utf-8")
    code, told = _document(file)
    assert (code, [each["result"] for each in told["problems"]]) == (PASSED, ["Warning"])
