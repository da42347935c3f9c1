"""The Gumbel-softmax GAN after real prefixes: what is drawn, what is scored, who learns from it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from method_models import (
    GENERATORS,
    LIMIT,
    SPECIALS,
    VOCABULARY,
    assert_close,
    batch,
    batches,
    generator,
    gradients,
    moment,
    owned,
    players,
    sentence_discriminator,
    weights,
)
from test_method_walk import Watch
from torch import Tensor
from torch.nn.functional import softplus

from seqgen.discriminators.projection import Projection
from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relaxed import GumbelSoftmax
from seqgen.methods.adversarial import PAIRS
from seqgen.methods.language_gan.gumbel_softmax import GumbelSoftmaxGAN
from seqgen.methods.language_gan.real_prefixes import NextWords, RealPrefixes
from seqgen.methods.protocol import Loss
from seqgen.methods.regularizers import add_spectral_norm
from seqgen.text.encoded import Encoded
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.player import Player
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer


def gan(writer: str = "lstm", **settings: Any) -> GumbelSoftmaxGAN:
    given: dict[str, Any] = {"limit": LIMIT, "temperature": lambda update: 0.8, **settings}
    given = {"prefixes": "real", "draws": 2, **given}
    return GumbelSoftmaxGAN(generator(writer), sentence_discriminator("projection"), **given)


def walk(method: GumbelSoftmaxGAN, rounds: int = 2) -> Watch:
    """Some rounds, watched: nobody moves but the player, and he moves all that he uses."""
    watch = Watch(method)
    Trainer([Phase(watch, rounds)], players(watch, clip=5.0), batches()).train()
    assert [player for player, _ in watch.losses] == list(method.turns(0)) * rounds
    for player, parts in watch.losses:
        figures = torch.tensor(list(parts.values()))
        assert figures.isfinite().all() and parts["gradient-norm"] > 0, (player, parts)
    for player, names in method.players.items():
        own = {f"{m}.{key}" for m in names for key, _ in method.modules[m].named_parameters()}
        assert own <= watch.moved[player], (player, sorted(own - watch.moved[player]))
    return watch


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_moves_the_right_parameters(pair: str, hard: bool) -> None:
    walk(gan(pair=pair, hard=hard))


@pytest.mark.parametrize("writer", GENERATORS)
def test_every_generator_learns(writer: str) -> None:
    walk(gan(writer, hard=True, discriminator_steps=2))


@pytest.mark.parametrize("penalty", ["two-sided", "one-sided", "zero-centred", "r1"])
def test_every_penalty_is_paid(penalty: str) -> None:
    watch = walk(gan(penalty=penalty, hard=penalty == "r1"))
    paid = [parts["penalty"] for player, parts in watch.losses if player == "discriminator"]
    assert len(paid) == 2 and all(value > 0 for value in paid)


def test_spectral_norm_and_weight_clipping() -> None:
    judge = sentence_discriminator("projection")
    add_spectral_norm(judge)
    walk(
        GumbelSoftmaxGAN(
            generator(), judge, limit=LIMIT, temperature=lambda update: 1.0, prefixes="real"
        )
    )
    clipped = gan(pair="wasserstein", weight_clip=0.02)
    walk(clipped)
    assert max(float(p.detach().abs().max()) for p in clipped.discriminator.parameters()) <= 0.02


def seen(method: GumbelSoftmaxGAN, player: str, rows: Sentences) -> tuple[Loss, list[NextWords]]:
    """The loss of a player, and the specimens it had scored."""
    specimens: list[NextWords] = []
    score = method.contest.score
    method.contest.score = lambda one: (specimens.append(one), score(one))[1]
    try:
        return method.loss(player, rows, moment(3)), specimens
    finally:
        method.contest.score = score


def places(rows: Sentences) -> list[tuple[int, int]]:
    """(row, step) of every real word."""
    found: list[tuple[int, int]] = [(r, t) for r, t in rows.mask.nonzero().tolist()]
    return found


@torch.no_grad()
@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_the_terms_are_those_of_the_words_put_into_the_sentences(hard: bool) -> None:
    """Every word, real or drawn, is scored by the discriminator reading the sentence it stands
    in."""
    method, rows = gan(hard=hard), batch(6)
    loss, (real, fake) = seen(method, "discriminator", rows)
    judge, soft = method.discriminator, torch.nn.functional.one_hot(rows.ids, VOCABULARY).float()
    assert fake.words.is_floating_point() == (not hard)
    totals = {"real": 0.0, "fake": 0.0}
    for number, (row, step) in enumerate(places(rows)):
        length = rows.lengths[row : row + 1]
        for draw in range(2):
            assert real.words[number, draw] == rows.ids[row, step]
            word = fake.words[number, draw]
            changed = soft[row : row + 1].clone()
            changed[0, step] = torch.nn.functional.one_hot(word, VOCABULARY) if hard else word
            totals["fake"] += float(softplus(judge(changed, length)[0, step]))
            totals["real"] += float(softplus(-judge(rows.ids[row : row + 1], length)[0, step]))
    for name, total in totals.items():
        term = loss.terms[name]
        assert float(term.total) == pytest.approx(total, rel=1e-4)
        assert float(term.weight) == 2 * int(rows.lengths.sum())


def test_the_generator_is_scored_on_its_own_draws() -> None:
    method, rows = gan(hard=True), batch(6)
    loss, (fake,) = seen(method, "generator", rows)
    chosen = fake.words.argmax(-1)
    assert torch.equal(fake.words.detach(), torch.nn.functional.one_hot(chosen, VOCABULARY).float())
    judge = method.discriminator
    contexts = judge.features(rows.ids, rows.lengths)[rows.mask]
    scores = judge.score_words(contexts, chosen)  # type: ignore[operator]
    assert float(loss.terms["fake"].total) == pytest.approx(
        float(softplus(-scores).sum()), rel=1e-4
    )
    assert not fake.contexts.requires_grad


def test_a_relativistic_pair_compares_every_draw_with_the_real_word() -> None:
    method, rows = gan(pair="relativistic", hard=True), batch(6)
    for player in ("discriminator", "generator"):
        loss, specimens = seen(method, player, rows)
        values = {s.words.is_floating_point(): method.fakes.score(s).values for s in specimens}
        if player == "discriminator":
            real, fake = (method.fakes.score(s).values for s in specimens)
            term, expected = loss.terms["real"], softplus(fake - real).sum()
        else:
            real, fake = values[False], values[True]
            term, expected = loss.terms["fake"], softplus(real - fake).sum()
        assert len(fake) == 2 * int(rows.lengths.sum())
        torch.testing.assert_close(term.total, expected)


@pytest.mark.parametrize("choose", [Sample(), GumbelSoftmax(0.5, hard=True)], ids=["ids", "hard"])
def test_words_come_as_often_as_the_generator_says(choose: Any) -> None:
    method, rows, draws = gan(), batch(4), 3000
    fakes = RealPrefixes(method.generator, method.fakes.discriminator, draws)  # type: ignore[arg-type]
    words = fakes.draw(choose, rows, moment().stream, gradient=False).fake.words
    ids = words.argmax(-1) if words.is_floating_point() else words
    shares = torch.stack([(ids == word).float().mean(1) for word in range(VOCABULARY)], 1)
    with torch.no_grad():
        logits = method.generator.logits(teacher_force(method.generator, rows).hidden[rows.mask])
    assert float((shares - torch.softmax(logits, -1)).abs().max()) < 0.045  # 5 deviations


def test_a_draw_belongs_to_row_step_and_number_alone() -> None:
    method, rows, stream = gan(), batch(7), moment().stream
    judge = method.fakes.discriminator
    assert isinstance(judge, Projection)

    def drawn(some: Sentences, draws: int) -> dict[tuple[int, int], list[int]]:
        fakes = RealPrefixes(method.generator, judge, draws)
        sides = fakes.draw(Sample(), some, stream, gradient=False)
        keys = [(int(some.numbers[row]), step) for row, step in places(some)]
        return dict(zip(keys, sides.fake.words.tolist(), strict=True))

    whole = drawn(rows, 2)
    # other rows beside it, another order, other padding, another draw more
    some = rows.select(torch.tensor([5, 2]))
    wide = torch.cat((some.ids, torch.full((2, 3), 9)), 1)
    for given in (some, Sentences(wide, some.lengths, None, some.rows)):
        found = drawn(given, 3)
        assert set(found) < set(whole)
        assert all(words[:2] == whole[place] for place, words in found.items())
    assert len({tuple(words) for words in whole.values()}) > 5  # places differ
    assert any(first != second for first, second in whole.values())  # and so do draws


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_padding_changes_no_loss(player: str) -> None:
    method, rows = gan("transformer", penalty="r1"), batch(6)
    behind = ~rows.mask
    ids = torch.cat((rows.ids.masked_fill(behind, 7), torch.full((6, 2), 5)), 1)
    wide = Sentences(ids, rows.lengths, None, rows.rows)
    losses = [method.loss(player, given, moment(3)) for given in (rows, wide)]
    for name, term in losses[0].terms.items():
        torch.testing.assert_close(losses[1].terms[name].total, term.total, msg=name)
        assert float(losses[1].terms[name].weight) == float(term.weight)
    entropy = [loss.numbers.get("entropy") for loss in losses]
    assert (entropy[0] is not None) == (player == "generator")


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_micro_batches_change_nothing(player: str, hard: bool) -> None:
    method, whole = gan(hard=hard, pair="hellinger", penalty="two-sided"), batch(7)

    def gradient(parts: list[Sentences]) -> dict[str, Tensor]:
        terms = [list(method.loss(player, part, moment(3)).terms.values()) for part in parts]
        averaged = [
            same[0].factor * sum(t.total for t in same) / sum(float(t.weight) for t in same)
            for same in zip(*terms, strict=True)
        ]
        return gradients(torch.stack(averaged).sum(), method.modules[player])  # type: ignore[arg-type]

    parts = [whole.select(torch.tensor(rows)) for rows in ([5, 0], [3], [6, 1, 2, 4])]
    assert_close(gradient([whole]), gradient(parts), atol=2e-5)


def test_the_gradient_of_a_soft_generator_is_that_of_its_differences() -> None:
    method, rows = gan("transformer", temperature=lambda update: 2.0), batch(5)
    parameter = method.generator.head.weight

    def total() -> Tensor:
        return method.loss("generator", rows, moment(3)).terms["fake"].total

    (exact,) = torch.autograd.grad(total(), parameter)
    direction, at = exact / exact.norm(), []
    for step in (3e-3, -3e-3):
        with torch.no_grad():
            parameter += step * direction
            at.append(float(total()))
            parameter -= step * direction
    assert (at[0] - at[1]) / 6e-3 == pytest.approx(float(exact.norm()), rel=0.02)


def test_a_straight_through_gradient_is_that_of_the_soft_word_at_the_scores() -> None:
    """With Wasserstein scores both are the same: a score is linear in its word."""
    found = []
    for hard in (False, True):
        method = gan(hard=hard, pair="wasserstein")
        term = method.loss("generator", batch(5), moment(3)).terms["fake"]
        found.append(gradients(term.total, method.generator))
    assert_close(found[0], found[1], atol=1e-5)
    assert any(float(gradient.abs().max()) > 1e-3 for gradient in found[0].values())


def test_r1_is_the_size_of_all_scores_in_a_place() -> None:
    method, rows = gan(penalty="r1", penalty_factor=0.5), batch(5)
    term = method.loss("discriminator", rows, moment()).terms["penalty"]
    judge = method.discriminator
    contexts = judge.features(rows.ids, rows.lengths)[rows.mask]
    everyone = torch.arange(VOCABULARY).expand(len(contexts), VOCABULARY)
    tables = judge.score_words(contexts, everyone)  # type: ignore[operator]
    expected = tables.square().sum(1).mean()
    torch.testing.assert_close(term.total / term.weight, expected)
    assert term.factor == 0.5


def test_the_entropy_is_that_of_the_next_word_after_real_prefixes() -> None:
    method, rows = gan(), batch(6)
    found = method.loss("generator", rows, moment()).numbers["entropy"]
    with torch.no_grad():
        logits = method.generator.logits(teacher_force(method.generator, rows).hidden)
    entropies = torch.distributions.Categorical(logits=logits).entropy()[rows.mask]
    assert float(found.total) == pytest.approx(float(entropies.sum()), rel=1e-4)
    assert float(found.weight) == len(entropies)


def test_neither_turn_leaves_a_graph_of_the_opponent() -> None:
    method, rows = gan(hard=True), batch(5)
    for player, opponent in (("discriminator", "generator"), ("generator", "discriminator")):
        terms = method.loss(player, rows, moment()).terms.values()
        total = sum(term.total for term in terms)
        theirs = torch.autograd.grad(
            total, owned(method, player), allow_unused=True, retain_graph=True
        )
        assert all(gradient is not None for gradient in theirs)
        if player == "discriminator":
            others = torch.autograd.grad(total, owned(method, opponent), allow_unused=True)
            assert all(gradient is None for gradient in others)


def test_labels_condition_what_is_drawn() -> None:
    torch.manual_seed(0)
    writer = Recurrent(VOCABULARY, SPECIALS, width=6, hidden=8, styles=2)
    with torch.no_grad():
        writer.embedding.style.normal_(0.0, 3.0)  # type: ignore[union-attr]
        writer.head.weight.normal_(0.0, 1.0)
    judge = sentence_discriminator("projection")
    assert isinstance(judge, Projection)
    fakes, rows = RealPrefixes(writer.eval(), judge, 1), batch(6)
    drawn = []
    for label in (0, 1):
        labelled = Sentences(rows.ids, rows.lengths, torch.full((6,), label), rows.rows)
        drawn.append(fakes.draw(Sample(), labelled, moment().stream, gradient=False).fake.words)
    assert not torch.equal(*drawn)


def test_a_resumed_run_is_bitwise_the_same(tmp_path: Any) -> None:
    def run(folder: str, steps: int, resume: bool = False) -> dict[str, Tensor]:
        method = gan(hard=True, temperature=lambda update: 2.0 * 0.7**update, penalty="r1")
        place = tmp_path / folder
        with Run.open(place, write=True) if resume else Run.create(place) as opened:
            phase = Phase(method, steps, kind="gumbel-softmax")
            trainer = Trainer([phase], players(method), batches(), run=opened, save_every=1)
            trainer.train(resume=resume)
        assert method.generator_updates == steps
        return weights(method)

    straight, middle = run("straight", 4), run("resumed", 2)
    resumed = run("resumed", 4, resume=True)
    assert all(torch.equal(value, resumed[name]) for name, value in straight.items())
    assert not all(torch.equal(value, middle[name]) for name, value in straight.items())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prefixes": "gold"}, "prefixes 'gold': must be 'own' or 'real'"),
        ({"prefixes": "own"}, "draws 2: a sentence has one word in a place"),
        ({"draws": 0}, "draws 0 must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gan(**settings)


def test_a_discriminator_that_scores_no_other_words_is_refused() -> None:
    with pytest.raises(ValueError, match="a Projection, not SentenceRecurrent"):
        GumbelSoftmaxGAN(
            generator(), sentence_discriminator("recurrent"), limit=LIMIT, prefixes="real",
            temperature=lambda update: 1.0,
        )  # fmt: skip


def test_it_learns_a_small_language_from_nothing() -> None:
    """Three sentences of hundreds: after training nearly all draws are one of them, each of them
    often."""
    torch.manual_seed(1)
    ids = torch.tensor([[3, 4, 5, 2], [6, 7, 3, 2], [6, 3, 4, 2]])
    data = Encoded(ids.flatten().int(), torch.tensor([0, 4, 8]), torch.tensor([4, 4, 4]), 0)
    writer, judge = Recurrent(8, SPECIALS, width=16, hidden=32), Projection(8, width=16, hidden=32)
    method = GumbelSoftmaxGAN(
        writer, judge, limit=4, temperature=lambda update: 1.0, hard=True, prefixes="real", draws=2
    )
    made = {
        name: Player(torch.optim.Adam(method.modules[name].parameters(), 1e-2, betas=(0.5, 0.999)))
        for name in method.players
    }
    Trainer([Phase(method, 150)], made, batches(33, data)).train()
    drawn = decode(writer.eval(), Sample(), 300, 4, stream=moment().stream).tokens
    counts = [int((drawn == sentence).all(1).sum()) for sentence in ids]
    assert sum(counts) > 250 and min(counts) > 40, counts
