"""Published outputs of style transfer systems against the figures they are known to have."""

import csv
from pathlib import Path

import pytest
from real_data import DATA

from seqgen.metrics.bleu_family.sacrebleu_scores import corpus_bleu

YELP, OUTPUTS = DATA / "yelp_style", DATA / "style_outputs" / "yelp"
TABLE = OUTPUTS / "bleu_measured_here.tsv"

pytestmark = pytest.mark.skipif(not TABLE.is_file(), reason="the Yelp outputs are not here")


def both(folder: Path, name: str) -> list[str]:
    """Both directions, one after the other."""
    files = [folder / f"{name}.{direction}" for direction in (0, 1)]
    return [line for file in files for line in file.read_text("utf-8").split("\n")[:-1]]


def outputs(system: str) -> list[str]:
    return both(YELP, "test") if system == "COPY_SOURCE" else both(OUTPUTS, system)


FOUR = (
    "COPY_SOURCE",
    "dai2019/StyleTransformer_multi",
    "li2018/DeleteAndRetrieve",
    "luo2019/DualRL",
)


def measured() -> dict[str, dict[str, str]]:
    """The rows of the table, by system."""
    rows = csv.DictReader(TABLE.read_text("utf-8").splitlines(), delimiter="\t")
    return {row["system"]: row for row in rows}


def check(row: dict[str, str]) -> None:
    """Compare corpus BLEU of a system with its row of the table."""
    references = [both(YELP, f"reference{number}") for number in range(4)]
    predictions = outputs(row["system"])
    assert len(predictions) == int(row["lines"]) == 1000
    expected = {
        "BLEU4_reference0": references[:1],
        "BLEU4_4refs": references,
        "self_BLEU4_vs_source": [both(YELP, "test")],
    }
    for column, streams in expected.items():
        score = corpus_bleu(predictions, streams, lowercase=True, tokenize="none", smoothing="none")
        assert score.value == pytest.approx(float(row[column]), abs=0.1), (row, column)


@pytest.mark.parametrize("system", FOUR)
def test_corpus_bleu_of_a_system_is_the_measured_one(system: str) -> None:
    check(measured()[system])


@pytest.mark.slow
def test_corpus_bleu_of_every_system_is_the_measured_one() -> None:
    rows = measured()
    assert len(rows) == 35
    for row in rows.values():
        check(row)
