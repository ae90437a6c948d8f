"""What lies where inside the models: for suggesting the name that was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def fields_at(model: type[BaseModel], location: Sequence[str | int]) -> set[str]:
    """Names (as written) of the fields an object at ``location`` below ``model`` may have."""
    here = {model}
    for step in location:
        if isinstance(step, str):
            here = set(_models_below(here, step))
    return {str(info.alias) for each in here for info in each.model_fields.values()}


def _models_below(models: set[type[BaseModel]], field: str) -> Iterator[type[BaseModel]]:
    for model in models:
        for info in model.model_fields.values():
            if info.alias == field:
                yield from models_in(info.annotation)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models named anywhere in a type: through Annotated, Optional and sequences."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)
