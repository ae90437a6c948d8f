"""Rules for the tests of this folder: small, sound, and made to be changed in one place each."""

from __future__ import annotations

from typing import Any

from auditwatch.api.problems import Problem, validate
from auditwatch.api.rules import Rule

MATCH: dict[str, Any] = {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"], "verbs": ["update"]}
STORY: dict[str, Any] = {
    "type": "eventCount",
    "of": [{"rule": "restore-point-deleted"}],
    "timespanSeconds": 600,
    "conditions": [{"gte": 10}],
}
TEST: dict[str, Any] = {"field": "target.name", "operator": "In", "values": ["daily"]}


def rule(**fields: Any) -> dict[str, Any]:
    """A sound match rule with other fields set; ``None`` takes a field away."""
    written = {"name": "policy-changed", "match": MATCH, **fields}
    return {key: value for key, value in written.items() if value is not None}


def problems(raw: object) -> list[Problem]:
    """What is wrong with a rule that stands at spec.rules[2]."""
    return validate(Rule, raw, "spec.rules[2]")[1]


def said(raw: object) -> list[str]:
    """The same, as people read it, without the path of the rule."""
    return [
        str(problem).removeprefix("spec.rules[2]").removeprefix(".").removeprefix(": ") for problem in problems(raw)
    ]


def sound(raw: object) -> Rule:
    """The rule, which must be without problems."""
    parsed, found = validate(Rule, raw)
    assert parsed is not None, found
    return parsed
