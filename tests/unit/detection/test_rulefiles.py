"""Files of rules: packs, watches and lists, compiled as in force, problems with the line they are on."""

from __future__ import annotations

import pytest

from auditwatch.detection.packs import built_in_packs
from auditwatch.detection.rulefiles import RuleFile, read_rules

from .building import K10

LIST = """- name: good
  match:
    names: [x]
- name: bad
  match:
    names: [x]
    verbs:
    - get
    - eat
"""
WATCH = """apiVersion: k10auditwatch.io/v1alpha1
kind: AuditWatch
metadata: {name: w}
spec:
  lists: [{name: people, values: [eve]}]
  rules:
  - name: own
    match: {names: [x]}
    where: [{field: actor.id, operator: In, list: people}]
"""


def _read(text: str) -> tuple[RuleFile, ...]:
    return read_rules(text, k10=K10, now=0, packs=built_in_packs()[0])


def test_a_list_of_rules_is_read_and_a_problem_has_its_line() -> None:
    [found] = _read(LIST)
    assert found.own == {"good"}
    assert [(each.line, each.problem.path) for each in found.problems] == [(9, "rules[1].match.verbs[1]")]
    assert not found.is_sound


def test_a_pack_is_read() -> None:
    [found] = _read(f'name: p\nversion: "1"\nrules:\n{LIST}')
    assert found.own == {"good"}
    assert [each.line for each in found.problems] == [12]


PART = """name: {name}
version: "1"
rules:
- name: mine
  match: {{names: [x]}}
- name: many-of-mine
  correlate:
    type: eventCount
    of: [{{rule: mine}}]
    groupBy: [target.namespace]
    timespanSeconds: 60
    conditions: [{{gte: 2}}]
    absorbs: [{{rule: {absorbed}, join: [{{field: target.namespace, with: target.namespace}}]}}]
"""


def test_one_file_of_a_pack_may_name_what_stands_in_another() -> None:
    [found] = _read(PART.format(name="k10-baseline", absorbed="restore-point-deleted-by-hand"))
    assert found.is_sound, found.problems
    assert found.own == {"mine", "many-of-mine"}


@pytest.mark.parametrize(
    ("name", "absorbed"), [("k10-baseline", "restore-point-eaten"), ("another", "restore-point-deleted-by-hand")]
)
def test_a_name_that_no_file_of_the_pack_has_is_a_problem(name: str, absorbed: str) -> None:
    [found] = _read(PART.format(name=name, absorbed=absorbed))
    assert [(each.line, each.problem.message.partition(";")[0]) for each in found.problems] == [
        (13, f"there is no rule '{absorbed}'")
    ]


def test_a_watch_is_read_with_its_packs_and_only_its_own_rules_are_its_own() -> None:
    [found] = _read(WATCH)
    assert found.problems == ()
    assert found.is_sound
    assert found.own == {"own"}
    assert found.rule_set is not None
    assert "policy-deleted" in found.rule_set.rules


def test_a_watchs_own_flaws_have_their_lines() -> None:
    [found] = _read(WATCH.replace("spec:\n", "spec:\n  timeZone: Mars/Base\n  sauces: [x]\n"))
    assert (6, "spec.sauces") in [(each.line, each.problem.path) for each in found.problems]


def test_a_zone_that_does_not_exist_has_its_line() -> None:
    [found] = _read(WATCH.replace("spec:\n", "spec:\n  timeZone: Mars/Base\n"))
    assert [(each.line, each.problem.path) for each in found.problems] == [(5, "spec.timeZone")]


def test_several_documents_are_several_files() -> None:
    assert [found.own for found in _read(f"{WATCH}---\n{LIST}---\n")] == [{"own"}, {"good"}]


def test_a_problem_below_what_is_written_has_the_line_of_what_is() -> None:
    [found] = _read("- name: a\n  match: {names: [x]}\n- name: b\n")
    assert [each.line for each in found.problems] == [3]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a:\n  - b\n c", 3, "is no YAML"),
        ("", 1, "is empty"),
        ("just text", 1, "holds no rules"),
        ("a: 2027-99-99", 1, "no YAML that can be read"),
        ("!!python/object:os.system x", 1, "is no YAML"),
        ("[" * 5000, 1, "no YAML"),
    ],
    ids=["broken", "empty", "scalar", "date", "tag", "deep"],
)
def test_what_cannot_be_read_is_told_and_never_raises(text: str, line: int, words: str) -> None:
    found = _read(text)
    first = found[0].problems[0]
    assert first.line == line
    assert words in first.problem.message


@pytest.mark.parametrize("version", ["foo/v9", "v1", "k10auditwatch.io/v1"])
def test_a_watch_of_a_version_that_is_not_served_has_no_rules_in_force(version: str) -> None:
    [found] = _read(WATCH.replace("k10auditwatch.io/v1alpha1", version))
    assert [(each.line, str(each.problem)) for each in found.problems] == [
        (1, f"apiVersion: must be k10auditwatch.io/v1alpha1, not {version}")
    ]
    assert not found.own


def test_a_watch_says_its_version() -> None:
    [found] = _read(WATCH.partition("\n")[2])
    assert [str(each.problem) for each in found.problems] == ["apiVersion: required: add it"]


SHARED = """kind: ConfigMap
metadata: {name: ours, labels: {k10auditwatch.io/config: pack}}
data:
  more.yaml: |
    name: more
    version: "1"
    rules:
    - {name: more, match: {names: [x]}}
  ours.yaml: |
    name: ours
    version: "1"
    rules:
    - name: good
      match: {names: [x]}
    - name: bad
      match: {verbs: [eat]}
"""


def test_a_configmap_of_packs_is_read_as_the_operator_does_each_key_a_pack() -> None:
    more, ours = _read(SHARED)
    assert [sorted(each.own) for each in (more, ours)] == [["more"], ["good"]]
    assert more.is_sound
    assert [(each.line, each.problem.path) for each in ours.problems] == [
        (16, "rules[1].match.verbs[0]"),
        (16, "rules[1].match"),
    ]


@pytest.mark.parametrize(
    ("value", "line", "words"),
    [
        ("|\n    a: 1\n    a: 2", 6, '"a" is there twice: remove one'),
        ("|\n    # head\n    [1]", 6, "a pack is an object with name, version and rules"),
        ("|\n    a: [\n    b", 7, "is no YAML"),
        ("|\n    name: p\n    ---\n    name: q", 5, "holds several documents: a key of a ConfigMap is one pack"),
        ("|\n    kind: AuditWatch", 5, "required: add it"),
        ('"[{name: a, match: {names: [x]}}]"', 4, "a pack is an object with name, version and rules"),
        ("'name: k10-baseline\n\n    version: \"1\"'", 4, "ships with the operator: give this one another name"),
        ('""', 4, "is empty"),
    ],
)
def test_what_is_wrong_in_a_configmap_is_told_at_its_line(value: str, line: int, words: str) -> None:
    [found] = _read(f"{SHARED.partition('  more.yaml')[0]}  p.yaml: {value}\n")
    first = found.problems[0]
    assert (first.line, words in first.problem.message) == (line, True), first


@pytest.mark.parametrize("data", ["data: {}", "data: [a]", "data: {a: 1}", "binaryData: {a: eA==}"])
def test_a_configmap_of_packs_without_one_is_told(data: str) -> None:
    [found] = _read("\n".join([*SHARED.splitlines()[:2], data]))
    assert [each.problem.message for each in found.problems] == ["holds no pack: every key below data is one"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SHARED.replace("config: pack", "config: list"),
            "is a ConfigMap without the label k10auditwatch.io/config: pack",
        ),
        (SHARED.replace("labels: {k10auditwatch.io/config: pack}", "labels: [x]"), "or put what stands under data.KEY"),
        ("kind: Deployment\nspec: {}\n", "is a Deployment: write a pack, an AuditWatch or a list of rules"),
        ("kind: 7\nrules: []\n", "is a 7: write a pack, an AuditWatch or a list of rules"),
    ],
)
def test_what_is_something_else_is_told_in_one_line(text: str, words: str) -> None:
    [found] = _read(text)
    assert [words in each.problem.message for each in found.problems] == [True]
    assert not found.is_sound
