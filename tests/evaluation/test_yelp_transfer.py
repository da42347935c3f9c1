"""The joint score on published outputs: what a constant phrase must not win."""

from pathlib import Path

import pytest
from real_data import DATA
from transfer_judges import WordJudge

from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer import Evaluation, How, evaluate_transfer
from seqgen.evaluation.transfer_notes import HUMAN
from seqgen.metrics.style_transfer.factors import Task
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.ngram_model.model import NgramModel

YELP, OUTPUTS = DATA / "yelp_style", DATA / "style_outputs" / "yelp"
SYSTEMS = (
    "dai2019/StyleTransformer_cond",
    "dai2019/StyleTransformer_multi",
    "luo2019/DualRL",
    "li2018/TemplateBased",
)

pytestmark = pytest.mark.skipif(not OUTPUTS.is_dir(), reason="the Yelp outputs are not here")


def lines(file: Path) -> list[str]:
    return file.read_text("utf-8").split("\n")[:-1]


def both(folder: Path, name: str) -> list[str]:
    """Both directions, one after the other."""
    return [line for direction in (0, 1) for line in lines(folder / f"{name}.{direction}")]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    texts = {
        label: lines(YELP / f"train_substitute.{number}")
        for number, label in enumerate(("negative", "positive"))
    }
    sources, references = both(YELP, "test"), [both(YELP, "reference0")]
    task = Task(sources, ["positive"] * 500 + ["negative"] * 500, references)
    style = StyleJudging(WordJudge(texts), Markers.train(texts))
    language = NgramModel.train([*texts["negative"], *texts["positive"]], order=3)
    systems = {system: both(OUTPUTS, system) for system in SYSTEMS}
    return evaluate_transfer(systems, task, style, language, how=How(intervals=False))


def values(evaluation: Evaluation, name: str) -> dict[str, float]:
    scores = {found.row.name: found.row.score(name) for found in evaluation.measured}
    return {row: score.value for row, score in scores.items() if score is not None}


def test_a_constant_phrase_appended_to_the_source_scores_below_the_systems(
    evaluation: Evaluation,
) -> None:
    joint = values(evaluation, "joint")
    assert all(joint["copy-plus-phrase"] < joint[system] for system in SYSTEMS)
    assert joint["copy-source"] < min(joint[system] for system in SYSTEMS)


def test_without_the_markers_the_phrase_would_win(evaluation: Evaluation) -> None:
    accuracy, kept = values(evaluation, "accuracy"), values(evaluation, "chrf")
    product = {row: accuracy[row] * kept[row] for row in accuracy}
    assert all(product["copy-plus-phrase"] > product[system] for system in SYSTEMS)


def test_the_phrase_comes_from_the_training_text(evaluation: Evaluation) -> None:
    (note,) = (note for note in evaluation.table.notes if note.startswith("copy-plus-phrase"))
    assert "'great good amazing' for positive" in note


def test_copies_keep_their_style_and_most_human_rewritings_change_it(
    evaluation: Evaluation,
) -> None:
    accuracy = values(evaluation, "accuracy")
    assert accuracy["copy-source"] < 8
    assert 60 < accuracy[HUMAN] < 80
