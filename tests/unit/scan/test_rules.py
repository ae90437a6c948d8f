"""Which rules a scan has in force, and what is said of those it cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.scan.rules import Asked, RulesError, k10_of, rules_of

from .making import DELETIONS, K10


def _file(tmp_path: Path, text: str, name: str = "rules.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_asked_for_is_the_baseline_pack() -> None:
    (rule_set,) = rules_of(Asked(), k10=K10, now=0.0).rule_sets
    assert "policy-deleted" in rule_set.rules


def test_files_stand_instead_of_the_baseline_pack_and_beside_a_pack_that_is_named(tmp_path: Path) -> None:
    file = _file(tmp_path, DELETIONS)
    (own,) = rules_of(Asked(files=[file]), k10=K10, now=0.0).rule_sets
    assert set(own.rules) == {"policy-gone", "policy-touched", "many-policies-gone"}
    both = rules_of(Asked(files=[file], packs=["k10-baseline@1"]), k10=K10, now=0.0).rule_sets
    assert len(both) == 2


def test_files_with_rules_of_the_same_name_do_not_replace_each_other(tmp_path: Path) -> None:
    files = [_file(tmp_path, DELETIONS, "a.yaml"), _file(tmp_path, DELETIONS, "b.yaml")]
    watches = [rule_set.watch for rule_set in rules_of(Asked(files=files), k10=K10, now=0.0).rule_sets]
    assert len(set(watches)) == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(packs=["k10-basline"]), "there is no pack 'k10-basline'; did you mean k10-baseline"),
        (Asked(packs=["k10-baseline@9"]), "there is no pack 'k10-baseline@9'; there is: k10-baseline@1"),
        (Asked(packs=["k10-baseline@x"]), "there is no pack 'k10-baseline@x'; there is: k10-baseline@1"),
        (Asked(time_zone="Mars/Olympus"), "there is no time zone 'Mars/Olympus': write an IANA name"),
        (Asked(files=[Path("/nowhere/rules.yaml")]), "/nowhere/rules.yaml: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_says_what_to_write(asked: Asked, words: str) -> None:
    with pytest.raises(RulesError) as error:
        rules_of(asked, k10=K10, now=0.0)
    assert words in str(error.value)


def test_a_mistake_in_a_rule_is_an_error_with_file_and_line(tmp_path: Path) -> None:
    file = _file(tmp_path, DELETIONS + "- name: broken\n  match: {verbs: [eat]}\n")
    with pytest.raises(RulesError, match=r"rules\.yaml:1\d: rules\[3\]\.match\.verbs\[0\]"):
        rules_of(Asked(files=[file]), k10=K10, now=0.0)


def test_the_time_zone_asked_for_is_that_of_every_rule(tmp_path: Path) -> None:
    rules = rules_of(Asked(files=[_file(tmp_path, DELETIONS)], time_zone="Asia/Tokyo"), k10=K10, now=0.0)
    assert [str(rule_set.zone) for rule_set in rules.rule_sets] == ["Asia/Tokyo"]


def test_an_account_may_name_its_namespace() -> None:
    own = k10_of(namespace="backup", account="k10-k10", api_domain="kio.kasten.io").instance
    other = k10_of(namespace="backup", account="system:serviceaccount:veeam:k10", api_domain="kio.kasten.io").instance
    assert own.account == "system:serviceaccount:backup:k10-k10"
    assert other.account == "system:serviceaccount:veeam:k10"
