"""Figures published or measured elsewhere, met again: real text and released samples.

Real captions score BLEU-5 from .087 to .600 depending on the protocol; here under each of them. The
files lie beside the repository; without them these tests are skipped.
"""

import json
from functools import cache

import pytest
from real_data import DATA

from seqgen.metrics.bleu_family.preset_table import evaluate_preset
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu, sentence_self_bleu
from seqgen.metrics.tokens import tokenize

TRAIN, TEST = "coco_texygen/train.txt", "coco_texygen/test.txt"
NEWS = "emnlp_news/texygen_test.txt"
LEAKGAN, LEAKGAN_TEST = (
    "textgan_samples/leakgan_repo/coco_generated_examples.txt",
    "coco_leakgan/test.txt",
)
TEXYGEN = {
    "MLE": "mle",
    "SeqGAN": "seq",
    "MaliGAN": "maligan",
    "RankGAN": "rank",
    "LeakGAN": "leakgan",
    "TextGAN": "textgan",
}


@cache
def lines(file):
    if not (DATA / file).exists():
        pytest.skip(f"no {file} beside the repository")
    return (DATA / file).read_text(encoding="utf-8").removesuffix("\n").split("\n")


@cache
def cut(file, tokenizer="nltk"):
    return tokenize(lines(file), tokenizer).sentences


def near(values, published, within=0.0015):
    assert list(values) == pytest.approx(published, abs=within, rel=0)


def under(preset, metric, predictions, references, old_bugs=False):
    """Return the values of one metric, by order, under a preset."""
    table = evaluate_preset(preset, predictions, references, old_bugs=old_bugs)
    return [s.value for s in table.rows[0].scores if s.name.rpartition("-")[0] == metric]


@pytest.mark.parametrize(
    ("preset", "old_bugs", "published"),
    [
        ("texygen-readme", False, [0.740, 0.520, 0.337, 0.218]),
        ("falling-short", False, [0.740, 0.520, 0.337, 0.218]),
        ("texygen-code", False, [0.518, 0.284, 0.162, 0.103]),
        ("relgan", False, [0.727, 0.502, 0.309, 0.203]),
        ("textgan-pytorch", False, [0.733, 0.513, 0.321, 0.207]),
    ],
)
def test_bleu_of_real_captions(preset, old_bugs, published):
    near(under(preset, "bleu", cut(TRAIN), cut(TEST), old_bugs), published)


@pytest.mark.parametrize(
    ("preset", "old_bugs", "published"),
    [
        ("irl-texygen", False, [0.698, 0.462, 0.284, 0.178]),
        ("irl", True, [0.703, 0.575, 0.561, 0.600]),
    ],
)
def test_bleu_of_real_captions_against_5000_references(preset, old_bugs, published):
    near(under(preset, "bleu", cut(TRAIN), cut(TEST)[:5000], old_bugs), published)


@pytest.mark.parametrize(
    ("references", "smoothing", "published"),
    [
        (10_000, "none", [0.740, 0.496, 0.259, 0.106]),
        (10_000, "nltk-before-3.3", [0.743, 0.604, 0.570, 0.597]),
        (500, "nltk-before-3.3", [0.543, 0.497, 0.541, 0.600]),
    ],
)
def test_bleu_of_real_captions_without_smoothing(references, smoothing, published):
    values = sentence_bleu(cut(TRAIN), cut(TEST)[:references], smoothing=smoothing)
    near(values.mean(axis=1), published)


def test_real_captions_split_at_whitespace():
    train, test = cut(TRAIN, "whitespace"), cut(TEST, "whitespace")
    near(sentence_bleu(train, test).mean(axis=1), [0.709, 0.488, 0.310, 0.202])
    near(sentence_self_bleu(train).mean(axis=1), [0.870, 0.717, 0.536, 0.386])


@pytest.mark.parametrize(
    ("preset", "old_bugs", "published"),
    [
        ("texygen-readme", False, [0.892, 0.747, 0.574, 0.416]),
        ("falling-short", False, [0.892, 0.747, 0.574, 0.416]),
        ("texygen-code", False, [0.711, 0.487, 0.309, 0.202]),
        ("texygen-code", True, [1.0, 1.0, 1.0, 1.0]),
        ("irl-texygen", False, [0.756, 0.545, 0.359, 0.234]),
        ("textgan-pytorch", False, [0.890, 0.742, 0.546, 0.386]),
        ("relgan", True, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_self_bleu_of_real_captions(preset, old_bugs, published):
    near(under(preset, "self-bleu", cut(TRAIN), cut(TEST), old_bugs), published)


def test_self_bleu_of_the_test_captions():
    near(sentence_self_bleu(cut(TEST)).mean(axis=1), [0.906, 0.774, 0.609, 0.452])


@pytest.mark.slow
def test_real_news():
    first, second = cut(NEWS)[:5000], cut(NEWS)[5000:]
    near(sentence_self_bleu(cut(NEWS)).mean(axis=1), [0.856, 0.612, 0.384, 0.232])
    near(sentence_self_bleu(first[:500]).mean(axis=1), [0.575, 0.298, 0.153, 0.084])
    near(sentence_bleu(second, first).mean(axis=1), [0.804, 0.534, 0.312, 0.181])
    near(sentence_bleu(second, first[:500]).mean(axis=1), [0.570, 0.288, 0.146, 0.082])


def check_readme(system):
    """Compare a released file under ``texygen-readme`` with what Texygen's README says of it."""
    samples = lines(f"textgan_samples/texygen/{TEXYGEN[system]}.txt")
    reported = json.loads((DATA / "textgan_samples/reported_scores.json").read_text())
    table = evaluate_preset("texygen-readme", samples, cut_lower(TEST))
    values = [score.value for score in table.rows[0].scores]
    near(values, reported["BLEU"][system] + reported["SelfBLEU"][system])
    return table


@cache
def cut_lower(file):
    return tokenize(lines(file), "nltk", lowercase=True).sentences


def test_readme_of_texygen():
    check_readme("MLE")


@pytest.mark.slow
@pytest.mark.parametrize("system", [name for name in TEXYGEN if name != "MLE"])
def test_readme_of_texygen_all_systems(system):
    table = check_readme(system)
    assert ("4 blank lines were dropped." in table.notes) == (system == "TextGAN")


def test_released_samples_of_leakgan():
    samples, test = cut(LEAKGAN, "whitespace"), cut(LEAKGAN_TEST, "whitespace")
    forward = sentence_bleu(samples[:2000], test).mean(axis=1)
    near(forward, [0.892, 0.756, 0.587, 0.416])
    itself = sentence_self_bleu(samples[:5000]).mean(axis=1)
    near(itself, [0.967, 0.921, 0.852, 0.763])
    backward = sentence_bleu(test[:2000], samples[:5000]).mean(axis=1)
    near(backward, [0.664, 0.469, 0.315, 0.208])


def test_real_captions_score_below_leakgan():
    test = cut(LEAKGAN_TEST, "whitespace")
    near(sentence_bleu(test[:2000], test[2000:]).mean(axis=1), [0.786, 0.587, 0.402, 0.262])
    near(sentence_self_bleu(test).mean(axis=1), [0.887, 0.732, 0.555, 0.394])


@pytest.mark.parametrize(
    ("system", "published"),
    [
        ("yelp_style/test", 22.5),
        ("style_outputs/yelp/dai2019/StyleTransformer_cond", 16.8),
        ("style_outputs/yelp/dai2019/StyleTransformer_multi", 19.8),
        ("style_outputs/yelp/luo2019/DualRL", 19.1),
        ("style_outputs/yelp/li2018/DeleteAndRetrieve", 10.1),
    ],
)
def test_style_transfer_on_yelp(system, published):
    outputs = lines(f"{system}.0") + lines(f"{system}.1")
    references = lines("yelp_style/reference0.0") + lines("yelp_style/reference0.1")
    table = evaluate_preset("style-transformer", outputs, references)
    near([score.value for score in table.rows[0].scores], [published], within=0.2)
    signature = table.rows[0].scores[0].signature
    assert "references:1 aligned|" in signature and "scale:100" in signature


def test_style_transfer_under_old_nltk_prefers_retrieval():
    # The published figures are what the code of nltk 3.2.5 gives for these files.
    references = lines("yelp_style/reference0.0") + lines("yelp_style/reference0.1")
    values = []
    for system in ("RetrieveOnly", "DeleteAndRetrieve"):
        outputs = [
            line for label in "01" for line in lines(f"style_outputs/yelp/li2018/{system}.{label}")
        ]
        table = evaluate_preset("style-transformer", outputs, references, old_bugs=True)
        values += [score.value for score in table.rows[0].scores]
    near(values, [44.519, 42.064], within=0.001)
