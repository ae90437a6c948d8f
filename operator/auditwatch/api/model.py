"""What every API model has in common, so that closed, bounded and camelCase is not decided again in each.

A model here is three things at once: the parser of what people write, the source of the CRD's schema, and the text
of ``kubectl explain``. Checks that span fields stand beside the fields twice: as ``checks`` (Python, over the raw
mapping, so they are reported together with the errors of single fields) and as ``validations`` (CEL, for the server).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

CHECK = "check"
"""Error type of a cross-field check; its message is ours and is shown as it stands."""

MODEL = "x-model"
"""Key under which a model's JSON schema holds its class."""

Raw = Mapping[str, Any]


class Validation(NamedTuple):
    """One CEL rule of the CRD: what must hold, and the message that says the fix."""

    rule: str
    message: str
    field_path: str = ""


class Flaw(NamedTuple):
    """What a cross-field check found: the path below the object, and the fix."""

    path: tuple[str | int, ...]
    message: str


class Model(BaseModel):
    """A closed object of the API: unknown fields are errors, names are camelCase outside and snake_case inside."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    validations: ClassVar[tuple[Validation, ...]] = ()
    """CEL for the server; rendered where the cost budget allows it."""
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Sets of required fields of which exactly one must be complete: the ``oneOf`` that stands for CEL deep down."""
    brief: ClassVar[Mapping[str, str]] = {}
    """Shorter descriptions (by written name) for places deep down, where the long ones have been read before."""
    keyed: ClassVar[Mapping[str, str]] = {}
    """Lists of objects (by written name) and the field that tells their items apart: ``listType: map``."""
    distinct: ClassVar[tuple[str, ...]] = ()
    """Lists of words (by written name) in which none may stand twice: ``listType: set``."""

    @classmethod
    def checks(cls, _raw: Raw, /) -> Iterator[Flaw]:
        """Cross-field flaws of a raw mapping whose fields may themselves be wrong; must not raise."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = [*cls.checks(data), *cls._repeats(data)] if isinstance(data, Mapping) else []
        flaws = [_line_error(flaw) for flaw in found]
        try:
            model = handler(data)
        except ValidationError as error:
            flaws = [*map(_again, error.errors(include_url=False)), *flaws]
            raise ValidationError.from_exception_data(cls.__name__, flaws) from None
        if flaws:
            raise ValidationError.from_exception_data(cls.__name__, flaws)
        return model

    @classmethod
    def _repeats(cls, raw: Raw) -> Iterator[Flaw]:
        for field, key in cls.keyed.items():
            names = [item.get(key) if isinstance(item, Mapping) else None for item in _items(raw.get(field))]
            for index in _repeated(names):
                yield Flaw((field, index, key), f'"{names[index]}" is there twice: rename or remove one')
        for field in cls.distinct:
            words = _items(raw.get(field))
            for index in _repeated(words):
                yield Flaw((field, index), f'"{words[index]}" is there twice: remove one')

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Carry the class along, so that the CRD's renderer finds what JSON schema has no words for."""
        schema = handler.resolve_ref_schema(handler(core))
        schema[MODEL] = cls
        return schema


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _repeated(values: Sequence[Any]) -> Iterator[int]:
    """Where a string stands that stood before."""
    for index, value in enumerate(values):
        if isinstance(value, str) and value in values[:index]:
            yield index


def _line_error(flaw: Flaw) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(CHECK, _literal(flaw.message)), loc=flaw.path, input=None)


def _again(error: Mapping[str, Any]) -> InitErrorDetails:
    """The same error, to be raised once more together with the flaws."""
    kind = PydanticCustomError(CHECK, _literal(error["msg"])) if error["type"] == CHECK else error["type"]
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=error.get("ctx", {}))


def _literal(message: str) -> Any:
    """A template without context is taken as it stands; the type wants a literal string."""
    return message


def given(raw: Raw, name: str) -> bool:
    """True where the field is written and not null, as CEL's ``has`` sees it."""
    return raw.get(name) is not None


def _time(value: object) -> object:
    """Only RFC 3339 with an offset: a number or a bare date would be guessed at."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError('must be a time with its offset, like "2027-06-30T00:00:00Z"')
    return value


KEBAB = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

Name = Annotated[str, Field(min_length=1, max_length=63, pattern=KEBAB)]
"""Kebab-case, at most 63 characters: also a label value and the front of a finding's name."""
Namespace = Annotated[str, Field(max_length=63)]
Path = Annotated[str, Field(min_length=1, max_length=256)]
"""A field path of the rule language."""
Value = Annotated[str, Field(max_length=512)]
"""An operand; typed by its operator."""
Time = Annotated[datetime, BeforeValidator(_time)]
Bool = StrictBool
Int = StrictInt
