"""Several runs beside each other: which differ only in the seed, and whether they can be compared
at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from seqgen.errors import UserError
from seqgen.experiment.entries import Entry, open_entry
from seqgen.experiment.real_sentences import held_out, real_sentences
from seqgen.experiment.real_text import REFERENCES
from seqgen.experiment.reopen import Which, open_vocabulary, read_run, require_generator
from seqgen.recipe.data import FilesCorpus
from seqgen.recipe.files import differences
from seqgen.recipe.recipe import Recipe
from seqgen.text.normalised import text_form
from seqgen.training.run import Run

SAME = {"seed", "name"}  # settings in which runs of a group may differ


@dataclass(frozen=True)
class Group:
    """Runs of one recipe with different seeds; a run alone is a group of one."""

    name: str
    entries: Sequence[Entry]

    @property
    def label(self) -> str:
        """The name, and of how many runs."""
        return f"{self.name} ({len(self.entries)} runs)" if len(self.entries) > 1 else self.name


def open_groups(folders: Sequence[str | Path]) -> list[Group]:
    """Runs by recipe and by the checkpoint asked for, in the order of their first; runs of one
    recipe and one seed are two groups: something else must have changed between them.

    Raises:
        UserError: no run there, a judge, or a run given twice.
    """
    found: list[tuple[Recipe, set[int], list[Entry]]] = []
    places: set[tuple[Path, Which | None]] = set()
    for folder in folders:
        entry = open_entry(folder)
        place = (entry.run.folder.resolve(), entry.checkpoint)
        if place in places:
            raise UserError(f"{folder} is given twice; give each run once")
        places.add(place)
        recipe, _ = read_run(entry.run)
        require_generator(entry.run, recipe)
        for known, seeds, members in found:
            same = entry.suffix == members[0].suffix and recipe.seed not in seeds
            if same and set(differences(known, recipe)) <= SAME:
                seeds.add(recipe.seed)
                members.append(entry)
                break
        else:
            found.append((recipe, {recipe.seed}, [entry]))
    return _named([members for _, _, members in found])


def require_same_text(runs: Sequence[Run], seed: int = 0) -> list[str]:
    """Notes for runs that write the same real sentences in different forms.

    Case, spaces and split punctuation do not make them different: vocabularies differ in these.

    Args:
        runs: the runs.
        seed: of the choice among many held-out sentences.

    Raises:
        UserError: runs hold out different sentences; their scores would measure the text as much as
            the model.
    """
    first, *rest = runs
    split = held_out(first)
    known = [] if split is None else real_sentences(first, split, REFERENCES, seed)
    for other in rest:
        if _drawn_alike(first, other):
            continue
        theirs = held_out(other)
        same = split is not None and theirs == split
        found = real_sentences(other, split, REFERENCES, seed) if same and split else []
        if not same or digest(found) != digest(known):
            raise UserError(
                f"{first.folder} and {other.folder} hold out different real sentences ("
                f"{_held(known, split)}; {_held(found if same else [], theirs)}), and figures "
                "against different references do not compare: give real sentences that none was "
                "trained on as --references FILE, or leave one of the two out"
            )
    return notes_on_forms(runs)


def _drawn_alike(one: Run, other: Run) -> bool:
    """Whether both are on sentences that are drawn anew by the same settings: they are the same."""
    recipes = [read_run(run)[0] for run in (one, other)]
    drawn = not isinstance(recipes[0].corpus, FilesCorpus) and recipes[0].vocabulary is None
    return (
        drawn
        and all(recipe.corpus == recipes[0].corpus for recipe in recipes)
        and (recipes[1].vocabulary is None)
    )


def notes_on_forms(runs: Sequence[Run]) -> list[str]:
    """What a reader must know where runs write the same text in different forms."""
    forms: dict[str, list[str]] = {}
    for run in runs:
        form = text_form(open_vocabulary(run)) or "as it is"
        forms.setdefault(form, []).append(run.folder.resolve().name)
    if len(forms) < 2:
        return []
    parts = "; ".join(f"{', '.join(names)}: {form}" for form, names in forms.items())
    return [
        f"the runs write text in different forms ({parts}), and each is measured in its own: their "
        "figures do not compare, and there is no verdict between them"
    ]


def _held(texts: Sequence[str], split: str | None) -> str:
    """The held-out sentences of a run in words."""
    if split is None:
        return "it holds none out"
    return f"{split}, beginning {texts[0][:40]!r}" if texts else split


def require_same_unit(runs: Sequence[Run]) -> None:
    """Raise UserError for models of characters beside models of words: their n-grams are of other
    things."""
    units = {open_vocabulary(run).kind == "character": run.folder for run in runs}
    if len(units) > 1:
        raise UserError(
            f"{units[True]} is a model of characters, {units[False]} is not: n-grams of characters "
            "and of words do not compare; write sentences of both by seqgen generate, and measure "
            "the files by seqgen evaluate --hypotheses"
        )


def digest(texts: Sequence[str]) -> str:
    """What tells texts apart, whatever their case and spaces."""
    found = hashlib.blake2b(digest_size=16)
    for text in texts:
        found.update("".join(text.split()).casefold().encode() + b"\n")
    return found.hexdigest()


def notes_on_training(digests: Mapping[str, str]) -> list[str]:
    """What a reader must know where runs, by name, were trained on different sentences."""
    texts: dict[str, list[str]] = {}
    for name, found in digests.items():
        texts.setdefault(found, []).append(name)
    if len(texts) < 2:
        return []
    parts = " / ".join(", ".join(names) for names in texts.values())
    return [f"the runs were trained on different text ({parts}); who saw more is at an advantage"]


def _named(groups: Sequence[Sequence[Entry]]) -> list[Group]:
    names = [_name([entry.run.folder.resolve().name for entry in group]) for group in groups]
    names = [f"{name}{group[0].suffix}" for name, group in zip(names, groups, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{group[0].run.folder}{group[0].suffix}" for group in groups]
    return [Group(name, entries) for name, entries in zip(names, groups, strict=True)]


def _name(folders: Sequence[str]) -> str:
    """What the names of the folders begin with, without a trailing "-seed"."""
    if len(folders) == 1:
        return folders[0]
    columns = zip(*folders, strict=False)
    begin = "".join(c[0] for c in takewhile(lambda c: len(set(c)) == 1, columns))
    return re.sub(r"[-_. ]*(seed|s)?[-_. ]*$", "", begin) or folders[0]
