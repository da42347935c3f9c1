"""Any language model there is as a judge of sentences: an ARPA file, a run, a pretrained model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from seqgen.errors import UserError
from seqgen.evaluation.judge_protocols import Floats, LanguageJudge
from seqgen.evaluation.network_names import named
from seqgen.evaluation.pretrained_judge import PretrainedJudge
from seqgen.experiment.model import TextModel
from seqgen.experiment.reopen import load
from seqgen.ngram_model.model import NgramModel


class RunJudge:
    """The model of a run as a judge; labels are averaged over where it has any."""

    def __init__(self, model: TextModel, name: str) -> None:
        self.model, self.name = model, name

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Summed log-probability in nats, END included, and the number of tokens of the model's own
        vocabulary, END included; (rows,) each.

        Raises:
            UserError: a sentence is longer than the model can read, or it cannot spell it.
        """
        lengths = self.model.vocabulary.encode_flat(list(texts)).lengths
        nats = np.array(self.model.score(texts), dtype=np.float64)
        return nats, np.maximum(lengths, 1).astype(np.float64)


def open_language_judge(
    name_or_path: str | Path, device: torch.device | str = "cpu"
) -> LanguageJudge:
    """Open a language judge.

    Args:
        name_or_path: an ARPA file, a run folder, a folder of Hugging Face's `save_pretrained`, or
            the name of a model on the hub.
        device: where networks are put.

    Raises:
        UserError: nothing of the kind is there.
    """
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return NgramModel.load(path)
    if is_run(path):
        model = load(path, device=device)
        return RunJudge(model, named(path, model.generator))
    require_name_or_folder(path, str(name_or_path), "an ARPA file, a run folder")
    return PretrainedJudge.open(str(path) if path.is_dir() else str(name_or_path), device)


def is_run(path: Path) -> bool:
    """Whether a folder is a run, or a model that `export` wrote of one."""
    return (path / "recipe.yaml").is_file() and (path / "corpus.json").is_file()


def require_name_or_folder(path: Path, given: str, others: str) -> None:
    """Refuse at once what can be neither a folder of a pretrained model nor a name on the hub.

    Raises:
        UserError: a folder without config.json, or a path to nothing.
    """
    if path.is_dir() and not (path / "config.json").is_file():
        raise UserError(
            f"{given} is a folder, but neither a run (recipe.yaml) nor a Hugging Face model "
            f"(config.json); give {others} or such a model"
        )
    is_path = given.startswith(("/", ".", "~")) or given.count("/") > 1 or path.suffix == ".arpa"
    if not path.exists() and is_path:
        raise UserError(f"there is no {given}; give {others}, or a Hugging Face model")
