"""The real text an evaluation of a run stands on: references, and what the model was trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from seqgen.errors import UserError
from seqgen.experiment.real_sentences import changed, held_out, real_sentences
from seqgen.text.normalised import normalised
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run

REFERENCES = 10_000  # at most, of the held-out sentences
TRAINING = 1_000_000  # at most, of the training sentences
_log = logging.getLogger("seqgen")


@dataclass(frozen=True)
class RealText:
    """Real sentences in the form the model writes, and where they come from.

    Attributes:
        references: real sentences the model was not trained on.
        training: those it was trained on; empty where they are not to be had.
        split: the split of the run's corpus the references are from; None: given by the user.
        notes: what a reader must know of it.
    """

    references: Sequence[str]
    training: Sequence[str]
    split: str | None
    notes: Sequence[str] = ()

    @property
    def about(self) -> dict[str, str]:
        """What the record says of it."""
        of = "given sentences" if self.split is None else f"{self.split} sentences"
        return {
            "references": f"{len(self.references)} {of}",
            "training": f"{len(self.training)} training sentences",
        }


def real_text(
    run: Run,
    vocabulary: Vocabulary,
    references: Sequence[str] | None = None,
    training: Sequence[str] | None = None,
    seed: int = 0,
) -> RealText:
    """The references and training sentences of a run's corpus, or those given in their place.

    Of more than 10,000 held-out or a million training sentences so many are drawn.

    Raises:
        UserError: the run holds nothing out and no references are given, or its files are gone.
    """
    split: str | None = None
    notes: list[str] = []
    if references is None:
        split = held_out(run)
        if split is None:
            raise UserError(
                f"{run.folder} holds no sentences out (corpus.valid and corpus.test are none): "
                "give real sentences it was not trained on as --references FILE"
            )
        known = real_sentences(run, split, REFERENCES, seed)
        notes += _not_the_same(run, split, "nll, bleu and what else stands beside references")
    else:
        known = normalised(vocabulary, references)
    known = [text for text in known if text.strip()]
    if not known:
        raise UserError("0 references: all given lines are blank; give sentences with words")
    learned, more = _training(run, vocabulary, training, references is not None, seed)
    return RealText(known, learned, split, [*notes, *more])


def _training(
    run: Run, vocabulary: Vocabulary, given: Sequence[str] | None, optional: bool, seed: int
) -> tuple[list[str], list[str]]:
    """The training sentences, and a note where they cannot be had and need not be."""
    if given is not None:
        return [text for text in normalised(vocabulary, given) if text.strip()], []
    try:
        learned = real_sentences(run, "train", TRAINING, seed)
        return learned, _not_the_same(run, "train", "novel, lm-score and the row of real data")
    except UserError as problem:
        if not optional:
            raise
        missing = "no copy rate, no language-model scores, no real data beside frechet and mauve"
        return [], [f"without training sentences: {missing} ({problem})"]


def _not_the_same(run: Run, split: str, figures: str) -> list[str]:
    """A note, and a warning, where the files of a split are not those of the training."""
    if not changed(run, split):
        return []
    what = "training text" if split == "train" else f"{split} text"
    said = f"the {what} is not the one this run was trained with: {figures} tell of another text"
    _log.warning("%s: %s; restore the files it was trained with", run.folder, said)
    return [f"warning: {said}"]
