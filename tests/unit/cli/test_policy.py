"""``auditwatch policy``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from auditwatch.cli.main import app
from auditwatch.cli.policy import BLINDED, NOTHING_BLINDED, UNUSABLE

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"
RULES = "- name: secret-read\n  match: {apiGroups: [''], resources: [secrets], verbs: [get]}\n"


def _policy(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["policy", *arguments], input=stdin, catch_exceptions=False)


def _file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_is_rendered_can_be_checked_and_blinds_nothing() -> None:
    rendered = _policy("render")
    assert rendered.exit_code == 0
    assert rendered.stdout.startswith("# Audit policy for kube-apiserver")
    checked = _policy("check", "-", stdin=rendered.stdout)
    assert checked.exit_code == NOTHING_BLINDED
    assert "Blind  " not in checked.stdout


def test_a_policy_that_blinds_a_rule_exits_with_1_and_says_why_and_by_which_rule(tmp_path: Path) -> None:
    policy = _file(tmp_path / "policy.yaml", HEAD + "- {level: Metadata, verbs: [create]}\n- {level: None}\n")
    result = _policy("check", policy, "--rules", _file(tmp_path / "rules.yaml", RULES))
    assert result.exit_code == BLINDED
    assert result.stdout.splitlines() == [
        "Blind   secret-read  NotLogged: the audit policy of this file does not log read of secrets  [rule 2]",
        "0 Full, 0 Partial, 1 Blind",
    ]


def test_what_no_rule_of_the_policy_matches_is_told(tmp_path: Path) -> None:
    policy = _file(tmp_path / "policy.yaml", HEAD + "- {level: Metadata, verbs: [create]}\n")
    result = _policy("check", policy, "--rules", _file(tmp_path / "rules.yaml", RULES))
    assert "[no rule: nothing is logged]" in result.stdout


def test_a_file_that_cannot_be_used_exits_with_2_and_a_sentence(tmp_path: Path) -> None:
    for file, words in (
        (str(tmp_path / "gone.yaml"), "gone.yaml: cannot be read: No such file"),
        (_file(tmp_path / "empty.yaml", HEAD), "empty.yaml: is no audit policy"),
        (_file(tmp_path / "bad.yaml", HEAD + "- {level: Everything}"), "bad.yaml: is no audit policy: Invalid enum"),
    ):
        result = _policy("check", file)
        assert result.exit_code == UNUSABLE
        assert words in result.stderr
        assert result.stderr.startswith("error: ")


def test_a_policy_in_which_rules_are_there_twice_is_refused(tmp_path: Path) -> None:
    policy = _file(tmp_path / "policy.yaml", HEAD + "- {level: None}\nrules:\n- {level: Metadata}\n")
    result = _policy("check", policy)
    assert (result.exit_code, result.stdout) == (UNUSABLE, "")
    assert result.stderr == f'error: {policy}:5: "rules" is there twice: remove one\n'


def test_what_is_checked_can_be_had_as_a_document_with_the_same_exit_code(tmp_path: Path) -> None:
    policy = _file(tmp_path / "policy.yaml", HEAD + "- {level: Metadata, verbs: [create]}\n")
    result = _policy("check", policy, "--rules", _file(tmp_path / "rules.yaml", RULES), "--output", "json")
    assert result.exit_code == BLINDED
    assert json.loads(result.stdout) == {
        "file": policy,
        "rules": [
            {
                "rule": "secret-read",
                "pack": "",
                "result": "Blind",
                "reason": "NotLogged",
                "message": "the audit policy of this file does not log read of secrets",
                "decidedBy": [None],
                "isBlinded": True,
            }
        ],
    }


def test_a_document_has_every_rule_and_counts_rules_of_the_policy_from_one() -> None:
    found = json.loads(_policy("check", "-", "-o", "json", stdin=HEAD + "- {level: Metadata}\n").stdout)["rules"]
    assert len(found) > 100
    assert {each["result"] for each in found} == {"Full", "Partial", "Blind"}
    assert {place for each in found for place in each["decidedBy"]} == {1}


def test_of_a_file_that_cannot_be_used_no_document_is_printed(tmp_path: Path) -> None:
    result = _policy("check", str(tmp_path / "gone"), "-o", "json")
    assert (result.exit_code, result.stdout) == (UNUSABLE, "")
