"""Walking the settings classes along a path of a recipe: which class, which type, which keys stand
there."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from seqgen.recipe.settings import Settings
from seqgen.recipe.syntax import Dotted


def members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a type, None left out: `A | B | None` gives A and B."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(one for part in get_args(annotation) for one in members(part))
    return () if annotation is type(None) else (annotation,)


def optional(annotation: Any) -> bool:
    """Whether None is among the alternatives of a type."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return any(optional(part) for part in get_args(annotation))
    return annotation is type(None)


def settings(annotation: Any) -> list[type[Settings]]:
    """The settings classes among the alternatives of a type."""
    return [
        one for one in members(annotation) if isinstance(one, type) and issubclass(one, Settings)
    ]


def literals(annotation: Any) -> list[str]:
    """The words among the alternatives of a type."""
    return [
        str(word)
        for one in members(annotation)
        if get_origin(one) is Literal
        for word in get_args(one)
    ]


@dataclass(frozen=True)
class Place:
    """A place in a recipe: the type that belongs there, and the value given (None: nothing)."""

    annotation: Any
    value: Any

    @property
    def chosen(self) -> type[Settings] | None:
        """The settings class the given mapping is meant to be; None where that cannot be told."""
        classes = settings(self.annotation)
        if len(classes) == 1:
            return classes[0]
        given = self.value if isinstance(self.value, Mapping) else {}
        return next((one for one in classes if one.fits(given)), None)

    @property
    def kinds(self) -> dict[str, type[Settings]]:
        """The kinds that can stand here."""
        return {kind: one for one in settings(self.annotation) for kind in one.kinds()}

    @property
    def keys(self) -> list[str]:
        """The settings known here; none where any key, or no key, can stand."""
        return [] if self.chosen is None else list(self.chosen.model_fields)

    def step(self, part: str | int) -> Place | None:
        """The place one key or one list position further; None where there is no such place."""
        if self.chosen is not None:
            field = self.chosen.model_fields.get(str(part))
            return None if field is None else Place(field.annotation, _item(self.value, part))
        for one in members(self.annotation):
            if get_origin(one) in (tuple, dict):
                index = 1 if get_origin(one) is dict else 0
                return Place(get_args(one)[index], _item(self.value, part))
        return None

    def follow(self, path: Dotted) -> Place | None:
        """The place at the end of a path."""
        place: Place | None = self
        for part in path:
            place = None if place is None else place.step(part)
        return place


def _item(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(part, int):
        return value[part] if part < len(value) else None
    return None
