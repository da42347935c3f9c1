"""The settings of a recipe as a list of flags, for help: name, present value, meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from seqgen.recipe.outline import Place, literals
from seqgen.recipe.recipe import Recipe

WIDTH = 100


class Setting(NamedTuple):
    """One setting that can be given on the command line."""

    flag: str
    value: str
    meaning: str


def settings(recipe: Recipe) -> list[Setting]:
    """Every setting of a recipe in its order; those of kinds it does not use are left out."""
    return list(_settings(Place(Recipe, recipe.model_dump(mode="json")), ""))


def _settings(place: Place, name: str) -> Iterator[Setting]:
    if place.chosen is None:
        for key in _keys(place.value):
            inner = place.step(key)
            if inner is not None:
                yield from _settings(inner, f"{name}.{key}")
        return
    for key, field in place.chosen.model_fields.items():
        inner = place.step(key)
        if inner is not None:
            yield from _setting(
                inner, f"{name}.{key}".lstrip("."), key, field.description or "", place
            )


def _setting(inner: Place, flag: str, key: str, meaning: str, place: Place) -> Iterator[Setting]:
    if _parts(inner):
        yield from _settings(inner, flag)
        return
    words = list(place.kinds) if key == "kind" else literals(inner.annotation)
    allowed = f" One of: {', '.join(words)}." if words else ""
    if inner.kinds and inner.value is None:
        flag, allowed = f"{flag}.kind", f" One of: {', '.join(inner.kinds)}."
    yield Setting(f"--{flag}", _shown(inner.value), f"{' '.join(meaning.split())}{allowed}")


def _parts(place: Place) -> bool:
    """Whether the value is made of settings, rather than being one."""
    if place.value is None or not place.value:
        return False
    if place.chosen is not None:
        return True
    first = next(iter(_keys(place.value)), None)
    inner = None if first is None else place.step(first)
    return inner is not None and inner.chosen is not None


def _keys(value: Any) -> Sequence[str | int]:
    if isinstance(value, Mapping):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, Mapping):
        return " ".join(f"{key} {one}" for key, one in value.items())
    return str(value)


def described(recipe: Recipe) -> str:
    """The list as text: a flag with its value on one line, its meaning below."""
    lines = []
    for flag, value, meaning in settings(recipe):
        lines.append(f"  {flag} {value}".rstrip())
        lines += textwrap.wrap(meaning, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join(lines)
