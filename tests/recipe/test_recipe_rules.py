"""Parts of a recipe that do not go together are refused, with the way out."""

from __future__ import annotations

import shlex

import pytest

from seqgen.recipe.files import parse
from seqgen.recipe.overrides import override
from seqgen.recipe.problems import RecipeError

PROFESSOR = parse(
    """
about: two players
vocabulary: {kind: word, punctuation: final}
generator: {kind: lstm}
discriminator: {kind: behavior}
phases:
  - {method: {kind: teacher-forcing}, steps: 10}
  - {method: {kind: professor-forcing}, steps: 10}
players: {generator: {}, discriminator: {}}
batch: 64
evaluate: {select: likelihood}
""",
    "two players",
)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--discriminator none", "discriminator: missing|needs one"),
        ("--phases.1.only critic", "no player 'critic'; the players of professor-forcing"),
        ("--phases.0.players.discriminator.rate 1", "is unknown; the players of teacher-forcing"),
        ("--phases.1.only generator --phases.1.players.discriminator.rate 1", "does not play here"),
        ("--players.critic.rate 1", "no phase has a player 'critic'"),
        ("--phases.1.method.gate_low 0.995", "gate_low 0.995 must lie below gate_high 0.99"),
        ("--vocabulary none", "vocabulary: missing; for instance"),
        ("--vocabulary.kind subword", "needs a size"),
        ("--vocabulary.kind character", "punctuation: final is for kind word"),
        ("--generator.kind transformer --corpus.limit 600", "512 is below the longest .* 600"),
        ("--generator.kind transformer --generator.width 2", "no multiple of heads 4; 4 would be"),
        ("--generator.kind pretrained --generator.source gpt2", "brings its own"),
        ("--generator.kind pretrained", "either source"),
        ("--generator.kind pretrained --generator.configuration.n_layer 2", "needs a model_type"),
        ("--accumulation 3", "3 does not divide the batch of 64"),
        ("--by_label", "no labels; name corpus.label"),
        ("--batch_of label", "without by_label no update holds so many of each"),
        ("--evaluate.metrics bleu", "'likelihood' is not among"),
        ("--evaluate.select none --evaluate.patience 3", "says nothing without"),
        ("--corpus.train a --corpus.styles b c", "either train or styles"),
        ("--corpus.styles b c --corpus.label d", "leave label out"),
        ("--corpus.styles a x b y --corpus.valid v.txt", "valid: 'v.txt' has no labels.*last:500"),
        ("--corpus.styles a x b y --corpus.test t.txt", "test: 't.txt' has no labels.*leave it"),
        ("--corpus.styles {}", "corpus.styles: .*at least 1 item"),
        (
            "--corpus.styles a x b y c z --by_label",
            r"batch: 64 cannot .* a multiple of 3 \(3 labels\)",
        ),
        (
            "--corpus.styles a x b y c z --by_label --batch 66 --accumulation 2 --batch 68",
            r"68 cannot .* multiple of 6 \(3 labels x accumulation 2\)",
        ),
        (
            "--generator.kind transformer --generator.width 12",
            "width 12 and heads 4 give heads of odd size 3.* width 16 would",
        ),
        ("--evaluate.samples 1", "evaluate.samples: 1 given; self-bleu"),
        ("--generator none", "generator: missing; teacher-forcing .* with a kind: lstm, gru"),
        ("--classifier.kind convolution", "classifier: no phase trains or asks it"),
        (
            "--phases.1.method.kind teacher-forcing --players '{generator: {rate: 1}}'",
            "discriminator: no phase trains or asks it; leave it out",
        ),
        ("--evaluate.metrics likelihood accuracy", "accuracy is that of a classifier"),
        (
            "--corpus.styles a x b y --corpus.valid a v c w",
            "corpus.valid: has the labels a, c; give those of styles: a, b",
        ),
        ("--corpus.styles a x b y --corpus.test a v", "corpus.test: has the labels a; give those"),
        ("--corpus.train x --corpus.test a v b w", "test: has labels, but the training .* none"),
        ("--corpus.valid a v b", "takes names and values in turn"),
        ("--name ../x", "'../x' given; it names a folder"),
        ("--about=", "at least 1 character"),
    ],
)
def test_contradictions_are_refused(flags: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        override(PROFESSOR, shlex.split(flags))


JUDGE = parse(
    """
about: a judge
corpus: {kind: grammar}
vocabulary: {kind: word}
classifier: {kind: hashed-ngrams}
phases: [{method: {kind: classification}, steps: 10}]
players: {classifier: {}}
evaluate: {metrics: [accuracy], select: accuracy}
""",
    "a judge",
)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--classifier none", "classifier: missing; classification .* hashed-ngrams, convolution"),
        ("--generator.kind lstm", "generator: no phase trains or asks it"),
        ("--discriminator.kind behavior", "discriminator: tells a generator's sentences"),
        ("--corpus.style admiring", "corpus: its sentences have no labels, and classification"),
        ("--corpus.kind oracle --by_label false", "no labels, .* give a corpus with labels"),
        ("--corpus.train my.txt", r"give corpus.styles \(a file a label\) or corpus.label"),
        ("--evaluate.metrics accuracy bleu truth", "bleu, truth: needs a generator"),
        ("--players.generator.rate 1", "no phase has a player 'generator'"),
        ("--classifier.widths 3", "unknown setting for this kind; known for convolution"),
        ("--classifier.kind convolution --classifier.widths 0", "greater than 0"),
    ],
)
def test_contradictions_of_a_judge_are_refused(flags: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        override(JUDGE, flags.split())


@pytest.mark.parametrize(
    "flags",
    [
        "--corpus.styles a x b y",
        "--corpus.train my.csv --corpus.label stars",
        "--classifier.kind convolution --classifier.widths 2 3",
        "--classifier.orders 1 --by_label",
    ],
)
def test_what_suits_a_judge_passes(flags: str) -> None:
    assert override(JUDGE, flags.split()) != JUDGE


@pytest.mark.parametrize(
    "flags",
    [
        "--corpus.kind oracle --generator.kind transformer --generator.limit 20",
        "--corpus.kind oracle --vocabulary none",
        "--vocabulary.kind character --vocabulary.punctuation keep",
        "--vocabulary.kind subword --vocabulary.punctuation keep --vocabulary.size 100",
        "--by_label --corpus.label stars",
        "--corpus.styles a x b y --by_label --corpus.valid last:5",
        "--corpus.styles a x b y c z --by_label --batch 66 --accumulation 2",
        "--corpus.styles a x b y c z --by_label --batch 64 --batch_of label",
        "--corpus.styles a x b y --corpus.valid none",
        "--corpus.styles a x b y --corpus.valid b v a w --corpus.test a t b u",
        "--corpus.train x.csv --corpus.label stars --corpus.test 1 t 2 u",
        "--generator.kind transformer --generator.width 12 --generator.positions learned",
        "--evaluate.samples 1 --evaluate.metrics likelihood bleu",
        "--phases.1.only discriminator",
        "--phases.1.method.kind teacher-forcing --players '{generator: {rate: 1}}' "
        "--discriminator none",
    ],
)
def test_what_goes_together_passes(flags: str) -> None:
    assert override(PROFESSOR, shlex.split(flags)) != PROFESSOR


def test_contradictions_have_their_line() -> None:
    text = "about: x\nvocabulary: {kind: word}\ngenerator: {kind: lstm}\nphases:\n"
    text += "  - {method: {kind: teacher-forcing}, steps: 1, only: [critic]}\nbatch: 64\n"
    text += "accumulation: 3\n"
    with pytest.raises(RecipeError) as caught:
        parse(text, "my.yaml")
    assert [one.split(": ")[0:2] for one in caught.value.problems] == [
        ["my.yaml:5", "phases.0.only"],
        ["my.yaml:7", "accumulation"],
    ]


def test_phases_are_walked_in_order_with_their_paths() -> None:
    assert [path for path, _ in PROFESSOR.walk()] == [("phases", 0), ("phases", 1)]
    assert [phase.turns for _, phase in PROFESSOR.walk()] == [
        ("generator",),
        ("discriminator", "generator"),
    ]
