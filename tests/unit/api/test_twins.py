"""CEL and Python say the same: every rule a server is given is run here, beside the check that stands for it.

CEL is read as far as our rules use it: ``has``, ``size``, ``in``, comparisons, logic and choices.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auditwatch.api.auditwatch import Override, WatchSpec
from auditwatch.api.correlate import Correlate, SignalsOf
from auditwatch.api.finding import FindingSpec
from auditwatch.api.match import Match
from auditwatch.api.model import Model, Validation
from auditwatch.api.operators import OPERATORS
from auditwatch.api.rules import Rule
from auditwatch.api.where import Clause, ElementTerm, FieldTest, Term
from tests.unit.api.sampling import MODELS

Raw = dict[str, Any]
ABSENT = object()
WITH_CEL = [model for model in MODELS if model.validations and model is not FindingSpec]
"""The spec of a finding may not change: that is about two versions, which a model never sees."""
TEST: dict[str, tuple[Any, ...]] = {
    "field": (ABSENT, "target.name"),
    "operator": (ABSENT, *OPERATORS),
    "values": (ABSENT, ["1"], ["1", "2"]),
    "list": (ABSENT, "known"),
    "valueFrom": (ABSENT, "actor.id"),
    "percent": (ABSENT, 50),
    "order": (ABSENT, ["a", "b"]),
    "missingAs": (ABSENT, "0"),
}
FEW = {**TEST, "operator": (ABSENT, "Exists", "Equals", "In", "DecreasedBy")}
ALTERNATIVES = (ABSENT, [[{"macro": "m"}]])
FOR_ANY = (ABSENT, {"path": "changes", "where": [{"macro": "m"}]})
WRITTEN: dict[type[Model], dict[str, tuple[Any, ...]]] = {
    FieldTest: TEST,
    Term: {**FEW, "macro": (ABSENT, "m")},
    ElementTerm: {**FEW, "macro": (ABSENT, "m"), "anyOf": ALTERNATIVES},
    Clause: {**FEW, "macro": (ABSENT, "m"), "anyOf": ALTERNATIVES, "noneOf": ALTERNATIVES, "forAny": FOR_ANY},
    Override: {"rule": ("r",), "severity": (ABSENT, "High"), "mute": (ABSENT, True, False)},
    WatchSpec: {"sources": (ABSENT, ["*"], ["state"], ["*", "state"], ["state", "*"], ["state", "k10stream"])},
    Correlate: {
        "type": ("eventCount", "valueCount"),
        "value": (ABSENT, ["target.name"]),
        "count": (ABSENT, {"sum": "target.count"}),
        "conditions": ([{"gte": 32}], [{"gte": 33}]),
    },
    SignalsOf: {"rule": (ABSENT, "r"), "tags": (ABSENT, ["t"])},
    Match: {
        "apiGroups": (ABSENT, [""], ["apps"]),
        "resources": (ABSENT, ["pods"]),
        "verbs": (ABSENT, ["*"], ["*", "get"], ["get", "list"]),
        "outcomes": (ABSENT, ["Any"], ["Any", "Denied"], ["Denied"]),
        "nonResourceURLs": (ABSENT, ["/metrics"]),
        "users": (ABSENT, ["eve"]),
        "sourceIPs": (ABSENT, ["10.0.0.0/8"]),
    },
    Rule: {
        "name": ("r",),
        "match": (ABSENT, {"users": ["eve"]}),
        "correlate": (ABSENT, {"type": "eventCount"}),
        "where": (ABSENT, [{"macro": "m"}]),
        "onUnknown": (ABSENT, {}),
        "settleSeconds": (ABSENT, 0, 5),
    },
}
"""What is written, by model: every combination of these."""


def in_python(cel: str) -> str:
    """One of our CEL rules as a Python expression over ``self``, a mapping."""
    text = re.sub(r"has\(self\.(\w+)\)", r"('\1' in self)", cel)
    text = re.sub(r"self\.(\w+)", r"self['\1']", text)
    text = re.sub(r"\[0\]\.(\w+)", r"[0]['\1']", text)
    text = re.sub(r"\(([^()]*\([^()]*\)) \? 1 : 0\)", r"(1 if \1 else 0)", text)
    text = re.sub(r"^(.*) \? (.*) : (.*)$", r"(\2) if (\1) else (\3)", text)
    text = re.sub(r"!(?!=)", " not ", text)
    return text.replace("||", " or ").replace("&&", " and ").replace("size(", "len(").strip()


def compiled(validation: Validation) -> Callable[[Raw], bool]:
    code = compile(in_python(validation.rule), validation.rule, "eval")
    return lambda raw: bool(eval(code, {"self": raw, "len": len, "__builtins__": {}}))  # noqa: S307 - our own rules


def documents(model: type[Model]) -> Iterator[Raw]:
    names = WRITTEN[model]
    for values in itertools.product(*names.values()):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not ABSENT}


def refused_by_cel(model: type[Model]) -> Callable[[Raw], set[str]]:
    rules = [(compiled(validation), validation.message) for validation in model.validations]
    return lambda raw: {message for holds, message in rules if not holds(raw)}


def refused_here(model: type[Model], raw: Raw) -> set[str]:
    return {flaw.message for flaw in model.checks(raw)}


def test_every_model_with_cel_is_written_out_here() -> None:
    assert set(WRITTEN) == set(WITH_CEL)


@pytest.mark.parametrize("model", WITH_CEL, ids=lambda model: model.__name__)
def test_what_a_server_refuses_the_operator_refuses(model: type[Model]) -> None:
    by_cel = refused_by_cel(model)
    assert [raw for raw in documents(model) if by_cel(raw) and not refused_here(model, raw)] == []


@pytest.mark.parametrize("model", [model for model in WITH_CEL if not issubclass(model, FieldTest)])
def test_what_the_operator_refuses_a_server_refuses_in_the_same_words(model: type[Model]) -> None:
    by_cel = refused_by_cel(model)
    assert [raw for raw in documents(model) if by_cel(raw) != refused_here(model, raw)] == []


@pytest.mark.parametrize("model", [model for model in WITH_CEL if issubclass(model, FieldTest)])
def test_of_a_whole_test_the_operator_says_nothing_a_server_would_not(model: type[Model]) -> None:
    by_cel = refused_by_cel(model)
    whole = [raw for raw in documents(model) if "field" in raw and "operator" in raw]
    assert [raw for raw in whole if not refused_here(model, raw) <= by_cel(raw)] == []


@pytest.mark.parametrize("model", WITH_CEL, ids=lambda model: model.__name__)
def test_every_message_of_cel_is_said_by_the_operator_too(model: type[Model]) -> None:
    said = {message for raw in documents(model) for message in refused_here(model, raw)}
    assert {validation.message for validation in model.validations} <= said


@pytest.mark.parametrize("model", WITH_CEL, ids=lambda model: model.__name__)
def test_every_rule_of_cel_lets_something_pass_and_refuses_something(model: type[Model]) -> None:
    for validation in model.validations:
        holds = compiled(validation)
        assert {holds(raw) for raw in documents(model)} == {True, False}, validation.message


@pytest.mark.parametrize("model", WITH_CEL, ids=lambda model: model.__name__)
def test_a_flaw_stands_where_the_server_says_it_stands(model: type[Model]) -> None:
    places = {validation.message: validation.field_path for validation in model.validations}
    for raw in documents(model):
        for flaw in model.checks(raw):
            path = "".join(f".{step}" for step in flaw.path)
            assert path == places.get(flaw.message, ""), raw


@pytest.mark.parametrize("model", WITH_CEL, ids=lambda model: model.__name__)
def test_every_message_says_what_to_do(model: type[Model]) -> None:
    says = re.compile(r"\b(set|give|remove|use|move|must be|need|say)\b")
    assert [each.message for each in model.validations if not says.search(each.message)] == []


def test_null_is_as_absent_as_nothing_at_all() -> None:
    assert refused_here(SignalsOf, {"rule": None, "tags": ["t"]}) == set()
    assert refused_here(Match, {"apiGroups": None, "resources": ["pods"]}) == refused_here(
        Match, {"resources": ["pods"]}
    )


@pytest.mark.parametrize(
    ("cel", "python"),
    [
        ("!has(self.a) || size(self.a) == 1", "not ('a' in self)  or  len(self['a']) == 1"),
        ("(has(self.a) ? 1 : 0) == 1", "(1 if ('a' in self) else 0) == 1"),
        ("self.a[0].b <= 3", "self['a'][0]['b'] <= 3"),
        ("has(self.a) != has(self.b)", "('a' in self) != ('b' in self)"),
    ],
)
def test_cel_is_read_as_it_is_meant(cel: str, python: str) -> None:
    assert in_python(cel) == python
