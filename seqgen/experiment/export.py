"""A trained run -> a folder that other programs open."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from torch import nn

from seqgen.errors import UserError
from seqgen.experiment.model import TextModel
from seqgen.experiment.reopen import WEIGHTS, Which, load
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import without_progress
from seqgen.training.weights import weights_writer


def export(run: str | Path, folder: str | Path, checkpoint: Which | None = None) -> Path:
    """Write a run's model to a new folder.

    A pretrained generator becomes a Hugging Face model folder that `AutoModelForCausalLM` and
    `AutoTokenizer` open; any other generator becomes its weights (generator.safetensors), its
    recipe and its tokenizer, which `AutoTokenizer` opens. `load` opens such a folder like a run.

    Raises:
        UserError: the folder exists and is not empty, the run cannot be opened, or a pretrained
            generator has labels.
    """
    target = Path(folder).expanduser()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} exists already and is no empty folder; give a new one")
    model = load(run, checkpoint)
    if isinstance(model.generator, Pretrained) and model.generator.styles:
        raise UserError(
            "a model with labels has vectors that a Hugging Face model has no place for"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # A folder of our own, so that two exports at a time do not meet; its rights are not the usual
    # ones, hence the draft inside it.
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        draft = work / target.name
        draft.mkdir()
        model.vocabulary.save(draft)
        _write(model, Path(run).expanduser(), draft)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _write(model: TextModel, run: Path, draft: Path) -> None:
    generator = model.generator
    if isinstance(generator, Pretrained):
        merge_adapters(generator.model)
        with without_progress():
            generator.model.save_pretrained(draft)
        return
    weights_writer(generator)(draft / WEIGHTS)
    for name in ("recipe.yaml", "corpus.json"):
        shutil.copyfile(run / name, draft / name)


def merge_adapters(model: nn.Module) -> None:
    """Add the low-rank matrices of LoRA to the weights beside them, in place, so that plain layers
    are left."""
    adapted = {name: layer for name, layer in model.named_modules() if hasattr(layer, "base_layer")}
    for name, layer in adapted.items():
        layer.merge()
        above, _, last = name.rpartition(".")
        setattr(model.get_submodule(above), last, layer.base_layer)
