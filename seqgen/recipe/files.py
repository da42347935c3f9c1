"""Recipe files: find them by name or path, list, read and write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seqgen.errors import UserError

if TYPE_CHECKING:  # the settings take a moment to build; listing recipes does without
    from seqgen.recipe.recipe import Recipe

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class RecipeFile:
    """A recipe file; its name is its path below recipes/, without .yaml, or the path of a file of
    one's own."""

    name: str
    file: Traversable

    def text(self) -> str:
        """The file as it is written.

        Raises:
            UserError: the file cannot be read, or is not UTF-8.
        """
        try:
            return self.file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            raise UserError(f"the recipe {self.file} is not UTF-8 text: {problem}") from None
        except OSError as problem:
            raise UserError(f"cannot read the recipe {self.file}: {problem.strerror}") from None


def library() -> Traversable:
    """The folder of the recipes that come with seqgen."""
    try:
        return files("seqgen.recipes")
    except ModuleNotFoundError:
        # `python -m seqgen` in the repository: the folder is not below the package, but beside it.
        return Path(__file__).parents[2] / "recipes"


def names() -> list[str]:
    """The names of all recipes that come with seqgen, such as text/mle-lstm."""
    return sorted(_names(library(), ""))


def _names(folder: Traversable, above: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _names(entry, f"{above}{entry.name}/")
        elif entry.name.endswith(SUFFIXES[0]):
            yield above + entry.name.removesuffix(SUFFIXES[0])


def find(name: str) -> RecipeFile:
    """The recipe file of a path or a name.

    Raises:
        UserError: there is none; the message has the near names.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return RecipeFile(name, path)
    known = names()
    wanted = name.removesuffix(SUFFIXES[0])
    if wanted in known:
        return RecipeFile(wanted, library().joinpath(*f"{wanted}{SUFFIXES[0]}".split("/")))
    raise UserError(_not_found(name, path, known))


def _not_found(name: str, path: Path, known: list[str]) -> str:
    if path.is_dir():
        return (
            f"{name} is a folder; give a recipe file or the name of a recipe (seqgen recipes list)"
        )
    last = [one.rpartition("/")[2] for one in known]
    alike = list(dict.fromkeys(get_close_matches(name.rpartition("/")[2], last, n=3)))
    close = [
        one for end in alike for one in sorted(known, key=len) if one.rpartition("/")[2] == end
    ]
    close += [one for one in get_close_matches(name, known, n=3) if one not in close]
    hint = f"did you mean {' or '.join(close[:3])}?" if close else "seqgen recipes list shows all."
    return f"there is no recipe and no file {name!r}; {hint}"


def about(name: str) -> str:
    """What a recipe says it is about, read from that line alone."""
    kept: list[str] = []
    for line in find(name).text().splitlines():
        if kept and not line.startswith((" ", "\t")):
            break
        if kept or line.startswith("about:"):
            kept.append(line)
    data = yaml.safe_load("\n".join(kept)) if kept else None
    return str(data["about"]) if data else ""


def read(name: str) -> Recipe:
    """The recipe of a name or path, checked.

    Raises:
        UserError: there is no such file.
        RecipeError: all that is wrong with it, one line each.
    """
    found = find(name)
    return parse(found.text(), found.name)


def parse(text: str, source: str) -> Recipe:
    """The recipe a text holds; `source` names it in messages.

    Raises:
        RecipeError: all that is wrong with it, one line each.
    """
    from pydantic import ValidationError

    from seqgen.recipe import problems, syntax
    from seqgen.recipe.recipe import Recipe

    data, marks, faults = syntax.parse(text)
    recipe = None
    if isinstance(data, dict):
        try:
            recipe = Recipe.model_validate(data)
        except ValidationError as error:
            faults += problems.lines(problems.explain(error, data), marks)
    elif not faults:
        faults.append((1, "a recipe is a mapping of settings (about, corpus, ...); this is none"))
    if recipe is None or faults:
        # Stable: problems of one line stay in their order.
        written = [
            f"{source}:{line}: {text}" for line, text in sorted(faults, key=lambda one: one[0])
        ]
        raise problems.RecipeError(f"the recipe {source}", written)
    return recipe


def write(recipe: Recipe) -> str:
    """The complete recipe as YAML, which reads back to an equal one."""
    from seqgen.recipe import syntax

    return syntax.write(recipe.model_dump(mode="json"))


def differences(one: Recipe, other: Recipe) -> list[str]:
    """The dotted names of the settings in which two recipes differ."""
    return sorted(_differences(one.model_dump(mode="json"), other.model_dump(mode="json"), ""))


def _differences(one: Any, other: Any, name: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = [(key, one.get(key), other.get(key)) for key in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(key), *both) for key, both in enumerate(zip(one, other, strict=True))]
    else:
        if one != other:
            yield name
        return
    for key, left, right in pairs:
        yield from _differences(left, right, f"{name}.{key}" if name else key)


def missing_corpus(recipe: Recipe, name: str) -> str | None:
    """What to write where if a recipe lacks its sentences; `name` is how the user calls it."""
    from seqgen.recipe.data import FilesCorpus

    if not isinstance(recipe.corpus, FilesCorpus) or recipe.corpus.given:
        return None
    needs = f" ({recipe.needs})" if recipe.needs else ""
    return (
        f"this recipe needs a corpus{needs}:\n"
        f"  seqgen train {name} --corpus.train my.txt\n"
        f"  seqgen train {name} --corpus.train my.txt --corpus.valid my-valid.txt\n"
        f"  seqgen train {name} --corpus.styles negative a.txt positive b.txt  (a file a label)\n"
        f"  seqgen train {name} --corpus.kind grammar  (the embedded corpus)"
    )
