"""A trained classifier, ready to judge sentences; and what its run keeps of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.evaluation.batching import by_length
from seqgen.evaluation.classification import Accuracy, accuracy_told, log_probabilities
from seqgen.evaluation.network_names import named
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.experiment.build import build_classifier
from seqgen.experiment.real_sentences import examples
from seqgen.experiment.reopen import Which, load_weights, open_vocabulary, read_run, step_of
from seqgen.experiment.scoring import TOKENS
from seqgen.generators.modes import evaluating
from seqgen.metrics.arrays import Floats
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.recipe.recipe import Recipe
from seqgen.text.normalised import normalised
from seqgen.text.sentences import Sentences, padded
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run
from seqgen.windows import windows

FILE = "judge.json"
FORMAT = 1
KEPT = {
    "step": int,
    "split": str | None,
    "test_accuracy": float | None,
    "sentences": int,
    "per_label": dict,
}


@dataclass(frozen=True)
class Judge:
    """A classifier with its vocabulary: the label of any sentence.

    Attributes:
        classifier: the network, in evaluation mode.
        vocabulary: strings <-> ids.
        labels: their names, in the order of the columns of `probabilities`.
        name: of the run folder, and the fingerprint of the weights.
        markers: the words that give each label away in the training sentences.
        test_accuracy: share of the test sentences whose label it finds; None where there were none,
            or for another checkpoint than the one that was tested.
        test_sentences: how many there were.
        per_label: the same share among the sentences of each label.
        tested_on: "test", or "valid" where the corpus had no test sentences; those chose the
            checkpoint.
    """

    classifier: nn.Module
    vocabulary: Vocabulary
    labels: Sequence[str]
    name: str
    markers: Markers
    test_accuracy: float | None = None
    test_sentences: int = 0
    per_label: Mapping[str, float] = field(default_factory=dict)
    tested_on: str | None = None

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """The probability of each label for each sentence, (rows, labels); the same for all labels
        where a sentence is blank.

        Raises:
            UserError: a sentence the vocabulary cannot spell.
        """
        blocks = [self._window(window) for window in windows(texts)]
        return np.concatenate([np.empty((0, len(self.labels))), *blocks])

    def classify(self, texts: Sequence[str]) -> list[str]:
        """The most probable label of each sentence; "", which is no label, for a blank one."""
        best = self.probabilities(texts).argmax(1).tolist()
        return [
            self.labels[number] if text.strip() else ""
            for number, text in zip(best, texts, strict=True)
        ]

    def about(self) -> str:
        """How far to trust it, in a line."""
        if self.test_accuracy is None:
            return f"{self.name}: this checkpoint's accuracy was not measured"
        told = accuracy_told(
            self.test_accuracy, self.test_sentences, self.per_label, self.tested_on
        )
        return f"{self.name}: {told}"

    def judging(self) -> StyleJudging:
        """With its markers, reading sentences in the form that it was trained on."""
        return StyleJudging(self, self.markers, lambda texts: normalised(self.vocabulary, texts))

    def _window(self, texts: Sequence[str]) -> Floats:
        found = np.full((len(texts), len(self.labels)), 1 / len(self.labels))
        spoken = np.array([number for number, text in enumerate(texts) if text.strip()], dtype=int)
        if len(spoken):
            found[spoken] = self._spoken([texts[number] for number in spoken])
        return found

    def _spoken(self, texts: Sequence[str]) -> Floats:
        """Sentences of similar lengths together; none is cut."""
        flat = self.vocabulary.encode_flat(texts)
        lengths, ids = torch.from_numpy(flat.lengths), torch.from_numpy(flat.ids)
        starts = lengths.cumsum(0) - lengths
        found = torch.empty(len(texts), len(self.labels), dtype=torch.float64)
        with torch.no_grad(), evaluating(self.classifier):
            for rows in by_length(lengths, TOKENS):
                padding = padded(ids, starts[rows], lengths[rows], self.vocabulary.pad)
                batch = Sentences(padding, lengths[rows])
                found[rows] = log_probabilities(self.classifier, batch).exp().cpu()
        return found.numpy()


def open_judge(
    folder: str | Path, checkpoint: Which | None = None, device: torch.device | str = "cpu"
) -> Judge:
    """Open a run that trained a classifier.

    Args:
        folder: the run folder.
        checkpoint: "best", "latest" or a step; None takes the best where the recipe selects one,
            else the latest.
        device: where to put it.

    Raises:
        UserError: no run there, one of a generator, one that has not come to its end, a file, or
            a damaged run.
    """
    if Path(folder).expanduser().is_file():
        raise UserError(
            f"{folder} is a file; a style judge is the run folder of a classifier. An n-gram model "
            f"gives no labels: seqgen judge score {folder} < sentences.txt"
        )
    run = Run.open(folder)
    recipe, facts = read_run(run)
    if recipe.classifier is None:
        raise UserError(
            f"{run.folder} is no judge: it has a generator and no classifier. Train one, for "
            "instance with: seqgen train judge/linear"
        )
    kept, labels = _read(run), list(facts["labels"])
    vocabulary = open_vocabulary(run)
    classifier = build_classifier(recipe.classifier, vocabulary, len(labels), recipe.seed)
    load_weights(run, {"classifier": classifier}, checkpoint)
    judge = Judge(
        classifier.to(device).eval(),
        vocabulary,
        labels,
        named(run.folder, classifier),
        Markers.from_json(kept["markers"]),
    )
    if step_of(run, checkpoint) != kept["step"]:
        return judge
    return replace(
        judge,
        test_accuracy=kept["test_accuracy"],
        test_sentences=kept["sentences"],
        per_label=kept["per_label"],
        tested_on=kept["split"],
    )


def keep_judge(
    run: Run,
    recipe: Recipe,
    vocabulary: Vocabulary,
    step: int,
    split: str | None,
    accuracy: Accuracy | None,
) -> None:
    """Write judge.json: how accurate the checkpoint of a step is on the sentences of a split, and
    the words that give each label away in the training sentences."""
    markers = training_markers(recipe, run.folder, vocabulary)
    facts = {
        "format": FORMAT,
        "step": step,
        "split": split,
        "test_accuracy": None if accuracy is None else accuracy.overall,
        "sentences": 0 if accuracy is None else accuracy.sentences,
        "per_label": {} if accuracy is None else dict(accuracy.per_label),
        "markers": markers.to_json(),
    }
    run.write_text(FILE, json.dumps(facts, ensure_ascii=False) + "\n")


def training_markers(recipe: Recipe, folder: Path, vocabulary: Vocabulary) -> Markers:
    """The markers of a run's training sentences, in the case and punctuation of its vocabulary."""
    texts: dict[str, list[str]] = {}
    for example in examples(recipe, folder, "train"):
        texts.setdefault(str(example.label), []).append(example.text)
    return Markers.train({label: normalised(vocabulary, texts[label]) for label in sorted(texts)})


def _read(run: Run) -> dict[str, Any]:
    path = run.folder / FILE
    if not path.is_file():
        raise UserError(
            f"{run.folder}: its training has not come to its end (no {FILE}); go on with it: "
            f"seqgen train --resume {run.folder}"
        )
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if found["format"] > FORMAT:
            raise ValueError(f"written in format {found['format']}, this version reads {FORMAT}")
        Markers.from_json(found["markers"])
        for name, kind in KEPT.items():
            if not isinstance(found[name], kind):
                raise ValueError(f"{name} is {found[name]!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} is damaged ({problem}); restore it, or train again") from problem
    return found
