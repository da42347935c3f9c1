"""Any language model there is as a judge of sentences: an ARPA file, a run, a pretrained model.

torch is imported where a network is opened only; an ARPA file needs none.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen.errors import UserError
from seqgen.evaluation.judge_protocols import LanguageJudge
from seqgen.ngram_model.model import NgramModel

if TYPE_CHECKING:
    import torch

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]*(?<!\.arpa)", re.ASCII)


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
        from seqgen.evaluation.network_names import named
        from seqgen.experiment.reopen import load
        from seqgen.experiment.run_judge import RunJudge

        model = load(path, device=device)
        return RunJudge(model, named(path, model.generator))
    require_name_or_folder(path, str(name_or_path), "an ARPA file, a run folder")
    from seqgen.evaluation.pretrained_judge import PretrainedJudge

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
    if path.exists() or _is_hub_name(given):
        return
    near = _near(path)
    meant = f" (is it {' or '.join(near)}?)" if near else ""
    raise UserError(
        f"there is no {given}{meant}; give {others}, or a Hugging Face model: its folder, or "
        "owner/name on the hub"
    )


def _is_hub_name(given: str) -> bool:
    """Whether it is of the form owner/name, and no path: there is no folder `owner` here."""
    owner = given.partition("/")[0]
    return _HUB_NAME.fullmatch(given) is not None and not Path(owner).is_dir()


def _near(path: Path) -> list[str]:
    """What lies where the path points to, under a similar name."""
    there = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    return [str(path.parent / name) for name in get_close_matches(path.name, there, 3)]
