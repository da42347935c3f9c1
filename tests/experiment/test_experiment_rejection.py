"""Of many drawn sentences, the likeliest a token under the model itself are kept."""

from __future__ import annotations

import math

import pytest
import torch
from experiment_runs import SENTENCES, sentences, tiny, trained

from seqgen.errors import UserError
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.likelihood import log_probabilities
from seqgen.experiment import drawing, rejection
from seqgen.experiment.experiment import Machine
from seqgen.experiment.model import TextModel
from seqgen.experiment.rejection import candidates, likeliest
from seqgen.experiment.reopen import load
from seqgen.experiment.start import start
from seqgen.generators.choose import Choose, Forced, Sample
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Condition
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    folder = tmp_path_factory.mktemp("rejection")
    return load(trained(folder, "--phases.0.steps", "60", "--evaluate.every", "60").folder)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    folder = tmp_path_factory.mktemp("rejection-labels")
    files = [sentences(folder, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    styles = ("--corpus.styles", "polite", str(files[0]), "blunt", str(files[1]))
    recipe = tiny(folder, *styles, "--corpus.train", "none")
    return load(start(recipe, folder / "run", Machine(quiet=True, report=False)).folder)


@torch.no_grad()
def candidates_by_hand(
    model: TextModel, count: int, seed: int, choose: Choose, styles: list[int] | None = None
) -> list[tuple[str, float]]:
    """Drawn sentences and the mean log-probability of their tokens, scored one at a time.

    As ids: an <unk> or a BEGIN in the middle of a sentence is a token, of which the text knows
    nothing.
    """
    style = None if styles is None else torch.tensor(styles)
    condition = None if style is None else Condition(style=style)
    stream = Stream.of(seed, "generate")
    drawn = decode(model.generator, choose, count, 80, stream=stream, condition=condition)
    found = []
    for row in range(count):
        ids, length = drawn.tokens[row, : drawn.lengths[row]], drawn.lengths[row : row + 1]
        label = None if style is None else style[row : row + 1]
        tokens = log_probabilities(model.generator, Sentences(ids[None], length, label))
        found.append((model.vocabulary.texts(ids[None], length)[0], float(tokens.mean())))
    return found


def best_by_hand(drawn: list[tuple[str, float]], count: int) -> list[str]:
    return [drawn[place][0] for place in best([score for _, score in drawn], count)]


def best(scores: list[float], count: int) -> list[int]:
    """The places of the `count` best in their order, the plain way."""
    return sorted(sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count])


@pytest.mark.parametrize(
    ("count", "share", "drawn"),
    [(10, 0.5, 20), (7, 0.7, 10), (3, 0.4, 8), (1, 0.001, 1000), (5, 1.0, 5), (9, 0.3, 30)],
)
def test_as_many_are_drawn_as_the_share_asks(count: int, share: float, drawn: int) -> None:
    assert candidates(count, share) == drawn


def test_the_highest_scores_are_kept_in_their_order_and_the_first_of_equal_ones() -> None:
    assert likeliest([-3.0, -1.0, -2.0, -1.0, -5.0], 3) == [1, 2, 3]
    assert likeliest([-1.0, -1.0, -1.0], 2) == [0, 1]
    assert likeliest([-2.0, -1.0], 2) == [0, 1]


def test_labels_that_take_turns_are_kept_each_to_itself() -> None:
    # The second label (odd places) is far less likely: of it the best are kept nevertheless.
    assert likeliest([-1.0, -9.0, -2.0, -7.0, -3.0, -8.0], 3, turns=2) == [0, 3, 2]
    assert likeliest([-3.0, -9.0, -2.0, -7.0, -1.0, -8.0], 4, turns=2) == [2, 3, 4, 5]


@pytest.mark.parametrize("temperature", [1.0, 0.7, 1.5])
def test_what_is_kept_is_what_scoring_every_candidate_would_keep(
    model: TextModel, temperature: float
) -> None:
    # Scored at temperature 1, whatever they were drawn at.
    drawn = candidates_by_hand(model, 120, 2, Sample(temperature))
    kept = model.generate(30, reject_likelihood=0.25, temperature=temperature, seed=2, limit=80)
    assert kept == best_by_hand(drawn, 30)
    assert kept != [text for text, _ in drawn[:30]] and any(kept)


def test_it_is_the_mean_and_not_the_sum_that_decides(model: TextModel) -> None:
    texts = model.generate(200, seed=1, limit=80)
    by_sum = [texts[place] for place in best(model.score(texts), 20)]
    kept = model.generate(20, reject_likelihood=0.1, seed=1, limit=80)
    assert sum(len(t.split()) for t in kept) > sum(len(t.split()) for t in by_sum)


def test_what_is_kept_does_not_depend_on_blocks_nor_on_how_many_are_scored_at_once(
    model: TextModel, labelled: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = Decoding(reject_likelihood=0.2)
    whole = [made.draw(50, decoding, seed=4) for made in (model, labelled)]
    monkeypatch.setattr(drawing, "BLOCK", 70)
    monkeypatch.setattr(rejection, "ROWS", 7)
    assert [made.draw(50, decoding, seed=4) for made in (model, labelled)] == whole


def test_a_share_of_one_keeps_all_and_a_smaller_one_is_likelier(model: TextModel) -> None:
    assert model.generate(20, reject_likelihood=1.0, seed=3) == model.generate(20, seed=3)
    means = []
    for share in (1.0, 0.5, 0.1):
        kept = model.generate(40, reject_likelihood=share, seed=3, limit=80)
        lengths = [len(text.split()) + 1 for text in kept]
        means.append(sum(model.score(kept)) / sum(lengths))
    assert means == sorted(means) and means[0] < means[2] - 0.1


def test_a_prefix_is_kept_and_not_counted(model: TextModel) -> None:
    given = model.vocabulary.encode(["a man"]).ids[:, :2].expand(80, -1)
    prefixes = Sentences(given, torch.full((80,), 2))
    whole = candidates_by_hand(model, 80, 1, Forced(prefixes, Sample()))
    start = log_probabilities(model.generator, Sentences(given, prefixes.lengths))[0].sum()
    drawn = []
    for text, mean in whole:
        tokens = len(text.split()) + 1
        drawn.append((text, (mean * tokens - float(start.detach())) / (tokens - 2)))
    kept = model.generate(20, prefix="a man", reject_likelihood=0.25, seed=1, limit=80)
    assert kept == best_by_hand(drawn, 20) != best_by_hand(whole, 20)
    assert all(text.startswith("a man") for text in kept)


@pytest.mark.parametrize("label", ["polite", "blunt", None])
def test_labels_take_turns_or_are_chosen(labelled: TextModel, label: str | None) -> None:
    turns = sorted(labelled.labels.values()) if label is None else [labelled.labels[label]]
    drawn = candidates_by_hand(labelled, 30, 1, Sample(), (turns * 30)[:30])
    expected = [""] * 9
    for turn in range(len(turns)):
        wanted = len(expected[turn :: len(turns)])
        expected[turn :: len(turns)] = best_by_hand(drawn[turn :: len(turns)], wanted)
    kept = labelled.generate(9, reject_likelihood=0.3, label=label, seed=1, limit=80)
    assert kept == expected


@pytest.mark.parametrize("share", [0.0, -0.5, 1.01, math.nan])
def test_a_share_out_of_range_is_told(model: TextModel, share: float) -> None:
    with pytest.raises(UserError, match=r"reject-likelihood .*: the share of sentences to keep"):
        model.generate(2, reject_likelihood=share)


def test_a_beam_and_rejection_do_not_go_together(model: TextModel) -> None:
    with pytest.raises(UserError, match=r"beam 3 with .*reject-likelihood 0\.5: .*draws nothing"):
        model.generate(2, beam=3, reject_likelihood=0.5)
