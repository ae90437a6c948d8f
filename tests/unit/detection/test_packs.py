"""Packs: read from text and from the program, one rule at a time, with every problem."""

from __future__ import annotations

import pytest

from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack, joined_parts, load_pack_text, load_rules

from .building import paths

HEAD = 'name: base\nversion: "1"\n'
RULE = "{name: %s, match: {names: [x]}}"


def test_a_pack_is_read() -> None:
    pack, problems = load_pack_text(HEAD + f"rules: [{RULE % 'a'}]\nlists: [{{name: l, values: [v]}}]", "p.yaml")
    assert problems == ()
    assert pack is not None
    assert pack.reference == "base@1"
    assert [(path, rule.name) for path, rule in pack.rules] == [("rules[0]", "a")]
    assert [named.values for named in pack.lists] == [("v",)]


def test_one_bad_rule_does_not_take_the_others() -> None:
    pack, problems = load_pack_text(HEAD + f"rules: [{RULE % 'a'}, {{name: b, match: {{}}}}, {RULE % 'c'}]", "p.yaml")
    assert pack is not None
    assert [rule.name for _, rule in pack.rules] == ["a", "c"]
    assert set(pack.left_out) == {"b"}
    assert paths(problems) == ["rules[1].match"]


def test_bad_lists_and_macros_are_told_with_their_path() -> None:
    pack, problems = load_pack_text(HEAD + "lists: [{values: [v]}]\nmacros: [{name: m}]\nrules: 7", "p.yaml")
    assert pack is not None
    assert paths(problems) == ["rules", "lists[0].name", "macros[0].where"]


def test_a_pack_without_a_head_is_none_and_its_rules_problems_are_told_all_the_same() -> None:
    pack, problems = load_pack_text("rules: [{name: b}]", "p.yaml")
    assert pack is None
    assert {"name", "version", "rules[0]"} <= set(paths(problems))


@pytest.mark.parametrize(
    ("text", "words"), [("a: [", "p.yaml: line 1, column"), ("[1]", "p.yaml: a pack is an object"), ("", "p.yaml")]
)
def test_what_is_no_pack_is_told_with_its_origin(text: str, words: str) -> None:
    pack, problems = load_pack_text(text, "p.yaml")
    assert pack is None
    assert words in problems[0].message


def test_the_packs_that_ship_have_no_problem_and_k10_baseline_is_one() -> None:
    packs, problems = built_in_packs()
    assert problems == ()
    assert "k10-baseline" in {pack.name for pack in packs}


def test_the_newest_version_of_the_major_is_found() -> None:
    packs = [LoadedPack("base", version) for version in ("1.2", "1.10", "11", "2")]
    found = find_pack(packs, "base", "1")
    assert found is not None
    assert found.version == "1.10"
    assert find_pack(packs, "base", "1.2") == packs[0]
    assert find_pack(packs, "base", "3") is None
    assert find_pack(packs, "other", "1") is None


def test_a_watchs_own_parts_have_the_paths_of_the_watch() -> None:
    parts, problems = load_rules({"rules": [{"name": "x"}], "lists": [{}]}, "", "spec")
    assert not parts.rules
    assert "spec.rules[0]" in paths(problems)
    assert "spec.lists[0].name" in paths(problems)


def _file(rules: str, parts: str = "") -> LoadedPack:
    pack, problems = load_pack_text(f"{HEAD}{parts}\nrules: [{rules}]", "p.yaml")
    assert pack is not None
    assert problems == ()
    return pack


def test_a_pack_in_two_files_has_the_rules_of_both_each_with_a_path_of_its_own() -> None:
    pack, problems = joined_parts(_file(RULE % "a"), _file(f"{RULE % 'b'}, {RULE % 'c'}"), "more.yaml")
    assert problems == ()
    assert [(path, rule.name) for path, rule in pack.rules] == [("rules[0]", "a"), ("rules[1]", "b"), ("rules[2]", "c")]
    assert pack.reference == "base@1"


def test_lists_and_macros_that_both_files_have_stand_there_once() -> None:
    parts = "lists: [{name: l, values: [v]}]\nmacros: [{name: m, where: [{field: actor.id, operator: Exists}]}]"
    pack, problems = joined_parts(_file("", parts), _file("", parts), "more.yaml")
    assert problems == ()
    assert [named.name for named in pack.lists] == ["l"]
    assert [macro.name for macro in pack.macros] == ["m"]


def test_a_list_that_is_written_otherwise_in_another_file_is_told() -> None:
    first, more = _file("", "lists: [{name: l, values: [v]}]"), _file("", "lists: [{name: l, values: [w]}]")
    pack, (problem,) = joined_parts(first, more, "more.yaml")
    assert problem.message == "more.yaml: 'l' is written otherwise in another file of base@1"
    assert [named.values for named in pack.lists] == [("v",)]


def test_what_was_left_out_of_any_file_is_left_out_of_the_pack() -> None:
    broken, _ = load_pack_text(HEAD + "rules: [{name: b, match: {}}]", "p.yaml")
    assert broken is not None
    assert set(joined_parts(_file(RULE % "a"), broken, "more.yaml")[0].left_out) == {"b"}
