"""Published outputs of style transfer systems against the figures they are known to have."""

import csv
from pathlib import Path

import pytest
from real_data import DATA

from seqgen.metrics.bleu_family.aligned import aligned_bleu_orders
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


def test_corpus_bleu_of_every_system_is_the_measured_one() -> None:
    sources = both(YELP, "test")
    references = [both(YELP, f"reference{number}") for number in range(4)]
    rows = list(csv.DictReader(TABLE.read_text("utf-8").splitlines(), delimiter="\t"))
    assert len(rows) == 35
    for row in rows:
        predictions = outputs(row["system"])
        assert len(predictions) == int(row["lines"]) == 1000
        expected = {
            "BLEU4_reference0": references[:1],
            "BLEU4_4refs": references,
            "self_BLEU4_vs_source": [sources],
        }
        for column, streams in expected.items():
            score = corpus_bleu(
                predictions, streams, lowercase=True, tokenize="none", smoothing="none"
            )
            assert score.value == pytest.approx(float(row[column]), abs=0.1), (row, column)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("COPY_SOURCE", 22.5),
        ("dai2019/StyleTransformer_cond", 16.8),
        ("dai2019/StyleTransformer_multi", 19.8),
        ("luo2019/DualRL", 19.1),
        ("li2018/DeleteAndRetrieve", 10.1),
    ],
)
def test_mean_unsmoothed_bleu_is_the_style_transformers(system: str, expected: float) -> None:
    (score,) = aligned_bleu_orders(
        outputs(system), [both(YELP, "reference0")], tokenizer="nltk", lowercase=True
    )
    assert 100 * score.value == pytest.approx(expected, abs=0.2)
