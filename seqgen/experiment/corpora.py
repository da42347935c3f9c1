"""A recipe's corpus -> vocabulary and encoded splits, whatever kind of corpus it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from seqgen.errors import UserError
from seqgen.evaluation.measure import Truth
from seqgen.evaluation.truth import GrammarTruth, OracleTruth
from seqgen.experiment.synthetic import drawn_ids, drawn_sentences, grammar_of, open_oracle
from seqgen.recipe import data
from seqgen.recipe.recipe import Recipe
from seqgen.text.encoded import Encoded
from seqgen.text.reading import Example, Tally, label_names, read, store_standard_input
from seqgen.text.splits import Split
from seqgen.text.vocabulary import Vocabulary

Reading = Callable[[Tally], Iterator[Example]]


@dataclass(frozen=True)
class Corpora:
    """What training needs of a corpus.

    Attributes:
        vocabulary: strings <-> ids.
        splits: "train" and, where there are any, "valid" and "test".
        limit: the most tokens of a sentence, END included.
        labels: label names and their numbers; empty without labels.
        truth: what a synthetic corpus knows of any sentence.
    """

    vocabulary: Vocabulary
    splits: Mapping[str, Encoded]
    limit: int
    labels: Mapping[str, int] = field(default_factory=dict)
    truth: Truth | None = None

    @property
    def train(self) -> Encoded:
        """The training sentences."""
        return self.splits["train"]

    def identity(self) -> dict[str, Any]:
        """What must be the same when a run is resumed."""
        sums = {name: split.checksum for name, split in self.splits.items()}
        return {"vocabulary": self.vocabulary.checksum, "labels": dict(self.labels), **sums}


def open_corpora(
    recipe: Recipe,
    folder: Path | None,
    vocabulary: Vocabulary | None = None,
    reuse: bool = False,
) -> Corpora:
    """Read and encode a recipe's corpus.

    Args:
        recipe: the recipe.
        folder: the run folder, for what is too large for memory and for a copy of standard input;
            None: memory only.
        vocabulary: the one of an existing run, instead of making it.
        reuse: take what was too large for memory from the run folder, where it was written before.

    Raises:
        UserError: no corpus is given, or it cannot be read.
    """
    match recipe.corpus:
        case data.FilesCorpus():
            return _files(recipe, recipe.corpus, folder, vocabulary, reuse)
        case data.GrammarCorpus():
            return _grammar(recipe, recipe.corpus, vocabulary)
        case data.OracleCorpus():
            return _oracle(recipe.corpus)
    raise UserError(f"corpus kind {recipe.corpus.kind!r} is not built yet")


def _files(
    recipe: Recipe,
    corpus: data.FilesCorpus,
    folder: Path | None,
    vocabulary: Vocabulary | None,
    reuse: bool,
) -> Corpora:
    streams = file_streams(corpus, folder)
    for stream in streams.values():
        stream(Tally())  # a missing file is told now, not when the others have been read
    labels = label_names(streams["train"](Tally())) if corpus.labelled else {}
    vocabulary = vocabulary or make_vocabulary(recipe, (e.text for e in streams["train"](Tally())))
    splits = {}
    for name, stream in streams.items():
        written = None if folder is None else folder / "corpus" / name
        if reuse and written is not None and written.is_dir():
            splits[name] = Encoded.open(written)
            continue
        tally = Tally()  # of this pass alone: the passes before met the same blank lines
        splits[name] = Encoded.build(
            stream(tally), vocabulary, corpus.limit,
            labels=labels or None, name=_name(corpus, name),
            folder=written, tally=tally,
        )  # fmt: skip
    return Corpora(vocabulary, splits, corpus.limit, labels)


def file_streams(corpus: data.FilesCorpus, folder: Path | None) -> dict[str, Reading]:
    """How each split of a corpus of files is read, again and again; `folder` as in
    `open_corpora`."""
    source = _source(corpus, folder)

    def reading(given: Any) -> Reading:
        label = None if isinstance(given, dict) else corpus.label
        return lambda tally: read(
            given,
            text=corpus.text,
            label=label,
            encoding_errors=corpus.encoding_errors,
            tally=tally,
        )

    whole = reading(source)
    streams = {"train": whole}
    if isinstance(corpus.valid, dict):
        streams["valid"] = reading(_by_label(corpus.valid))
    elif isinstance(corpus.valid, str) and not corpus.valid.startswith("last:"):
        streams["valid"] = reading(corpus.valid)
    elif corpus.valid is not None:
        rule = corpus.valid
        streams["train"] = lambda tally: Split(_counted(whole, tally), rule, corpus.seed).train()
        # What was dropped is told of the file as a whole, with its training sentences.
        streams["valid"] = lambda _: Split(_counted(whole, Tally()), rule, corpus.seed).valid()
    if corpus.test is not None:
        test = corpus.test
        streams["test"] = reading(_by_label(test) if isinstance(test, dict) else test)
    return streams


def _by_label(files: Mapping[str, str]) -> dict[str, Path]:
    return {label: Path(file) for label, file in files.items()}


def _counted(whole: Reading, tally: Tally) -> Callable[[], Iterator[Example]]:
    """Starts reading, and counts the first time only: a split may need another pass for the number
    of rows."""
    tallies = chain([tally], iter(Tally, None))
    return lambda: whole(next(tallies))


def _source(corpus: data.FilesCorpus, folder: Path | None) -> Any:
    """What `read` takes. Standard input can be read once only, so the run keeps a copy."""
    several = corpus.train if isinstance(corpus.train, tuple) else ()
    mappings = (corpus.styles, corpus.valid, corpus.test)
    labelled = (file for given in mappings if isinstance(given, dict) for file in given.values())
    if "-" in (corpus.valid, corpus.test, *several, *labelled):
        raise UserError("standard input (-) can only be the whole of corpus.train; give a file")
    if corpus.styles is not None:
        return _by_label(corpus.styles)
    if corpus.train is None:
        raise UserError(
            "this recipe needs a corpus: add --corpus.train my.txt (one sentence a line)"
        )
    if isinstance(corpus.train, tuple):
        return [Path(file) for file in corpus.train]
    if corpus.train == "-":
        if folder is None:
            raise UserError("standard input as a corpus needs a run folder to keep it in")
        kept = standard_input(folder)
        return kept if kept.exists() else store_standard_input(kept)
    return corpus.train


def _name(corpus: data.FilesCorpus, split: str) -> str:
    given = {"valid": corpus.valid, "test": corpus.test}.get(split)
    return (
        str(given)
        if isinstance(given, str) and not given.startswith("last:")
        else f"{split} sentences"
    )


def standard_input(folder: Path) -> Path:
    """Where a run keeps a corpus that came through standard input."""
    return folder / "corpus" / "standard-input.txt"


def make_vocabulary(recipe: Recipe, texts: Iterator[str]) -> Vocabulary:
    """The vocabulary a recipe asks for, learned from the training sentences where it is to be
    learned."""
    settings = recipe.vocabulary
    if settings is None:
        source = getattr(recipe.generator, "source", None)
        return vocabulary_of(source) if source else Vocabulary.train(texts, "word")
    if isinstance(settings, data.OpenVocabulary):
        return Vocabulary.open(settings.source)
    return Vocabulary.train(
        texts,
        settings.kind,
        settings.size,
        settings.minimum,
        settings.lowercase,
        settings.punctuation,
    )


def vocabulary_of(source: str) -> Vocabulary:
    """The vocabulary of a pretrained model: a local folder, or a name on the hub.

    Raises:
        UserError: nothing is there, or its tokenizer cannot be used.
    """
    folder = Path(source).expanduser()
    if (folder / "tokenizer.json").is_file():
        return Vocabulary.open(folder)
    from transformers import AutoTokenizer  # takes seconds

    with TemporaryDirectory() as made:
        try:
            AutoTokenizer.from_pretrained(source).save_pretrained(made)
        except (OSError, ValueError) as problem:
            first = str(problem).strip().partition("\n")[0]
            raise UserError(
                f"cannot open the tokenizer of {source!r}: give a folder that has one, as seqgen "
                f"export writes it, or a name on the hub and a network ({first})"
            ) from problem
        return Vocabulary.open(made)


def _grammar(recipe: Recipe, corpus: data.GrammarCorpus, vocabulary: Vocabulary | None) -> Corpora:
    grammar = grammar_of(corpus)
    if corpus.style is not None and corpus.style not in grammar.styles:
        raise UserError(
            f"style {corpus.style!r} is unknown; the grammar {corpus.grammar} has: "
            f"{', '.join(grammar.styles)}"
        )
    labels = {name: number for number, name in enumerate(grammar.styles)} if corpus.labelled else {}
    drawn = {name: drawn_sentences(corpus, grammar, name) for name in ("train", "valid", "test")}
    vocabulary = vocabulary or make_vocabulary(recipe, (e.text for e in drawn["train"]))
    splits = {
        name: Encoded.build(
            examples, vocabulary, corpus.limit, labels=labels or None, name=f"{name} sentences"
        )
        for name, examples in drawn.items()
    }
    return Corpora(vocabulary, splits, corpus.limit, labels, GrammarTruth(grammar, corpus.style))


def _oracle(corpus: data.OracleCorpus) -> Corpora:
    oracle = open_oracle(corpus)
    splits = {}
    for name in ("train", "valid"):
        ids = drawn_ids(oracle, corpus, name)
        starts = torch.arange(len(ids)) * corpus.length
        lengths = torch.full((len(ids),), corpus.length)
        splits[name] = Encoded(ids.flatten().to(torch.int32), starts, lengths, pad=0)
    size = oracle.head.weight.shape[0]
    return Corpora(Vocabulary.numbers(size), splits, corpus.length, {}, OracleTruth(oracle))
