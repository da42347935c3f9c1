"""Judges of Yelp reviews are sound: they see through copied input and accept human rewrites."""

from __future__ import annotations

from pathlib import Path

import pytest
import real_data
from experiment_runs import QUIET

from seqgen.experiment.start import start
from seqgen.experiment.style_judge import open_judge
from seqgen.recipe.files import read
from seqgen.recipe.overrides import override

DATA = real_data.DATA / "yelp_style"
LABELS = ("negative", "positive")


def files(name: str) -> list[str]:
    """Labels and files in turn."""
    return [word for n, label in enumerate(LABELS) for word in (label, str(DATA / f"{name}.{n}"))]


def share(judged: list[list[str]]) -> float:
    """The share of sentences judged to be of the other style than their file's."""
    hits = [label == LABELS[1 - n] for n, labels in enumerate(judged) for label in labels]
    return sum(hits) / len(hits)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the Yelp reviews are not here")
@pytest.mark.parametrize("name", ["linear", "convolution"])
def test_a_judge_of_reviews_is_sound(name: str, tmp_path: Path) -> None:
    """With the steps that the recipes have: half a minute and three."""
    flags = ["--corpus.styles", *files("train_substitute"), "--corpus.valid", *files("dev")]
    flags += ["--corpus.test", *files("test")]
    recipe = override(read(f"judge/{name}"), flags)
    report = start(recipe, tmp_path / "run", QUIET)
    judge = open_judge(report.folder)

    def judged(name: str) -> list[list[str]]:
        texts = [(DATA / f"{name}.{n}").read_text("utf-8").splitlines() for n in (0, 1)]
        return [judge.classify(one) for one in texts]

    copied = share(judged("test"))
    assert copied <= 0.05
    assert judge.test_accuracy == pytest.approx(1 - copied)
    assert 0.65 <= share(judged("reference0")) <= 0.80
    assert {"great", "delicious"} <= judge.markers.of("positive")
    assert {"rude", "worst"} <= judge.markers.of("negative")
