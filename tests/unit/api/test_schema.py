"""The CRDs' schemas, walked: described, bounded, structural, and small enough to be applied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from auditwatch.api import finding, findingstatus, operators, vocabulary, watchstatus
from auditwatch.api.crd import AUDITWATCH, FINDING, KINDS, Kind, definition, render
from auditwatch.api.schema import CEL_REPETITIONS

Place = tuple[str, dict[str, Any]]
ROOT = Path(__file__).parents[3]
FILES = render()
OVERRIDES = "auditwatches.spec.packs[].overrides[]"
UNITS = ("Seconds", "Generation", "Count", "PerRule", "percent")
COUNTED = {"count", "matches", "blind", "full", "partial", "gte", "epoch", "sequence"}
"""Numbers without a unit: how many there are, and positions."""
YAML_BOOLEANS = {"y", "n", "yes", "no", "on", "off", "true", "false"}
LITERALS = {
    vocabulary.Severity: vocabulary.SEVERITY,
    vocabulary.Confidence: vocabulary.CONFIDENCE,
    vocabulary.Emit: vocabulary.EMIT,
    vocabulary.Outcome: vocabulary.OUTCOME,
    vocabulary.Evidence: vocabulary.EVIDENCE,
    vocabulary.Via: vocabulary.VIA,
    vocabulary.Attribution: findingstatus.ATTRIBUTION,
    findingstatus.Certainty: findingstatus.CERTAINTY,
    findingstatus.Disposition: findingstatus.DISPOSITION,
    findingstatus.IncidentState: findingstatus.INCIDENT_STATE,
    finding.TriageState: finding.TRIAGE_STATE,
    watchstatus.SourceState: watchstatus.SOURCE_STATE,
    watchstatus.Visibility: watchstatus.VISIBILITY,
    operators.Operator: operators.SHAPES,
}


def schema_of(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: dict[str, Any], path: str) -> Iterator[Place]:
    """Every place of a schema with its path; list items end in []."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from walk(field, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")


PLACES = [place for kind in KINDS for place in walk(schema_of(kind), kind.plural)]
AT = dict(PLACES)
FIELDS = [(path, schema) for path, schema in PLACES if not path.endswith("[]")]


def test_every_field_is_described() -> None:
    assert [path for path, schema in FIELDS if not schema.get("description", "").strip()] == []


def test_descriptions_are_sentences() -> None:
    assert [path for path, schema in FIELDS if not schema["description"].endswith(".")] == []


def test_every_list_is_bounded_and_says_how_it_is_merged() -> None:
    lists = [(path, schema) for path, schema in PLACES if schema["type"] == "array"]
    assert len(lists) > 50
    assert [path for path, schema in lists if "maxItems" not in schema or "x-kubernetes-list-type" not in schema] == []


def test_every_string_is_bounded() -> None:
    bounded = {"maxLength", "enum", "format"}
    assert [path for path, schema in PLACES if schema["type"] == "string" and not bounded & schema.keys()] == []


def test_every_number_is_whole_and_never_negative() -> None:
    numbers = [(path, schema) for path, schema in PLACES if schema["type"] in {"integer", "number"}]
    assert [path for path, schema in numbers if schema.get("format") != "int64" or schema.get("minimum", -1) < 0] == []


def test_no_map_takes_whatever_is_written() -> None:
    assert [path for path, schema in PLACES if "additionalProperties" in schema] == []
    assert "x-kubernetes-preserve-unknown-fields" not in "".join(FILES.values())


@pytest.mark.parametrize("word", ["$ref", "anyOf", "allOf", "title", "const", "exclusiveMinimum", "x-model"])
def test_the_schema_is_structural(word: str) -> None:
    assert [path for path, schema in PLACES if word in schema] == []


def test_no_field_is_a_boolean_in_yaml() -> None:
    assert [path for path, _ in FIELDS if path.rsplit(".", 1)[-1].lower() in YAML_BOOLEANS] == []


def test_names_of_fields_are_camel_case() -> None:
    names = {path.rsplit(".", 1)[-1] for path, _ in FIELDS} - {kind.plural for kind in KINDS}
    assert [name for name in sorted(names) if not name.isalnum() or not name[0].islower()] == []


def test_a_number_ends_in_its_unit_or_counts_something() -> None:
    numbers = {path.rsplit(".", 1)[-1] for path, schema in FIELDS if schema["type"] == "integer"}
    assert {name for name in numbers if not name.endswith(UNITS)} == COUNTED


def test_no_duration_is_a_text_and_no_name_says_when_otherwise() -> None:
    """``300`` of dedupSeconds and no ``5m``; seenTime and neither seenAt nor seenTimestamp."""
    named = [path.rsplit(".", 1)[-1] for path, _ in FIELDS]
    assert [name for name in named if name.endswith(("At", "Timestamp", "Date", "Millis", "Minutes", "Hours"))] == []
    texts = {path.rsplit(".", 1)[-1] for path, schema in FIELDS if schema["type"] == "string"}
    assert [name for name in texts if re.search(r"(?i)(duration|interval|timeout|period|seconds)$", name)] == []


def test_times_end_in_time_and_durations_in_seconds() -> None:
    times = {path.rsplit(".", 1)[-1] for path, schema in FIELDS if schema.get("format") == "date-time"}
    assert [name for name in sorted(times) if name != "time" and not name.endswith("Time")] == []


@pytest.mark.parametrize(("literal", "meanings"), LITERALS.items(), ids=str)
def test_every_word_of_a_closed_set_has_a_meaning(literal: object, meanings: dict[str, str]) -> None:
    assert set(get_args(literal)) == set(meanings)


def test_every_value_of_a_choice_is_explained_where_the_choice_is() -> None:
    choices = [(path, schema) for path, schema in FIELDS if "enum" in schema]
    choices += [(path, {**AT[path], **AT[f"{path}[]"]}) for path, schema in FIELDS if "enum" in schema.get("items", {})]
    assert len(choices) > 20
    for path, schema in choices:
        if "explained at rules.where.operator" not in schema["description"]:
            assert [word for word in schema["enum"] if f"{word}" not in schema["description"]] == [], path


def test_an_empty_spec_is_filled_by_the_server() -> None:
    spec = schema_of(AUDITWATCH)["properties"]["spec"]
    assert spec["default"]["packs"] == [{"name": "k10-baseline", "version": "1"}]
    assert "required" not in spec
    assert spec["properties"]["findings"]["properties"]["minSeverity"]["default"] == "Low"


def test_cel_stands_down_to_the_items_of_a_rules_own_where() -> None:
    rules = "auditwatches.spec.rules[]"
    for path in (rules, f"{rules}.match", f"{rules}.where[]", f"{rules}.correlate.of[]", OVERRIDES):
        assert AT[path].get("x-kubernetes-validations"), path


def test_deeper_unions_are_told_by_their_required_fields() -> None:
    rules = "auditwatches.spec.rules[]"
    for path in (f"{rules}.where[].anyOf[][]", f"{rules}.except[].where[]", f"{rules}.severityWhen[].where[]"):
        assert "x-kubernetes-validations" not in AT[path], path
        assert {"required": ["macro"]} in AT[path]["oneOf"], path


def test_cel_never_stands_where_it_would_be_judged_too_often() -> None:
    def often(schema: dict[str, Any], repetitions: int) -> Iterator[int]:
        if "x-kubernetes-validations" in schema:
            yield repetitions
        for field in schema.get("properties", {}).values():
            yield from often(field, repetitions)
        if "items" in schema:
            yield from often(schema["items"], repetitions * schema["maxItems"])

    assert max(often(schema_of(AUDITWATCH), 1)) <= CEL_REPETITIONS


def test_every_cel_message_says_something_of_its_own() -> None:
    for path, schema in PLACES:
        messages = [validation["message"] for validation in schema.get("x-kubernetes-validations", [])]
        assert len(set(messages)) == len(messages), path


def test_the_spec_of_a_finding_cannot_be_changed() -> None:
    (validation,) = AT["k10securityfindings.spec"]["x-kubernetes-validations"]
    assert validation["rule"] == "self == oldSelf"


def test_conditions_have_the_shape_of_every_kubernetes_api() -> None:
    for kind in KINDS:
        conditions = AT[f"{kind.plural}.status.conditions"]
        assert conditions["x-kubernetes-list-map-keys"] == ["type"]
        assert conditions["items"]["required"] == ["lastTransitionTime", "message", "reason", "status", "type"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_columns_and_selectable_fields_point_at_fields_that_exist(kind: Kind) -> None:
    paths = [column.path for column in kind.columns if "[?" not in column.path] + list(kind.selectable)
    assert [path for path in paths if f"{kind.plural}{path}" not in AT and not path.startswith(".metadata.")] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_there_are_at_most_eight_columns_and_eight_selectable_fields(kind: Kind) -> None:
    assert len([column for column in kind.columns if not column.wide]) <= 8
    assert len(kind.selectable) <= 8
    assert all(AT[f"{kind.plural}{path}"]["type"] in {"string", "boolean", "integer"} for path in kind.selectable)


@pytest.mark.parametrize(("kind", "short"), [(AUDITWATCH, "aw"), (FINDING, "k10f")])
def test_the_kinds_have_their_short_names_and_their_category(kind: Kind, short: str) -> None:
    spec = definition(kind)["spec"]
    assert spec["names"]["shortNames"] == [short]
    assert spec["names"]["categories"] == ["k10security"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert spec["scope"] == "Namespaced"


@pytest.mark.parametrize("name", FILES)
def test_a_crd_is_small_enough_to_be_applied(name: str) -> None:
    assert len(FILES[name].encode()) < 240_000


@pytest.mark.parametrize("name", FILES)
def test_the_text_reads_back_as_what_was_rendered(name: str) -> None:
    kind = next(kind for kind in KINDS if kind.file == name)
    assert json.dumps(yaml.safe_load(FILES[name])) == json.dumps(definition(kind))


@pytest.mark.parametrize("name", FILES)
def test_no_part_is_written_as_a_reference_to_another(name: str) -> None:
    assert "&id" not in FILES[name]


@pytest.mark.parametrize("name", FILES)
def test_the_committed_crds_are_what_the_models_say(name: str) -> None:
    assert (ROOT / "crds" / name).read_text(encoding="utf-8") == FILES[name]


def test_rendering_again_changes_nothing() -> None:
    assert render() == FILES
