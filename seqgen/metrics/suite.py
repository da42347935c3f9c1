"""The whole evaluation of generated sentences: all metrics, beside what real sentences score."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from seqgen.metrics.all_scores import Sample, Sentences, scores
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import ORDERS
from seqgen.metrics.labels import Settings
from seqgen.metrics.real import (
    REAL,
    Real,
    against_all,
    from_references,
    from_training,
    novel_of_held_out,
)
from seqgen.metrics.remarks import on_copies, on_words
from seqgen.metrics.table import Row, Table
from seqgen.metrics.tokens import Sentence, Tokenizer, common_tokenizer, tokenize


def evaluate(
    predictions: Sequence[Sentence],
    references: Sequence[Sentence],
    training: Sequence[Sentence] | None = None,
    *,
    orders: Sequence[int] = ORDERS,
    smoothing: Smoothing = "method1",
    tokenizer: Tokenizer = "whitespace",
    lowercase: bool = False,
    first: int | None = None,
    self_first: int | None = None,
    intervals: bool = True,
    seed: int = 0,
    name: str = "hypotheses",
) -> Table:
    """Return a row for the predictions and one for real sentences of the same number, with notes.

    The real ones are drawn from the training text where there is one, else from the references,
    each measured against all the others. Blank predictions are kept as empty sentences, blank real
    ones left out.

    Args:
        predictions: the generated sentences.
        references: real sentences, one set shared by all predictions.
        training: what the generator learned from, for the share of novel sentences.
        orders: of BLEU in its four kinds.
        smoothing: of BLEU, ``method1`` or ``none``.
        tokenizer: ``whitespace``, ``nltk`` or ``character``, for sentences that are strings.
        lowercase: whether case is dropped.
        first: measure only so many predictions, the first ones.
        self_first: as ``first``, for self-BLEU; without it, as many as for the rest.
        intervals: whether 95 % intervals are found; without, it is much faster.
        seed: of all that is drawn.
        name: of the row of the predictions.

    Raises:
        ValueError: no predictions, references or training sentences (all blank, for instance), or a
            setting out of range.
    """
    for given, what in ((first, "first"), (self_first, "self_first")):
        if given is not None and given < 1:
            raise ValueError(f"{what} {given} given: measure at least 1 sentence")
    asked = tokenize(predictions, tokenizer, lowercase, at_least=1)
    known, learned = (
        None if given is None else tokenize(given, tokenizer, lowercase)
        for given in (references, training)
    )
    assert known is not None
    real = _spoken(known.sentences, "references")
    taught = None if learned is None else _spoken(learned.sentences, "training sentences")
    parts = [part for part in (asked, known, learned) if part is not None]
    words = set(chain.from_iterable([*real, *(taught or [])]))
    settings = Settings(
        tuple(orders), smoothing, common_tokenizer(*parts), len(words), intervals, seed
    )
    system = _system(asked.sentences, real, taught, first, self_first or first, settings)
    beside = _real(real, taught, len(system.sentences), len(system.own), settings)
    rows = [Row(name, scores(system, settings))]
    if beside is not None:
        found = scores(beside.sample, settings)
        if taught is not None:
            found.append(novel_of_held_out(real, taught, settings))
        rows.append(Row(REAL, found, "real"))
    blank = len(known.sentences) - len(real)
    return Table(rows, _notes(system, beside, real, words, blank))


def _spoken(sentences: Sentences, what: str) -> Sentences:
    """Return the sentences that have a token."""
    found = [sentence for sentence in sentences if sentence]
    if not found:
        raise ValueError(
            f"0 {what} given: {len(sentences)} sentences, and none of them has a word in it"
        )
    return found


def _system(
    predictions: Sentences,
    references: Sentences,
    training: Sentences | None,
    first: int | None,
    self_first: int | None,
    settings: Settings,
) -> Sample:
    orders, smoothing = settings.orders, settings.smoothing
    sample = against_all(
        predictions[:first], predictions[:self_first], references, orders, smoothing
    )
    return replace(sample, training=training)


def _real(
    references: Sentences, training: Sentences | None, rows: int, own: int, settings: Settings
) -> Real | None:
    orders, smoothing, seed = settings.orders, settings.smoothing, settings.seed
    if training is None:
        return from_references(references, rows, own, orders, smoothing, seed)
    return from_training(training, references, rows, own, orders, smoothing, seed)


def _notes(
    system: Sample, beside: Real | None, references: Sentences, words: set[str], blank: int
) -> list[str]:
    """Return what a reader must know beside the figures."""
    rows, real = len(system.sentences), len(references)
    notes = [
        beside.about if beside is not None else "no row of real data: a single reference is given"
    ]
    found = rows if beside is None else len(beside.sample.sentences)
    if found < rows:
        notes.append(
            f"real data has {found} sentences, the hypotheses are {rows}: diversity depends on the "
            "number, so the two rows are not quite comparable"
        )
    if rows != real:
        notes.append(
            f"{rows} hypotheses and {real} references: BLEU grows with the references, backward "
            "BLEU with the hypotheses; compare with rows of the same numbers only"
        )
    empty = sum(not sentence for sentence in system.sentences)
    if empty:
        notes.append(f"{empty} of {rows} hypotheses are blank; they count as empty sentences")
    if blank:
        notes.append(f"{blank} blank references were left out")
    copies = on_copies(system.sentences, references, system.training)
    return [*notes, *on_words(system.sentences, words), *copies]
