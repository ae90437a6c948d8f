"""Packs and lists of ConfigMaps: what is right is taken, what is wrong is told with the place it stands in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auditwatch.detection.packs import LoadedPack
from auditwatch.detection.shared import LABEL, MAX_CHARACTERS, Shared, shared_of

EXAMPLES = Path(__file__).parents[3] / "examples" / "configmaps"
PACK = 'name: ours\nversion: "1"\nrules: [{name: touched, match: {names: [x]}}]\n'
SHIPPED = [LoadedPack("k10-baseline", "1")]


def _map(name: str, kind: str | None, **data: Any) -> dict[str, Any]:
    labels = {} if kind is None else {LABEL: kind}
    return {"metadata": {"name": name, "labels": labels}, "data": {key.replace("_", "."): data[key] for key in data}}


def _of(*config_maps: dict[str, Any]) -> Shared:
    return shared_of(config_maps, shipped=SHIPPED)


def test_a_pack_is_read_from_every_key() -> None:
    found = _of(_map("rules", "pack", a_yaml=PACK, b_yaml=PACK.replace("ours", "more")))
    assert [pack.reference for pack in found.packs] == ["ours@1", "more@1"]
    assert (found.problems, found.pack_problems) == ((), {})


def test_a_pack_may_stand_in_several_places() -> None:
    second = PACK.replace("touched", "moved")
    (pack,) = _of(_map("a", "pack", rules_yaml=PACK), _map("b", "pack", rules_yaml=second)).packs
    assert [rule.name for _, rule in pack.rules] == ["touched", "moved"]


def test_a_list_is_named_by_its_key_and_has_a_value_a_line() -> None:
    (found,) = _of(_map("people", "list", gitops="# who applies from Git\n\n  argo \nflux\n")).lists
    assert (found.name, found.values) == ("gitops", ("argo", "flux"))


def test_without_the_label_nothing_is_read() -> None:
    assert _of(_map("a", None, x_yaml=PACK), _map("b", "other", gitops="eve"), {}) == Shared()


def test_one_wrong_rule_is_told_with_its_place_and_the_others_stay() -> None:
    text = PACK.replace("rules: [", "rules: [{name: bad, severity: Dire, match: {names: [x]}}, ")
    found = _of(_map("rules", "pack", a_yaml=text))
    (pack,), (problem,) = found.packs, found.pack_problems["ours"]
    assert [rule.name for _, rule in pack.rules] == ["touched"]
    assert problem.path == "configmap rules, a.yaml: rules[0].severity"
    assert problem.fatal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "line 1"),
        ("just words", "a pack is an object"),
        ("{rules: []}", "name"),
        (PACK.replace("ours", "k10-baseline"), "ships with the operator"),
        ("x" * (MAX_CHARACTERS + 1), "divide it"),
    ],
)
def test_what_is_no_pack_is_told_and_costs_nothing_else(text: str, words: str) -> None:
    found = _of(_map("a", "pack", bad_yaml=text), _map("b", "pack", good_yaml=PACK))
    assert [pack.name for pack in found.packs] == ["ours"]
    assert any(words in str(problem) for problem in found.problems)
    assert all(str(problem).startswith("configmap a, bad.yaml: ") for problem in found.problems)
    assert not any(problem.fatal for problem in found.problems)


def test_a_list_with_a_name_no_test_can_write_is_told() -> None:
    found = _of(_map("people", "list", **{"NOT A NAME": "eve", "fine": "eve"}))
    assert [each.name for each in found.lists] == ["fine"]
    assert [problem.path for problem in found.problems] == ["configmap people, NOT A NAME: name"]


def test_the_order_in_which_they_are_read_changes_nothing() -> None:
    maps = [_map("b", "list", gitops="b"), _map("a", "list", gitops="a"), _map("c", "pack", p_yaml=PACK)]
    assert _of(*maps) == _of(*reversed(maps))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_read_whole(path: Path) -> None:
    found = shared_of([yaml.safe_load(path.read_text(encoding="utf-8"))], shipped=SHIPPED)
    assert (found.problems, found.pack_problems) == ((), {})
    assert found.packs or found.lists


def test_a_pack_with_a_key_that_is_there_twice_is_not_taken_and_told_with_its_line() -> None:
    found = _of(_map("rules", "pack", a_yaml=PACK + "rules: []\n"))
    (problem,) = found.problems
    assert (found.packs, problem.path) == ((), "configmap rules, a.yaml")
    assert problem.message == 'line 4, column 1: "rules" is there twice: remove one'


def test_a_pack_so_deep_that_no_loader_holds_it_is_told_and_ends_nothing() -> None:
    (problem,) = _of(_map("rules", "pack", a_yaml=PACK + "more: " + "[" * 100_000)).problems
    assert problem.path == "configmap rules, a.yaml"
