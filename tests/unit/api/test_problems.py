"""Problems: all of them at once, with paths as Kubernetes writes them."""

from __future__ import annotations

import pytest

from auditwatch.api.pack import Pack
from auditwatch.api.problems import Problem, join, nearest, validate
from tests.unit.api.rules import MATCH, TEST, problems, rule


def test_every_mistake_of_a_rule_is_found_in_one_go() -> None:
    raw = {
        "nmae": "x",
        "severity": "Hgh",
        "match": {**MATCH, "verbs": ["*", "delte", 7]},
        "where": [{"field": "a", "operator": "Exists", "values": ["x"]}, {"noneOf": [[{"macro": "m", **TEST}]]}],
        "correlate": {},
    }
    assert [problem.path.removeprefix("spec.rules[2]") for problem in problems(raw)] == [
        ".name",
        ".severity",
        ".match.verbs[1]",
        ".match.verbs[2]",
        ".match.verbs",
        ".where[0]",
        ".where[1].noneOf[0][0]",
        ".correlate.type",
        ".correlate.of",
        ".correlate.timespanSeconds",
        ".correlate.conditions",
        ".nmae",
        "",
        "",
    ]


def test_a_sound_document_has_no_problems_and_a_model() -> None:
    parsed, found = validate(Pack, {"name": "p", "version": "1", "rules": [rule()]})
    assert found == []
    assert parsed is not None
    assert parsed.rules[0].name == "policy-changed"


def test_a_faulty_document_has_problems_and_no_model() -> None:
    parsed, found = validate(Pack, {"name": "p"})
    assert parsed is None
    assert found == [Problem("version", "required: add it")]


def test_problems_carry_the_rule_they_are_in() -> None:
    assert validate(Pack, {}, "pack", rule="mine")[1][0] == Problem("pack.name", "required: add it", "mine")


def test_a_problem_is_fatal_unless_it_says_otherwise() -> None:
    assert Problem("", "m").fatal


def test_a_problem_reads_as_path_and_message() -> None:
    assert str(Problem("spec.rules[0].name", "required: add it")) == "spec.rules[0].name: required: add it"
    assert str(Problem("", "must be a list")) == "must be a list"


@pytest.mark.parametrize("raw", [None, 7, "text", [], True])
def test_something_that_is_no_object_is_said_to_be_none(raw: object) -> None:
    (problem,) = problems(raw)
    assert problem.path == "spec.rules[2]"
    assert problem.message.startswith("must be an object with fields")


@pytest.mark.parametrize(
    ("path", "steps", "joined"),
    [
        ("spec", ("rules", 2, "match", "verbs", 0), "spec.rules[2].match.verbs[0]"),
        ("", ("rules", 0), "rules[0]"),
        ("spec.rules[1]", (), "spec.rules[1]"),
        ("", (0, "name"), "[0].name"),
    ],
)
def test_paths_are_written_as_kubernetes_writes_them(path: str, steps: tuple[str | int, ...], joined: str) -> None:
    assert join(path, steps) == joined


def test_a_word_unlike_all_others_gets_no_suggestion() -> None:
    assert nearest("zzz", ["name", "severity"]) == ""


def test_a_word_in_the_wrong_case_gets_the_right_one() -> None:
    assert nearest("APIGROUPS", ["apiGroups", "names"]) == "; did you mean apiGroups?"


def test_an_unknown_field_unlike_all_others_gets_the_list_of_known_ones() -> None:
    (problem,) = problems(rule(finding={"zzz": 1}))
    assert problem.message == "unknown field; known are groupBy"


def test_a_long_wrong_value_is_shown_in_part() -> None:
    (problem,) = problems(rule(severity="x" * 500))
    assert len(problem.message) < 200


def test_one_mistake_is_not_told_twice() -> None:
    found = problems(rule(where=[{"field": "a", "operator": "Nonsense"}]))
    assert len(found) == 1


def test_a_wrong_item_does_not_make_its_list_too_short() -> None:
    found = problems(rule(tags=[7]))
    assert [problem.path for problem in found] == ["spec.rules[2].tags[0]"]
