"""The real sentences of a run's corpus, as text, in the form its model writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seqgen.errors import UserError
from seqgen.experiment.corpora import file_streams, standard_input
from seqgen.experiment.reopen import open_vocabulary, read_run
from seqgen.experiment.synthetic import drawn_ids, drawn_sentences, grammar_of, open_oracle
from seqgen.recipe.data import FilesCorpus, GrammarCorpus, OracleCorpus
from seqgen.recipe.recipe import Recipe
from seqgen.text.encoded import Encoded
from seqgen.text.errors import CorpusError
from seqgen.text.normalised import normalised
from seqgen.text.reading import Example, Tally
from seqgen.training.run import Run

SPLITS = ("train", "valid", "test")


def real_sentences(run: Run, split: str, count: int | None = None, seed: int = 0) -> list[str]:
    """Sentences of a run's corpus in the form its model writes: its case, its split punctuation,
    but every word a word, none <unk>, and none cut.

    Args:
        run: the run.
        split: "train", "valid" or "test".
        count: at most so many, drawn without replacement and in the order of the corpus; None
            takes all.
        seed: of that draw.

    Raises:
        UserError: the corpus has no such split, or its files are gone.
    """
    recipe, _ = read_run(run)
    if split not in splits(recipe):
        there = ", ".join(splits(recipe))
        raise UserError(f"{run.folder}: its corpus has no {split} sentences, only {there}")
    try:
        texts = (example.text for example in examples(recipe, run.folder, split))
        chosen = list(texts) if count is None else _some(texts, count, seed)
    except CorpusError as problem:
        raise UserError(
            f"the {split} sentences of {run.folder} cannot be read again: {problem}. Put them "
            "back, or give files instead: --references FILE and --train FILE"
        ) from problem
    return normalised(open_vocabulary(run), chosen)


def changed(run: Run, split: str) -> bool:
    """Whether the files of a split hold something else now than when the run was trained: they are
    encoded again and compared by checksum. Other corpora are drawn, and cannot change.

    Raises:
        UserError: the files are gone.
    """
    recipe, facts = read_run(run)
    if not isinstance(recipe.corpus, FilesCorpus) or split not in facts:
        return False
    with TemporaryDirectory() as made:  # what is too large for memory goes there
        try:
            now = Encoded.build(
                examples(recipe, run.folder, split), open_vocabulary(run), recipe.corpus.limit,
                folder=Path(made) / split, labels=facts["labels"] or None, warn=False,
            )  # fmt: skip
        except CorpusError:  # no sentence is left, or one has a label that none had
            return True
        return now.checksum != str(facts[split])


def held_out(run: Run) -> str | None:
    """The split that evaluation refers to: "test" where there is one, else "valid", else None."""
    recipe, _ = read_run(run)
    there = splits(recipe)
    return next((name for name in ("test", "valid") if name in there), None)


def splits(recipe: Recipe) -> tuple[str, ...]:
    """The names of the splits a recipe's corpus has."""
    match recipe.corpus:
        case OracleCorpus():
            return ("train", "valid")
        case FilesCorpus(valid=valid, test=test):
            there = {"train": True, "valid": valid is not None, "test": test is not None}
            return tuple(name for name in SPLITS if there[name])
    return SPLITS


def examples(recipe: Recipe, folder: Path, split: str) -> Iterator[Example]:
    """The sentences of a split as they stand in the corpus, with their labels.

    Raises:
        CorpusError: files are gone or damaged, perhaps only while reading.
    """
    match recipe.corpus:
        case GrammarCorpus() as corpus:
            return iter(drawn_sentences(corpus, grammar_of(corpus), split))
        case OracleCorpus() as corpus:
            rows = drawn_ids(open_oracle(corpus), corpus, split).tolist()
            return (Example(" ".join(map(str, row))) for row in rows)
        case FilesCorpus() as corpus:
            kept = standard_input(folder)
            if corpus.train == "-" and not kept.is_file():
                raise CorpusError(f"{kept}, the copy of standard input, is gone")
            return file_streams(corpus, folder)[split](Tally())
    raise CorpusError(f"a corpus of kind {recipe.corpus.kind!r} has no sentences")


def _some(texts: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of the texts, each as likely as any, in their order; one pass, `count` in memory
    (reservoir sampling)."""
    random = np.random.default_rng(seed)
    kept: list[tuple[int, str]] = []
    for number, text in enumerate(texts):
        if number < count:
            kept.append((number, text))
        elif (place := int(random.integers(number + 1))) < count:
            kept[place] = (number, text)
    return [text for _, text in sorted(kept)]
