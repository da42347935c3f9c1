"""The sentences of synthetic corpora, drawn anew wherever they are needed."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.sampling import sample
from seqgen.generators.oracle import draw_oracle, load_oracle
from seqgen.generators.recurrent import Recurrent
from seqgen.randomness import Stream
from seqgen.recipe.data import GrammarCorpus, OracleCorpus
from seqgen.text.grammar import Grammar
from seqgen.text.grammar_names import open_grammar
from seqgen.text.reading import Example


def grammar_of(corpus: GrammarCorpus) -> Grammar:
    """The grammar of a corpus.

    Raises:
        UserError: there is none of this name, or its file holds none.
    """
    try:
        return open_grammar(corpus.grammar)
    except UserError as problem:
        raise UserError(f"corpus.grammar: {problem}") from problem


def drawn_sentences(corpus: GrammarCorpus, grammar: Grammar, split: str) -> list[Example]:
    """The sentences of a split ("train", "valid" or "test") of a corpus, drawn from its grammar."""
    count = {"train": corpus.count, "valid": corpus.valid, "test": corpus.test}[split]
    # Each split has a stream of its own, so that asking for more of one leaves the others alone.
    key = Stream.of(corpus.seed, split).key
    return [Example(*pair) for pair in grammar.sample(count, key, corpus.style)]


def drawn_ids(oracle: Recurrent, corpus: OracleCorpus, split: str) -> Tensor:
    """The sentences of a split ("train" or "valid") of the oracle, (rows, time) int64."""
    count = {"train": corpus.count, "valid": corpus.valid}[split]
    return sample(oracle, count, corpus.length, Stream.of(corpus.seed, "oracle", split)).tokens


def open_oracle(corpus: OracleCorpus) -> Recurrent:
    """The oracle of a corpus.

    Raises:
        UserError: its file is missing, or holds no oracle.
    """
    if not isinstance(corpus.parameters, str):
        return draw_oracle(corpus.parameters, corpus.vocabulary)
    path = Path(corpus.parameters).expanduser()
    if not path.is_file():
        raise UserError(f"corpus.parameters: there is no file {path}; give an .npz, or a seed")
    try:
        return load_oracle(path)
    except (OSError, ValueError, RuntimeError, EOFError, BadZipFile) as problem:
        raise UserError(
            f"corpus.parameters: {corpus.parameters} cannot be read as an oracle ({problem}); "
            "give an .npz of its arrays, or a seed"
        ) from problem
