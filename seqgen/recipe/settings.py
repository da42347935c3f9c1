"""What all settings share: a strict frozen model, and the constrained numbers used in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Settings(BaseModel):
    """Base of all settings: no unknown keys, no changes, the docstring under a field is its help.

    Alternatives of one place in a recipe each have a `kind`, a Literal of one or more names.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
    )

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The names this class goes by in a recipe; empty where the class has no alternatives."""
        field = cls.model_fields.get("kind")
        return () if field is None else get_args(field.annotation)

    @classmethod
    def fits(cls, given: Mapping[str, Any]) -> bool:
        """Whether a mapping of a recipe is meant to be this class, judged by its `kind`."""
        return not cls.kinds() or given.get("kind") in cls.kinds()


def _refuse_boolean(value: Any) -> Any:
    # Python counts True as 1, so that `width: true` would pass as a number.
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _several(value: Any) -> Any:
    # One name stands for a list of one: `only: generator`.
    return [value] if isinstance(value, str) else value


_number = BeforeValidator(_refuse_boolean)
Whole = Annotated[int, _number, Field(ge=0)]
Positive = Annotated[int, _number, Field(gt=0)]
Factor = Annotated[float, _number, Field(ge=0)]
PositiveNumber = Annotated[float, _number, Field(gt=0)]
Share = Annotated[float, _number, Field(ge=0, le=1)]
Dropout = Annotated[float, _number, Field(ge=0, lt=1)]
Decay = Annotated[float, _number, Field(gt=0, lt=1)]
# Beside a number in a union: plain text would take the numbers that are out of range.
Text = Annotated[str, Field(strict=True)]
Names = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
