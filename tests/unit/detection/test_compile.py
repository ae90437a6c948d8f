"""Compiling a watch: what is right is in force, what is wrong is told all at once, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.pack import NamedList
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.detector import Detector
from auditwatch.detection.packs import LoadedPack, load_pack
from auditwatch.events.activity import Actor

from .building import K10, altered, change, compiled, paths, rule_set, rule_with, spec

GOOD = "{name: good, match: {names: [x]}}"
QUOTED = '"{nope}"'
PACK = """
name: base
version: "1.2"
lists: [{name: people, values: [eve]}]
macros: [{name: human, where: [{field: actor.id, operator: In, list: people}]}]
rules:
- name: human-change
  tags: [human]
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  where: [{macro: human}]
- {name: renamed, replaces: [former], match: {names: [daily]}}
- name: many
  correlate: {type: eventCount, of: [{rule: human-change}], timespanSeconds: 60, conditions: [{gte: 2}]}
"""


def _pack(text: str = PACK) -> LoadedPack:
    pack, problems = load_pack(yaml.safe_load(text), "pack.yaml")
    assert problems == ()
    assert pack is not None
    return pack


def _use(**reference: Any) -> PackUse:
    return PackUse("spec.packs[0]", PackReference.model_validate({"name": "base", **reference}), _pack())


def test_a_rule_with_a_problem_is_left_out_and_the_others_stay() -> None:
    found, problems = compiled(f"[{GOOD}, {{name: bad, match: {{verbs: [eat]}}}}]")
    assert set(found.rules) == {"good"}
    assert set(found.left_out) == {"bad"}
    assert all(problem.rule == "bad" for problem in problems)


def test_every_problem_of_every_rule_is_told() -> None:
    where = "[{field: actor.idd, operator: Exists}, {field: target.name, operator: Matches, values: ['(']}]"
    second = "- {name: two, match: {names: [x]}, finding: {groupBy: [nope]}}"
    rules = f"{rule_with(where, title=QUOTED)}\n{second}"
    _, problems = compiled(rules)
    assert sorted(paths(problems)) == [
        "spec.rules[0].title",
        "spec.rules[0].where[0].field",
        "spec.rules[0].where[1].values",
        "spec.rules[1].finding.groupBy[0]",
    ]
    assert {problem.rule for problem in problems} == {"probe", "two"}


def test_the_second_rule_of_a_name_is_left_out() -> None:
    found, problems = compiled(f"[{GOOD}, {GOOD.replace('[x]', '[y]')}]")
    assert paths(problems) == ["spec.rules[1].name"]
    assert found.rules["good"].source.match is not None
    assert found.rules["good"].source.match.names == ("x",)


def test_a_watchs_rule_does_not_take_a_packs_name() -> None:
    rules = [("spec.rules[0]", {"name": "renamed", "match": {"names": ["x"]}})]
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[_use()], rules=rules), k10=K10, now=0)
    assert paths(problems) == ["spec.rules[0].name"]
    assert found.rules["renamed"].pack == "base@1.2"


def test_a_packs_rules_are_in_force_with_their_names() -> None:
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[_use()]), k10=K10, now=0)
    assert problems == ()
    assert list(found.rules) == ["human-change", "renamed", "many"]
    story = found.rules["many"].story
    assert story is not None
    assert story.members == {"human-change"}


def test_a_pack_that_is_not_there_is_a_warning() -> None:
    use = PackUse("spec.packs[0]", PackReference(name="nope", version="7"), None)
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[use]), k10=K10, now=0)
    assert [(each.path, each.fatal) for each in problems] == [("spec.packs[0]", False)]
    assert "nope version 7" in problems[0].message
    assert not found.rules


def test_a_watchs_list_adds_to_the_packs() -> None:
    source = RuleSource(watch="a/b", packs=[_use()], lists=[NamedList(name="people", values=("bob",))])
    found, _ = compile_watch(source, k10=K10, now=0)
    made = Detector()
    made.install(found, in_force_from={})
    row = change(spec(), spec(x=1))
    for person in ("eve", "bob"):
        assert "human-change" in {each.rule for each in made.observe(1, altered(row, actor=Actor(id=person)))}
    assert "human-change" not in {each.rule for each in made.observe(1, altered(row, actor=Actor(id="ann")))}


def test_a_disabled_rule_is_out_of_force_and_what_counts_it_says_so() -> None:
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[_use(disable=["human-change"])]), k10=K10, now=0)
    assert problems == ()
    assert "human-change" not in found.rules
    assert found.rules["many"].disabled == ("human-change",)


def test_a_rule_named_as_a_packs_is_left_out_and_told_how_to_take_its_place() -> None:
    own = [("spec.rules[0]", {"name": "human-change", "match": {"names": ["x"]}})]
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[_use()], rules=own), k10=K10, now=0)
    assert paths(problems) == ["spec.rules[0].name"]
    assert "adding 'human-change' to spec.packs[0].disable" in problems[0].message
    assert found.rules["human-change"].pack


def test_a_rule_takes_the_place_of_a_disabled_one_also_in_the_stories_that_count_it() -> None:
    own = [("spec.rules[0]", {"name": "human-change", "match": {"names": ["x"]}})]
    source = RuleSource(watch="a/b", packs=[_use(disable=["human-change"])], rules=own)
    found, problems = compile_watch(source, k10=K10, now=0)
    assert problems == ()
    assert found.rules["human-change"].pack == ""
    story = found.rules["many"].story
    assert story is not None
    assert "human-change" in story.members
    assert found.rules["many"].disabled == ()


def test_a_rule_may_be_disabled_by_the_name_it_had() -> None:
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[_use(disable=["former"])]), k10=K10, now=0)
    assert problems == ()
    assert "renamed" not in found.rules


def test_an_override_changes_severity_or_mutes() -> None:
    overrides = [{"rule": "renamed", "severity": "Critical"}, {"rule": "human-change", "mute": True}]
    found, _ = compile_watch(RuleSource(watch="a/b", packs=[_use(overrides=overrides)]), k10=K10, now=0)
    assert found.rules["renamed"].severity == "Critical"
    made = Detector()
    made.install(found, in_force_from={})
    emitted = {
        each.rule: each.emits_finding
        for each in made.observe(1, altered(change(spec(), spec(x=1)), actor=Actor(id="eve")))
    }
    assert emitted == {"human-change": False, "renamed": True}


def test_names_a_pack_does_not_have_are_warnings_with_the_nearest() -> None:
    use = _use(disable=["human-chang"], overrides=[{"rule": "zzz", "mute": True}])
    found, problems = compile_watch(RuleSource(watch="a/b", packs=[use]), k10=K10, now=0)
    assert paths(problems) == ["spec.packs[0].disable[0]", "spec.packs[0].overrides[0].rule"]
    assert "did you mean human-change?" in problems[0].message
    assert not any(problem.fatal for problem in problems)
    assert len(found.rules) == 3


STORY = "{name: s, correlate: {type: eventCount, of: [%s], timespanSeconds: 60, conditions: [{gte: 2}]}}"


def test_a_story_of_an_unknown_rule_is_a_problem() -> None:
    _, problems = compiled(f"[{GOOD}, {STORY % '{rule: goood}'}]")
    assert paths(problems) == ["spec.rules[1].correlate.of[0].rule"]
    assert "did you mean good?" in problems[0].message


def test_a_story_of_a_story_is_a_problem() -> None:
    second = STORY.replace("name: s", "name: t") % "{rule: s}"
    _, problems = compiled(f"[{GOOD}, {STORY % '{rule: good}'}, {second}]")
    assert paths(problems) == ["spec.rules[2].correlate.of[0].rule"]


def test_a_value_that_is_no_field_is_a_problem_where_it_stands() -> None:
    story = (STORY % "{rule: good}").replace("type: eventCount", "type: valueCount, value: [target.name, target.nme]")
    _, problems = compiled(f"[{GOOD}, {story}]")
    assert paths(problems) == ["spec.rules[1].correlate.value[1]"]


def test_a_group_that_is_no_field_is_a_problem_where_it_stands() -> None:
    story = (STORY % "{rule: good}").replace("type: eventCount", "type: eventCount, groupBy: [actor.ids]")
    _, problems = compiled(f"[{GOOD}, {story}]")
    assert "spec.rules[1].correlate.groupBy[0]" in paths(problems)


def test_a_story_of_a_rule_that_was_left_out_is_in_force_and_blind() -> None:
    found, _ = compiled(f"[{{name: good, match: {{verbs: [eat]}}}}, {STORY % '{rule: good}'}]")
    assert found.rules["s"].disabled == ("good",)


def test_a_story_by_tags_counts_the_rules_that_have_all_of_them() -> None:
    both, one = "{name: a, tags: [x, y], match: {names: [x]}}", "{name: b, tags: [x], match: {names: [x]}}"
    rules = f"[{both}, {one}, {STORY % '{tags: [x, y]}'}]"
    story = rule_set(rules).rules["s"].story
    assert story is not None
    assert story.members == {"a"}


def test_tags_that_no_rule_has_are_a_warning() -> None:
    _, problems = compiled(f"[{STORY % '{tags: [x]}'}]")
    assert [(each.path, each.fatal) for each in problems] == [("spec.rules[0].correlate.of", False)]


def test_a_zone_that_does_not_exist_is_told_and_the_rules_stay() -> None:
    found, problems = compiled(f"[{GOOD}]", time_zone="Europe/Atlantis")
    assert paths(problems) == ["spec.timeZone"]
    assert set(found.rules) == {"good"}


def test_a_digest_stays_while_the_rule_means_the_same() -> None:
    first = rule_set(rule_with("[{field: target.name, operator: Exists}]")).rules["probe"].digest
    again = rule_with("[{field: target.name, operator: Exists}]", description="other words", remediation="do this")
    assert rule_set(again).rules["probe"].digest == first
    other = rule_with("[{field: target.name, operator: DoesNotExist}]")
    assert rule_set(other).rules["probe"].digest != first


def test_a_digest_changes_with_the_macro_it_names() -> None:
    macros = [
        [{"name": "human", "where": [{"field": "actor.id", "operator": op}]}] for op in ("Exists", "DoesNotExist")
    ]
    packs = [_pack(yaml.safe_dump({**yaml.safe_load(PACK), "macros": each})) for each in macros]
    digests = set()
    for pack in packs:
        use = PackUse("spec.packs[0]", PackReference(name="base"), pack)
        found, _ = compile_watch(RuleSource(watch="a/b", packs=[use]), k10=K10, now=0)
        digests.add(found.rules["human-change"].digest)
    assert len(digests) == 2


def test_the_sets_digest_changes_with_anything_in_it() -> None:
    digests = {
        rule_set(f"[{GOOD}]").digest,
        rule_set(f"[{GOOD.replace('good', 'better')}]").digest,
        rule_set(f"[{GOOD}]", time_zone="Europe/Paris").digest,
        rule_set(f"[{GOOD}]", tenant="x").digest,
        rule_set(f"[{GOOD}]", lists=[NamedList(name="l", values=("v",))]).digest,
    }
    assert len(digests) == 5
    assert rule_set(f"[{GOOD}]").digest in digests


@pytest.mark.parametrize("raw", [{}, {"name": 7}, {"name": "x", "match": None}, {"name": "x", "match": [], "where": 5}])
def test_a_rule_of_any_shape_is_a_problem_and_never_an_exception(raw: dict[str, Any]) -> None:
    found, problems = compile_watch(RuleSource(watch="a/b", rules=[("spec.rules[0]", raw)]), k10=K10, now=0)
    assert problems
    assert not found.rules
