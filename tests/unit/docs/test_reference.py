"""Reference pages against the code, both ways: nothing the code can say is missing, and nothing else is told."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml

from auditwatch.api.crd import render as render_crds
from auditwatch.api.operators import SHAPES
from auditwatch.cli.crd_reference import fields
from auditwatch.cli.reference import pages
from auditwatch.detection.activity_fields import UNKNOWN_TO_STATE
from auditwatch.detection.fields import known_fields
from auditwatch.findings.notice import reason as event_reason
from tests.unit.docs import words
from tests.unit.docs.words import first_column, page, section

REASONS = page("reasons.md")
LANGUAGE = page("rule-language.md")


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert page(name) == pages()[name], "write it again: make reference"


@pytest.mark.parametrize(
    ("file", "name"), [("auditwatches.yaml", "auditwatch.md"), ("k10securityfindings.yaml", "k10securityfinding.md")]
)
def test_every_field_of_a_kind_is_on_its_page_once_for_each_part(file: str, name: str) -> None:
    schema = yaml.safe_load(render_crds()[file])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        told = first_column(section(page(name), part))
        assert told == [path for path, _, _ in fields(schema["properties"][part])]
        assert len(set(told)) == len(told) > 10


@pytest.mark.parametrize(
    ("heading", "said"),
    [
        ("Conditions", words.condition_reasons),
        ("Visibility", words.visibility_reasons),
        ("Gaps", words.gap_reasons),
        ("Degraded events", words.degradations),
        ("Unreadable items", words.unreadable_reasons),
        ("Refused requests", words.refusal_reasons),
    ],
)
def test_every_reason_the_code_gives_is_explained_and_no_other(heading: str, said: Callable[[], set[str]]) -> None:
    told = first_column(section(REASONS, heading))
    assert len(told) == len(set(told))
    assert set(told) == said()


def test_the_reason_of_an_event_is_made_as_the_page_says() -> None:
    assert f"`{event_reason('policy-paused')}`" in section(REASONS, "Kubernetes Events")


def test_every_environment_variable_is_explained_and_no_other() -> None:
    of_libraries = {"KUBECONFIG"}
    assert set(first_column(page("environment.md"))) == words.environment_variables() | of_libraries


def test_every_operator_is_explained_in_the_words_of_kubectl_explain() -> None:
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| [^|]* \| (.*) \|$", section(LANGUAGE, "Operators"), re.MULTILINE)
    assert {name: meaning.replace("\\*", "*") for name, meaning in rows} == {
        name: shape.meaning for name, shape in SHAPES.items()
    }


def test_every_field_of_the_rule_language_is_explained_and_no_other() -> None:
    assert sorted(first_column(section(LANGUAGE, "Fields"))) == sorted(known_fields())


def test_what_watched_state_cannot_tell_is_marked_so() -> None:
    rows = re.findall(r"^\| (`.*?) \| .* \| (\w+)[^|]* \|$", section(LANGUAGE, "Fields"), re.MULTILINE)
    marked = {name for names, known in rows if known == "no" for name in re.findall(r"`([^`]+)`", names)}
    assert marked == UNKNOWN_TO_STATE


def test_what_a_story_absorbs_is_explained_once() -> None:
    assert LANGUAGE.count("`absorbs` names rules") == 1
