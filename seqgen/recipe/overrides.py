"""Changing a recipe from the command line: --generator.width 64 --corpus.train my.txt.

A flag is the path of a setting; positions in lists count from 0: `--phases.1.steps 100`. Its words
are read by the type that stands there:

* one value: `--players.generator.rate 1e-3`, or with `=`; a switch needs none: `--by_label`;
* a list: `--evaluate.metrics bleu distinct`;
* a mapping with free names: `--corpus.styles negative a.txt positive b.txt`;
* `none` empties what may be empty: `--players.generator.clip none`;
* `--generator.kind transformer` changes the kind: the settings of the old kind are dropped, those
  of the new one start at its defaults, and other flags set them, wherever they stand. Kinds that
  share their settings (lstm and gru) keep them. A setting that only a corpus of files has makes
  the corpus one of files.

The command-line library of the verbs is not used here: it makes sub-commands of kinds and of
optional parts, and offers no way to give a recipe without a discriminator one. A flag is put into
the data and checked like a file, so both have the same rules and the same messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, get_origin

from pydantic import ValidationError

from seqgen.recipe import syntax
from seqgen.recipe.outline import Place, members, optional, settings
from seqgen.recipe.problems import RecipeError, explain
from seqgen.recipe.recipe import Recipe
from seqgen.recipe.syntax import Dotted, dotted

NOTHING = ("none", "None", "null")


def override(recipe: Recipe, arguments: Sequence[str]) -> Recipe:
    """The recipe with the settings of the arguments replaced.

    Raises:
        RecipeError: all that is wrong with the arguments, one line each.
    """
    flags, faults = _split(arguments)
    data = recipe.model_dump(mode="json")
    # Kinds first, so that their other settings may stand before or after them.
    for path, words in sorted(flags.items(), key=lambda flag: _rank(data, flag[0])):
        fault = _place(data, path, words, flags)
        if fault:
            faults.append(f"{_flag(path)}: {fault}")
    changed = None
    try:
        changed = Recipe.model_validate(data)
    except ValidationError as error:
        faults += _explained(error, data, flags)
    if changed is None or faults:
        raise RecipeError("the command line", faults)
    return changed


def _rank(data: dict[str, Any], path: Dotted) -> int:
    """In which order flags are placed: those that name a kind, those that imply one, the others."""
    if path[-1] == "kind":
        return 0
    place: Place | None = Place(Recipe, data)
    for part in path:
        if place is None:
            return 2
        if _implied(place, part):
            return 1
        place = place.step(part)
    return 2


def _implied(place: Place, part: str | int) -> str | None:
    """The kind without a name, where it alone has the setting, as in --corpus.train my.txt."""
    present, usual = place.chosen, Place(place.annotation, {}).chosen
    if present is None or usual is None or part in present.model_fields:
        return None
    return usual.kinds()[0] if part in usual.model_fields else None


def _split(arguments: Sequence[str]) -> tuple[dict[Dotted, list[str]], list[str]]:
    """Flags with their words, the last of equal ones winning; and words that belong to no flag."""
    flags: dict[Dotted, list[str]] = {}
    stray: list[str] = []
    words = stray
    for argument in arguments:
        if argument.startswith("--") and len(argument) > 2:
            name, equals, value = argument[2:].partition("=")
            words = flags[_path(name)] = [value] if equals else []
        else:
            words.append(argument)
    return flags, [f"{word!r} belongs to no setting; write --setting value" for word in stray]


def _path(name: str) -> Dotted:
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


def _flag(path: Dotted) -> str:
    return "--" + ".".join(map(str, path))


def _place(
    data: dict[str, Any], path: Dotted, words: list[str], flags: Collection[Dotted]
) -> str | None:
    """Put the words of a flag into the data; the message where the path leads nowhere."""
    node: Any = data
    place: Place | None = Place(Recipe, data)
    for depth, part in enumerate(path):
        above = path[:depth]
        if place is not None and isinstance(node, dict):
            _choose(place, node, path[depth:], words, (*above, "kind") in flags)
        key, fault = _key(node, part, above)
        if fault:
            return fault
        place = None if place is None else place.step(key)
        if depth == len(path) - 1:
            break
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = {}
            place = None if place is None else Place(place.annotation, node[key])
        node = node[key]
    value, fault = _value(words, None if place is None else place.annotation)
    if not fault:
        node[key] = value
    return fault


def _key(node: Any, part: str | int, above: Dotted) -> tuple[Any, str | None]:
    """The key of a part in a mapping or list, or the message that there is none."""
    if isinstance(node, dict):
        return str(part), None
    if not isinstance(node, list):
        return part, f"{dotted(above)} is a single value and has no {part}"
    if not isinstance(part, int) or part >= len(node):
        return part, f"{dotted(above)} has {len(node)} entries, counted from 0 to {len(node) - 1}"
    return part, None


def _choose(place: Place, node: dict[str, Any], rest: Dotted, words: list[str], said: bool) -> None:
    """Drop the settings of the old kind where a flag asks for another; `said`: some flag names the
    kind."""
    kinds = place.kinds
    present, wanted = kinds.get(str(node.get("kind"))), None
    if rest == ("kind",) and len(words) == 1:
        wanted = words[0]
    elif not said:
        wanted = _implied(place, rest[0])
    if wanted in kinds and kinds[wanted] is not present:
        node.clear()
        node["kind"] = wanted


def _value(words: list[str], annotation: Any) -> tuple[Any, str | None]:
    """The words of a flag as the type of its place asks; the message where they do not fit."""
    if annotation is None:  # no such setting; the check of the whole says so
        return " ".join(words), None
    choices = members(annotation)
    kinds = {get_origin(one) for one in choices}
    if not words:
        return (True, None) if bool in choices else (None, "needs a value")
    if len(words) == 1 and words[0] in NOTHING and optional(annotation):
        return None, None
    if (
        len(words) == 1
        and words[0].startswith(("[", "{"))
        and (kinds & {tuple, dict} or settings(annotation))
    ):
        data, _, problems = syntax.parse(words[0])
        return data, "; ".join(text for _, text in problems) or None
    if dict in kinds and (len(words) > 1 or len(choices) == 1):
        return _pairs(words)
    if tuple in kinds and not (len(words) == 1 and str in choices):
        return [_scalar(word, members(annotation)) for word in words], None
    if len(words) > 1:
        return None, f"takes one value, {len(words)} given: {' '.join(words)}"
    return _scalar(words[0], choices), None


def _pairs(words: list[str]) -> tuple[dict[str, str] | None, str | None]:
    if len(words) % 2:
        return None, "takes names and values in turn, as in: negative a.txt positive b.txt"
    return dict(zip(words[::2], words[1::2], strict=True)), None


def _scalar(word: str, choices: Iterable[Any]) -> Any:
    """A number or switch where one can stand; else the word as it is, so that a file may be called
    2024."""
    if all(one is str or get_origin(one) is Literal for one in choices):
        return word
    value = syntax.scalar(word)
    return value if isinstance(value, (bool, int, float)) else word


def _explained(error: ValidationError, data: Any, flags: Iterable[Dotted]) -> list[str]:
    given = set(flags)
    return [
        f"{_flag(path) if path in given else dotted(path)}: {text}"
        for path, text in explain(error, data)
    ]
