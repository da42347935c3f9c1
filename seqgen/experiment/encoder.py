"""Any encoder of sentences there is: n-grams, a run, a pretrained model."""

from __future__ import annotations

from pathlib import Path

import torch

from seqgen.errors import UserError
from seqgen.evaluation.encoders import HiddenStates, PretrainedEncoder
from seqgen.evaluation.judge_protocols import Encoder
from seqgen.evaluation.network_names import named
from seqgen.experiment.language_judge import is_run, require_name_or_folder
from seqgen.experiment.reopen import load
from seqgen.metrics.projection import NgramProjection

NGRAMS = "ngrams"


def open_encoder(name_or_path: str | Path, device: torch.device | str = "cpu") -> Encoder:
    """Open an encoder.

    Args:
        name_or_path: "ngrams" (a random projection of bags of n-grams, which needs nothing), a run
            folder (the hidden states of its generator), a folder of Hugging Face's
            `save_pretrained`, or the name of a model on the hub.
        device: where networks are put.

    Raises:
        UserError: nothing of the kind is there.
    """
    given = str(name_or_path)
    if given == NGRAMS:
        return NgramProjection()
    path = Path(given).expanduser()
    if path.is_file():
        raise UserError(f"{given} is a file; an encoder is {NGRAMS}, a run folder or a model")
    if is_run(path):
        model = load(path, device=device)
        return HiddenStates(model.generator, model.vocabulary, named(path, model.generator))
    require_name_or_folder(path, given, f"{NGRAMS}, a run folder")
    return PretrainedEncoder.open(str(path) if path.is_dir() else given, device)
