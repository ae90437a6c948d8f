"""Which findings a story folds, as rules say it: names and groups are checked when the rule is read."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.signal import Absorption

from .building import change, compiled, detector, paths

MEMBER = "{name: cut, replaces: [old-cut], match: {apiGroups: [config.kio.kasten.io]}}"
STORY = (
    "{name: many, correlate: {type: eventCount, of: [{rule: cut}], groupBy: [actor.id], timespanSeconds: 60, "
    "conditions: [{gte: 2}], absorbs: [%s]}}"
)


def _absorbs(item: str) -> tuple[Any, list[str]]:
    found, problems = compiled(f"[{MEMBER}, {STORY % item}]")
    rule = found.rules.get("many")
    return (rule.story.absorbs if rule is not None and rule.story is not None else None), paths(problems)


def test_a_rule_that_is_counted_may_be_absorbed_under_its_former_name_too() -> None:
    assert _absorbs("{rule: old-cut}") == ((Absorption("cut", 60.0),), [])


def test_findings_are_joined_by_what_both_are_grouped_by() -> None:
    found, problems = _absorbs("{rule: cut, join: [{field: actor.id, with: target.name}]}")
    assert (found, problems) == ((Absorption("cut", 60.0, (("actor.id", "target.name"),)),), [])


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ("{rule: cutt}", "rule"),
        ("{rule: many}", ""),
        ("{rule: cut, join: [{field: target.name, with: target.name}]}", "join[0].field"),
        ("{rule: cut, join: [{field: actor.id, with: actor.id}]}", "join[0].with"),
    ],
)
def test_what_cannot_be_absorbed_is_told_with_its_place(item: str, path: str) -> None:
    found, problems = _absorbs(item)
    place = "spec.rules[1].correlate.absorbs[0]"
    assert (found, problems) == (None, [f"{place}.{path}" if path else place])


def test_the_signal_of_a_story_says_what_it_absorbs() -> None:
    engine = detector(f"[{MEMBER}, {STORY % '{rule: cut}'}]")
    old: dict[str, Any] = {"spec": {"paused": False}}
    rows = [change(old, {"spec": {"paused": True}}, time=1000.0 + second) for second in range(2)]
    signals = [signal for sequence, row in enumerate(rows, start=1) for signal in engine.observe(sequence, row)]
    assert [(signal.rule, signal.contributors, signal.absorbs) for signal in signals] == [
        ("cut", (), ()),
        ("cut", (), ()),
        ("many", (1, 2), (Absorption("cut", 60.0),)),
    ]
