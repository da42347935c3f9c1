"""The Gumbel-softmax GAN: every loss pair with every discriminator, and what its turns see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from method_models import (
    LIMIT,
    SPECIALS,
    VOCABULARY,
    assert_close,
    batch,
    batches,
    generator,
    gradients,
    moment,
    players,
    weights,
)
from test_method_walk import Watch
from torch import Tensor

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.discriminators.projection import Projection
from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.sentence_transformer import SentenceTransformer
from seqgen.discriminators.token_reward import TokenReward
from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relaxed import GumbelSoftmax
from seqgen.methods.adversarial import PAIRS
from seqgen.methods.language_gan.gumbel_softmax import GumbelSoftmaxGAN
from seqgen.methods.language_gan.specimens import TokenSpecimen, drawn_specimen, real_specimen
from seqgen.methods.protocol import Loss
from seqgen.methods.regularizers import add_spectral_norm
from seqgen.text.encoded import Encoded
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.player import Player
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer

DISCRIMINATORS: Mapping[str, Callable[[], Discriminator]] = {
    "convolution": lambda: HighwayConvolution(
        VOCABULARY, width=6, widths=(1, 2, 3, 12), channels=5, dropout=0.2
    ),
    "recurrent": lambda: SentenceRecurrent(VOCABULARY, width=6, hidden=5, dropout=0.2),
    "transformer": lambda: SentenceTransformer(VOCABULARY, width=8, layers=1, heads=2),
    "recurrent-per-token": lambda: SentenceRecurrent(
        VOCABULARY, cell="lstm", width=6, hidden=5, bidirectional=False, per_token=True
    ),
    "transformer-per-token": lambda: SentenceTransformer(
        VOCABULARY, width=8, layers=1, heads=2, per_token=True
    ),
    "token-reward": lambda: TokenReward(VOCABULARY, width=6, hidden=5, perceptron=7),
    "projection": lambda: Projection(VOCABULARY, width=6, hidden=5, dropout=0.2),
}


def discriminator(kind: str = "recurrent", seed: int = 0) -> Discriminator:
    torch.manual_seed(seed)
    return DISCRIMINATORS[kind]().eval()


def gan(kind: str = "recurrent", writer: str = "lstm", **settings: Any) -> GumbelSoftmaxGAN:
    given: dict[str, Any] = {"limit": LIMIT, "temperature": lambda update: 0.8, **settings}
    return GumbelSoftmaxGAN(generator(writer), discriminator(kind), **given)


def walk(method: GumbelSoftmaxGAN) -> Watch:
    """Two rounds, watched: nobody moves but the player, and he moves all that he uses."""
    watch = Watch(method)
    outcome = Trainer([Phase(watch, 2)], players(watch, clip=5.0), batches()).train()
    assert outcome.rounds == 2
    assert [player for player, _ in watch.losses] == list(method.turns(0)) * 2
    for player, parts in watch.losses:
        figures = torch.tensor(list(parts.values()))
        assert figures.isfinite().all() and parts["gradient-norm"] > 0, (player, parts)
    for player, names in method.players.items():
        own = {f"{m}.{key}" for m in names for key, _ in method.modules[m].named_parameters()}
        unmoved = own - watch.moved[player]
        assert unmoved <= idle(method, player), (player, sorted(unmoved))
    return watch


def idle(method: GumbelSoftmaxGAN, player: str) -> set[str]:
    """Parameters that may stand still: those that add a constant to all scores, where a pair sees
    differences alone (hinge: between its margins)."""
    name = method.contest.pair.name
    if player == "discriminator" and (method.contest.compares or name in ("wasserstein", "hinge")):
        return {"discriminator.score.bias", "discriminator.norm.bias"}
    return set()


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_moves_the_right_parameters_with_every_discriminator(
    pair: str, kind: str
) -> None:
    walk(gan(kind, pair=pair))
    if kind in ("recurrent", "transformer-per-token"):
        walk(gan(kind, pair=pair, hard=True))


@pytest.mark.parametrize(
    ("penalty", "hard"),
    [("two-sided", False), ("one-sided", True), ("zero-centred", True), ("r1", False)],
)
@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_every_penalty_goes_with_every_discriminator(penalty: str, kind: str, hard: bool) -> None:
    watch = walk(gan(kind, penalty=penalty, hard=hard))
    penalties = [parts["penalty"] for player, parts in watch.losses if player == "discriminator"]
    assert len(penalties) == 2 and all(value >= 0 for value in penalties)
    assert penalty == "one-sided" or all(value > 0 for value in penalties)


@pytest.mark.parametrize("writer", ["gru", "transformer", "relational", "pretrained"])
def test_every_generator_learns_through_its_tokens(writer: str) -> None:
    walk(gan(writer=writer, pair="relativistic", penalty="r1"))


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_spectral_norm_goes_with_every_discriminator(kind: str) -> None:
    judge = discriminator(kind)
    add_spectral_norm(judge)
    walk(GumbelSoftmaxGAN(generator(), judge, limit=LIMIT, temperature=lambda update: 1.0))


def test_weights_stay_clipped() -> None:
    method = gan(pair="wasserstein", weight_clip=0.02)
    walk(method)
    assert max(float(p.detach().abs().max()) for p in method.discriminator.parameters()) <= 0.02


def relaxed(hard: bool) -> GumbelSoftmax:
    return GumbelSoftmax(0.01, hard)


def loss(method: GumbelSoftmaxGAN, player: str, rows: Sentences, updates: int = 3) -> Loss:
    return method.loss(player, rows, moment(updates))


def gradient(method: GumbelSoftmaxGAN, player: str, parts: list[Sentences]) -> dict[str, Tensor]:
    """The gradient of an update as the Trainer takes it, term by term."""
    losses = [loss(method, player, part) for part in parts]
    terms = [list(one.terms.values()) for one in losses]
    averaged = [
        same[0].factor * torch.stack([t.total for t in same]).sum() / sum(t.weight for t in same)
        for same in zip(*terms, strict=True)
    ]
    return gradients(torch.stack(averaged).sum(), method.modules[player])


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("kind", ["recurrent", "transformer-per-token", "convolution"])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_micro_batches_change_nothing(player: str, kind: str, hard: bool) -> None:
    method = gan(kind, hard=hard, pair="hellinger", penalty="two-sided")
    whole = batch(7)
    parts = [whole.select(torch.tensor(rows)) for rows in ([5, 0], [3], [6, 1, 2, 4])]
    assert_close(gradient(method, player, [whole]), gradient(method, player, parts), atol=2e-5)


def test_a_row_draws_the_same_sentence_in_every_micro_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, seen = gan(hard=True), []
    score = method.contest.score
    monkeypatch.setattr(
        method.contest, "score", lambda one: (seen.append(one.tokens.detach()), score(one))[1]
    )
    whole, some = batch(7), torch.tensor([4, 2])
    for player in ("discriminator", "generator"):
        seen.clear()
        loss(method, player, whole)
        loss(method, player, whole.select(some))
        first, second = seen[len(seen) // 2 - 1], seen[-1]
        time = second.shape[1]
        assert torch.equal(first[some][:, :time], second)
        assert second.is_floating_point() == (player == "generator")
        if player == "generator":  # one-hot, all of them
            assert torch.equal(
                second.sort(-1).values[..., -2:].sum((0, 1)), torch.tensor([0.0, 2.0 * time])
            )


def test_turns() -> None:
    method = gan(discriminator_steps=3)
    assert list(method.turns(0)) == ["discriminator"] * 3 + ["generator"]
    assert dict(method.players) == {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
    }


def test_the_temperature_follows_the_updates_of_the_generator() -> None:
    asked: list[int] = []
    method = gan(temperature=lambda update: asked.append(update) or 1.0 + update)  # type: ignore[func-returns-value]
    Trainer([Phase(method, 3)], players(method), batches()).train()
    assert asked == [0, 0, 1, 1, 2, 2]
    method.load_state_dict({"generator updates": 40})
    asked.clear()
    loss(method, "discriminator", batch(), updates=7)
    found = loss(method, "generator", batch(), updates=9).numbers["temperature"]
    assert asked == [40, 9] and float(found.total / found.weight) == 10.0
    assert method.state_dict() == {"generator updates": 40}


def test_a_resumed_run_is_bitwise_the_same(tmp_path: Any) -> None:
    def run(folder: str, steps: int, resume: bool = False) -> dict[str, Tensor]:
        method = gan("convolution", temperature=lambda update: 2.0 * 0.7**update, penalty="r1")
        add_spectral_norm(method.discriminator)
        place = tmp_path / folder
        with Run.open(place, write=True) if resume else Run.create(place) as opened:
            phase = Phase(method, steps, kind="gumbel-softmax")
            trainer = Trainer([phase], players(method), batches(), run=opened, save_every=1)
            trainer.train(resume=resume)
        assert method.generator_updates == steps
        return weights(method)

    straight = run("straight", 4)
    middle = run("resumed", 2)
    resumed = run("resumed", 4, resume=True)
    assert all(torch.equal(value, resumed[name]) for name, value in straight.items())
    assert not all(torch.equal(value, middle[name]) for name, value in straight.items())


def test_the_gradient_of_a_soft_generator_is_that_of_its_differences() -> None:
    """With its noise held, the loss is a smooth function of the generator's parameters, but for
    where sentences end."""
    method = gan("transformer", pair="wasserstein", temperature=lambda update: 2.0)
    rows, parameter = batch(5), method.generator.head.weight

    def total() -> tuple[Tensor, float]:
        term = loss(method, "generator", rows)
        return term.terms["fake"].total, float(term.numbers["entropy"].weight)

    value, tokens = total()
    (exact,) = torch.autograd.grad(value, parameter)
    direction = exact / exact.norm()
    at = []
    for step in (3e-3, -3e-3):
        with torch.no_grad():
            parameter += step * direction
            found = total()
            parameter -= step * direction
        at.append(float(found[0]))
        assert found[1] == tokens
    assert (at[0] - at[1]) / 6e-3 == pytest.approx(float(exact.norm()), rel=0.02)


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_the_entropy_is_that_of_what_the_generator_may_write(hard: bool) -> None:
    method = gan(hard=hard, temperature=lambda update: 0.01)  # so soft tokens are all but one-hot
    rows = batch(6)
    found = loss(method, "generator", rows).numbers["entropy"]
    fake = method.fakes.decode(relaxed(hard), rows, moment(3).stream, gradient=False)
    sentences = fake.sentences()
    with torch.no_grad():
        logits = method.generator.logits(teacher_force(method.generator, sentences).hidden)
    entropies = torch.distributions.Categorical(logits=logits).entropy() * sentences.mask
    assert float(found.total) == pytest.approx(float(entropies.sum()), rel=1e-3)
    assert float(found.weight) == float(fake.lengths.sum())


def test_labels_condition_what_is_drawn() -> None:
    torch.manual_seed(0)
    writer = Recurrent(VOCABULARY, SPECIALS, width=6, hidden=8, styles=2)
    with torch.no_grad():
        writer.embedding.style.normal_(0.0, 3.0)  # type: ignore[union-attr]
        writer.head.weight.normal_(0.0, 1.0)
    method = GumbelSoftmaxGAN(
        writer, discriminator(), limit=LIMIT, temperature=lambda update: 1.0, hard=True
    )
    rows = batch(6)
    totals = []
    for label in (0, 1):
        labels = torch.full((6,), label)
        labelled = Sentences(rows.ids, rows.lengths, labels, rows.rows)
        totals.append(float(loss(method, "generator", labelled).terms["fake"].total.detach()))
    assert totals[0] != totals[1]


def test_mixed_sentences_are_as_long_as_the_longer() -> None:
    real = TokenSpecimen(torch.tensor([[3, 2], [4, 5]]), torch.tensor([2, 2]), 6)
    soft = torch.softmax(torch.randn(2, 3, 6), -1)
    fake = TokenSpecimen(soft, torch.tensor([3, 1]), 6)
    mixed = real.mixed(fake, torch.tensor([0.25, 1.0]))
    assert mixed.lengths.tolist() == [3, 2]
    one_hot = torch.nn.functional.one_hot(real.tokens, 6).float()
    torch.testing.assert_close(mixed.tokens[0, :2], 0.25 * one_hot[0] + 0.75 * soft[0, :2])
    torch.testing.assert_close(mixed.tokens[0, 2], 0.75 * soft[0, 2])
    assert torch.equal(mixed.tokens[1, :2], one_hot[1])
    assert torch.equal(real.points, one_hot) and fake.points is soft


def test_specimens_are_cut_to_the_longest_sentence() -> None:
    rows = batch(4)
    assert real_specimen(rows, VOCABULARY).tokens is rows.ids
    method = gan()
    fake = method.fakes.decode(relaxed(False), rows, moment().stream, gradient=False)
    assert drawn_specimen(fake, VOCABULARY).tokens.shape[1] == int(fake.lengths.max())


@pytest.mark.parametrize("settings", [{"limit": 0}, {"discriminator_steps": 0}])
def test_counts_below_one_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        gan(**settings)


def test_it_learns_a_small_language_from_nothing() -> None:
    """Two sentences of 125 that have three words: after training most draws are one of them."""
    torch.manual_seed(1)
    ids = torch.tensor([[3, 4, 5, 2], [6, 7, 3, 2]])
    data = Encoded(ids.flatten().int(), torch.tensor([0, 4]), torch.tensor([4, 4]), 0)
    writer = Recurrent(8, SPECIALS, width=16, hidden=32)
    judge = SentenceRecurrent(8, width=16, hidden=32)
    method = GumbelSoftmaxGAN(
        writer,
        judge,
        limit=4,
        temperature=lambda update: 1.0,
        hard=True,
        penalty="r1",
        penalty_factor=0.5,
    )
    made = {
        name: Player(torch.optim.Adam(method.modules[name].parameters(), 1e-2, betas=(0.5, 0.9)))
        for name in method.players
    }
    Trainer([Phase(method, 120)], made, batches(32, data)).train()
    drawn = decode(writer.eval(), Sample(), 200, 4, stream=moment().stream).tokens
    counts = [int((drawn == sentence).all(1).sum()) for sentence in ids]
    assert sum(counts) > 150 and min(counts) > 30, counts
