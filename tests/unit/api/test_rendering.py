"""What becomes of a model in a CRD, shown on small models made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, ValidationError

from auditwatch.api.crd import AUDITWATCH, FINDING, GROUP, KINDS, VERSION, Kind, definition, render
from auditwatch.api.model import Bool, Int, Model, Time, Validation
from auditwatch.api.schema import CEL_REPETITIONS, structural
from auditwatch.api.vocabulary import explained, words
from tests.unit.api.sampling import MODELS, fields

ONE = Validation("has(self.a) != has(self.b)", "set exactly one of a and b")
AT = Validation("size(self.a) > 1", "say more", ".a")


class Leaf(Model):
    """A choice."""

    validations: ClassVar[tuple[Validation, ...]] = (ONE, AT)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("b", "a"), ("c",))
    brief: ClassVar[Mapping[str, str]] = {"a": "Short."}

    a: Annotated[str, Field(max_length=5)] | None = Field(default=None, description="Long.")
    b: Bool | None = Field(default=None, description="B.")
    c: Int | None = Field(default=None, description="C.")


class Narrow(Leaf):
    """A choice of one."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("b", "a"),)


class Silent(Leaf):
    """No choice."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()


class Root(Model):
    """Everything a field may be."""

    keyed: ClassVar[Mapping[str, str]] = {"few": "a"}
    distinct: ClassVar[tuple[str, ...]] = ("uniqueWords",)

    few: Annotated[tuple[Leaf, ...], Field(max_length=CEL_REPETITIONS)] = Field(default=(), description="Few.")
    many: Annotated[tuple[Leaf, ...], Field(max_length=CEL_REPETITIONS + 1)] = Field(default=(), description="Many.")
    narrow: Annotated[tuple[Narrow, ...], Field(max_length=5000)] = Field(default=(), description="Narrow.")
    silent: Annotated[tuple[Silent, ...], Field(max_length=5000)] = Field(default=(), description="Silent.")
    unique_words: Annotated[tuple[Annotated[str, Field(max_length=3)], ...], Field(max_length=4)] = Field(
        default=("a",), description="Words."
    )
    rows: Annotated[tuple[Annotated[tuple[Leaf, ...], Field(max_length=33)], ...], Field(max_length=32)] = Field(
        default=(), description="Rows of leaves."
    )
    alone: Literal["only"] = Field(default="only", description="One word.")
    when: Time | None = Field(default=None, description="When.")
    inner: Leaf = Field(default=Leaf(a="x"), description="Said nearer the field.")
    must: Annotated[Int, Field(ge=1, le=3)] = Field(description="Needed.")


SCHEMA = structural(Root)
AT_FIELD: dict[str, Any] = SCHEMA["properties"]


def test_what_must_be_written_is_required_and_nothing_else() -> None:
    assert SCHEMA["required"] == ["must"]
    assert "required" not in AT_FIELD["inner"]


def test_a_list_of_objects_is_merged_by_its_key_a_list_of_words_as_a_set_and_others_whole() -> None:
    assert AT_FIELD["few"]["x-kubernetes-list-type"] == "map"
    assert AT_FIELD["few"]["x-kubernetes-list-map-keys"] == ["a"]
    assert AT_FIELD["uniqueWords"]["x-kubernetes-list-type"] == "set"
    assert AT_FIELD["rows"]["x-kubernetes-list-type"] == "atomic"
    assert AT_FIELD["rows"]["items"]["x-kubernetes-list-type"] == "atomic"


def test_cel_is_given_up_to_the_limit_and_what_must_be_written_beyond_it() -> None:
    assert AT_FIELD["few"]["items"]["x-kubernetes-validations"] == [
        {"rule": ONE.rule, "message": ONE.message},
        {"rule": AT.rule, "message": AT.message, "fieldPath": ".a"},
    ]
    assert "oneOf" not in AT_FIELD["few"]["items"]
    assert AT_FIELD["many"]["items"]["oneOf"] == [{"required": ["a", "b"]}, {"required": ["c"]}]
    assert "x-kubernetes-validations" not in AT_FIELD["many"]["items"]


def test_one_alternative_is_what_is_required_and_none_is_nothing() -> None:
    assert AT_FIELD["narrow"]["items"]["required"] == ["a", "b"]
    assert not {"oneOf", "required", "x-kubernetes-validations"} & AT_FIELD["silent"]["items"].keys()


def test_lists_in_lists_multiply() -> None:
    assert "oneOf" in AT_FIELD["rows"]["items"]["items"], "32 rows of 33 are more than the limit"


def test_deep_down_descriptions_are_short() -> None:
    assert AT_FIELD["many"]["items"]["properties"]["a"]["description"] == "Short."
    assert AT_FIELD["few"]["items"]["properties"]["a"]["description"] == "Long."
    assert AT_FIELD["many"]["items"]["properties"]["b"]["description"] == "B."


def test_what_is_said_nearer_the_field_wins_over_what_its_model_says() -> None:
    assert AT_FIELD["inner"]["description"] == "Said nearer the field."
    assert AT_FIELD["few"]["items"]["description"] == "A choice."


def test_single_values_are_written_as_a_server_takes_them() -> None:
    assert (AT_FIELD["alone"]["enum"], AT_FIELD["alone"]["type"]) == (["only"], "string")
    assert (AT_FIELD["must"]["format"], AT_FIELD["must"]["minimum"], AT_FIELD["must"]["maximum"]) == ("int64", 1, 3)
    assert AT_FIELD["when"] == {"description": "When.", "type": "string", "format": "date-time"}
    assert AT_FIELD["few"]["items"]["properties"]["b"] == {"description": "B.", "type": "boolean"}


def test_defaults_are_written_unless_they_say_nothing() -> None:
    assert AT_FIELD["uniqueWords"]["default"] == ["a"]
    assert AT_FIELD["alone"]["default"] == "only"
    assert AT_FIELD["inner"]["default"] == {"a": "x"}
    assert "default" not in AT_FIELD["few"]
    assert "default" not in AT_FIELD["when"]


def test_rendering_leaves_the_models_as_they_were() -> None:
    first = structural(Root)
    first["properties"]["uniqueWords"]["default"].append("changed")
    first["properties"]["alone"]["enum"].append("changed")
    assert structural(Root) == SCHEMA


def test_words_are_explained_in_their_order_or_those_that_are_asked_for() -> None:
    meanings = {"A": "first", "B": "second"}
    assert explained("Values:", meanings) == "Values: A: first; B: second."
    assert explained("Values:", meanings, only=["B"]) == "Values: B: second."
    assert words(Literal["x", "y"]) == ("x", "y")


def test_the_names_of_both_kinds_are_what_people_type() -> None:
    for kind, plural in ((AUDITWATCH, "auditwatches"), (FINDING, "k10securityfindings")):
        told = definition(kind)
        assert told["metadata"]["name"] == f"{plural}.{GROUP}"
        names = told["spec"]["names"]
        assert (names["plural"], names["kind"], names["listKind"]) == (
            plural,
            kind.model.__name__,
            f"{kind.model.__name__}List",
        )
        assert names["singular"] == kind.model.__name__.lower()
        assert told["spec"]["group"] == GROUP == "k10auditwatch.io"
        (version,) = told["spec"]["versions"]
        assert (version["name"], version["served"], version["storage"]) == (VERSION, True, True)


COLUMNS = {
    "auditwatches": ("Ready Reason Rules Blind Findings Last-Match Age", "Accepted Paused Message"),
    "k10securityfindings": (
        "Severity Actor Target Count Seen",
        "Age Triage Rule Resource Namespace Attribution Attack Title",
    ),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_terminal_shows_the_few_columns_that_matter_and_wide_ones_when_asked(kind: Kind) -> None:
    (version,) = definition(kind)["spec"]["versions"]
    columns = version["additionalPrinterColumns"]
    narrow = [column["name"].replace(" ", "-") for column in columns if "priority" not in column]
    wide = [column["name"].replace(" ", "-") for column in columns if column.get("priority") == 1]
    assert (" ".join(narrow), " ".join(wide)) == COLUMNS[kind.plural]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
def test_a_column_has_the_type_of_its_field(kind: Kind) -> None:
    properties = structural(kind.model)["properties"]
    for column in kind.columns:
        if "[?" not in column.path and not column.path.startswith(".metadata"):
            place: dict[str, Any] = {"properties": properties}
            for step in column.path.strip(".").split("."):
                place = place["properties"][step]
            shown = {"date-time": "date"}.get(place.get("format", ""), place["type"])
            assert column.type == ("string" if shown == "array" else shown), column.name


def test_columns_about_conditions_name_conditions_a_watch_has() -> None:
    paths = [column.path for column in AUDITWATCH.columns if "[?" in column.path]
    assert paths == [
        '.status.conditions[?(@.type=="Ready")].status',
        '.status.conditions[?(@.type=="Ready")].reason',
        '.status.conditions[?(@.type=="Accepted")].status',
        '.status.conditions[?(@.type=="Ready")].message',
    ]


def test_each_crd_begins_with_how_it_is_made() -> None:
    for name, text in render().items():
        assert text.startswith("# Rendered by `auditwatch crds` from operator/auditwatch/api"), name
        assert text.endswith("\n")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_says_what_it_is_and_every_field_what_it_is_for(model: type[Model]) -> None:
    assert (model.__doc__ or "").strip().endswith(".")
    assert [name for name, schema in fields(model).items() if not schema.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_a_model_says_of_its_fields_is_about_fields_it_has(model: type[Model]) -> None:
    named = {*model.keyed, *model.distinct, *model.brief, *(name for each in model.alternatives for name in each)}
    assert named <= set(fields(model))
    for name, key in model.keyed.items():
        assert key in fields(model)[name]["items"]["properties"]
    for validation in model.validations:
        assert not validation.field_path or validation.field_path.removeprefix(".") in fields(model)


@pytest.mark.parametrize("model", [model for model in MODELS if model.keyed or model.distinct])
def test_what_may_stand_once_is_refused_the_second_time_with_its_place(model: type[Model]) -> None:
    for name in model.distinct:
        with pytest.raises(ValidationError) as caught:
            model.model_validate({name: ["x", "y", "x"]})
        assert ((name, 2), '"x" is there twice: remove one') in told(caught.value)
    for name, key in model.keyed.items():
        with pytest.raises(ValidationError) as caught:
            model.model_validate({name: [{key: "x"}, {key: "y"}, {key: "x"}, None]})
        assert ((name, 2, key), '"x" is there twice: rename or remove one') in told(caught.value)


def told(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    return [(each["loc"], each["msg"]) for each in error.errors()]
