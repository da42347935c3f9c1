"""Turning what is wrong with a recipe into sentences: where, what was given, what is allowed, what
was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from seqgen.errors import UserError
from seqgen.recipe.outline import Place, literals, members
from seqgen.recipe.recipe import Recipe
from seqgen.recipe.rules import Contradictions
from seqgen.recipe.syntax import Dotted, dotted


class RecipeError(UserError):
    """A recipe that cannot be used. `problems` holds one line for each thing that is wrong."""

    def __init__(self, what: str, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        count = len(self.problems)
        number = "a problem" if count == 1 else f"{count} problems"
        super().__init__(
            "\n".join([f"{what} has {number}:", *(f"  {one}" for one in self.problems)])
        )


def near(word: str, words: Iterable[str]) -> str:
    """A hint such as "; did you mean 'hidden'?", or nothing."""
    by_lower = {one.lower(): one for one in words}
    found = get_close_matches(word.lower().replace("_", "-"), by_lower, n=2, cutoff=0.6)
    found = found or get_close_matches(word.lower(), by_lower, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(by_lower[one] for one in found)}?" if found else ""


def explain(error: ValidationError, data: Any) -> list[tuple[Dotted, str]]:
    """Every problem of a failed validation once, with its path in the data; two about one path are
    joined."""
    found: dict[Dotted, list[str]] = {}
    for one in error.errors(include_url=False):
        for path, text in _problems(one, data):
            texts = found.setdefault(path, [])
            if text not in texts:
                texts.append(text)
    # A value that fits no alternative is reported for each; what was found inside says most.
    inner = {path[:depth] for path in found for depth in range(len(path))}
    return [(path, _joined(texts)) for path, texts in found.items() if path not in inner]


def _problems(one: ErrorDetails, data: Any) -> Iterable[tuple[Dotted, str]]:
    path, place = _located(one["loc"], data)
    kind, context = one["type"], one.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Contradictions):
        return cause.problems
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return [((*path, "kind"), _wrong_kind(place, context.get("tag")))]
    if kind == "extra_forbidden":
        return [(path, _unknown(path, data))]
    if kind == "missing":
        return [(path, f"missing{_described(path, data)}")]
    words = [] if place is None else literals(place.annotation)
    if kind == "literal_error" and words:
        given = str(one["input"])
        return [
            (path, f"{_shown(one['input'])} given{near(given, words)} allowed: {', '.join(words)}")
        ]
    if isinstance(cause, ValueError):
        return [(path, str(cause))]
    return [(path, f"{_shown(one['input'])} given; {_plain(one['msg'])}")]


def _located(loc: tuple[int | str, ...], data: Any) -> tuple[Dotted, Place | None]:
    """The path in the data of pydantic's location, which names the alternatives it went through as
    well."""
    path: list[str | int] = []
    place: Place | None = Place(Recipe, data)
    parts = list(loc)
    while parts:
        if place is not None and len(members(place.annotation)) > 1:
            parts.pop(0)  # the name of the alternative
            if not parts:
                break
        part = parts.pop(0)
        path.append(part)
        place = None if place is None else place.step(part)
    return tuple(path), place


def _wrong_kind(place: Place | None, given: Any) -> str:
    kinds = [] if place is None else list(place.kinds)
    allowed = f"allowed: {', '.join(kinds)}"
    if given is None:
        return f"missing; {allowed}"
    return f"{_shown(given)} given{near(str(given), kinds) or ';'} {allowed}"


def _unknown(path: Dotted, data: Any) -> str:
    """An unknown setting: the nearest known one, and the kinds that have it."""
    parent = Place(Recipe, data).follow(path[:-1])
    if parent is None:
        return "unknown setting"
    name = str(path[-1])
    kinds = [kind for kind, one in parent.kinds.items() if name in one.model_fields]
    if kinds:
        return f"unknown setting for this kind; known for {', '.join(kinds)}"
    hint = near(name, parent.keys)
    return f"unknown setting{hint or ';'} allowed: {', '.join(parent.keys)}"


def _described(path: Dotted, data: Any) -> str:
    """What a missing setting would be."""
    parent = Place(Recipe, data).follow(path[:-1])
    place = None if parent is None else parent.step(path[-1])
    if parent is None or parent.chosen is None or place is None:
        return ""
    if path[-1] == "kind":
        return f"; allowed: {', '.join(literals(place.annotation))}"
    if place.kinds:
        return f"; give it with a kind: {', '.join(place.kinds)}"
    text = parent.chosen.model_fields[str(path[-1])].description or ""
    return f"; {text[:1].lower()}{text[1:].rstrip('.')}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _plain(message: str) -> str:
    """Pydantic's words, shortened to what must be."""
    for before, after in (
        ("Input should be", "must be"),
        ("String should have", "must have"),
        ("String should match pattern", "must match"),
        ("Tuple should have", "must have"),
        ("List should have", "must have"),
        (" a valid string", " text"),
        (" a valid integer, unable to parse string as an integer", " a whole number"),
        (" a valid integer, got a number with a fractional part", " a whole number"),
        (" a valid integer", " a whole number"),
        (" a valid number, unable to parse string as a number", " a number"),
        (" a valid number", " a number"),
        (" a valid boolean, unable to interpret input", " true or false"),
        (" a valid boolean", " true or false"),
        (" a valid dictionary or instance of", " the settings of"),
        (" a valid dictionary", " a mapping"),
        (" a valid tuple", " a list"),
        (" after validation, not 0", ""),
    ):
        message = message.replace(before, after)
    return message


def _joined(texts: list[str]) -> str:
    """Several complaints about one value (it fits no alternative) as one sentence."""
    if len(texts) == 1:
        return texts[0]
    parts = [text.partition("; must be ") for text in texts]
    if len({given for given, _, _ in parts}) == 1 and all(allowed for _, _, allowed in parts):
        return f"{parts[0][0]}; must be {' or '.join(allowed for _, _, allowed in parts)}"
    return "; ".join(texts)


def lines(
    problems: Iterable[tuple[Dotted, str]], marks: Mapping[Dotted, int]
) -> list[tuple[int, str]]:
    """Each problem with the line of the nearest setting that has one."""
    written = []
    for path, text in problems:
        known = next(path[:depth] for depth in range(len(path), -1, -1) if path[:depth] in marks)
        written.append((marks[known], f"{dotted(path)}: {text}" if path else text))
    return written
