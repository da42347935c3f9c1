"""The recurrent and the Transformer discriminator of sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.sentence_transformer import SentenceTransformer
from seqgen.generators.completions import Completions
from seqgen.text.sentences import Sentences

VOCABULARY = 13
NETWORKS: Mapping[str, Callable[[], Discriminator]] = {
    "gru": lambda: SentenceRecurrent(VOCABULARY, width=6, hidden=8, layers=2),
    "lstm": lambda: SentenceRecurrent(
        VOCABULARY, cell="lstm", width=6, hidden=8, bidirectional=False
    ),
    "gru per token": lambda: SentenceRecurrent(
        VOCABULARY, width=6, hidden=8, bidirectional=False, per_token=True
    ),
    "lstm per token": lambda: SentenceRecurrent(
        VOCABULARY, cell="lstm", width=6, hidden=8, bidirectional=False, per_token=True
    ),
    "transformer": lambda: SentenceTransformer(VOCABULARY, width=8, layers=2, heads=2, limit=9),
    "transformer per token": lambda: SentenceTransformer(
        VOCABULARY, width=8, layers=2, heads=2, per_token=True, limit=9
    ),
}


def network(name: str) -> Discriminator:
    torch.manual_seed(1)
    made = NETWORKS[name]()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.5)
    return made.eval()


def sentences(rows: int = 5, time: int = 7) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(2)
    lengths = torch.tensor([time, 1, 3, 4, 2])[:rows]
    ids = torch.randint(3, VOCABULARY, (rows, time), generator=drawn)
    return ids.masked_fill(torch.arange(time) >= lengths[:, None], 0), lengths


def on(scores: Tensor, lengths: Tensor) -> Tensor:
    """The scores that count: all of sentences, those before the end of prefixes."""
    if scores.dim() == 1:
        return scores
    return scores[torch.arange(scores.shape[1]) < lengths[:, None]]


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_and_neighbours_change_no_score(name: str) -> None:
    made = network(name)
    ids, lengths = sentences()
    together = made(ids, lengths)
    assert together.shape == (ids.shape if made.per_token else lengths.shape)
    # other tokens behind the end, one more column, and one row alone
    other = torch.where(torch.arange(7) < lengths[:, None], ids, 5)
    wider = torch.cat((other, torch.full((5, 1), 7)), 1)
    for given in (other, wider):
        torch.testing.assert_close(on(made(given, lengths), lengths), on(together, lengths))
    for row in range(5):
        length = lengths[row : row + 1]
        alone = made(ids[row : row + 1, : int(length)], length)
        whole = together[row : row + 1, : int(length)] if made.per_token else together[row]
        torch.testing.assert_close(alone.squeeze(), whole.squeeze(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_hot_tokens_score_as_ids(name: str) -> None:
    made = network(name)
    ids, lengths = sentences()
    soft = torch.nn.functional.one_hot(ids, VOCABULARY).float()
    torch.testing.assert_close(made(soft, lengths), made(ids, lengths))


@pytest.mark.parametrize("name", [name for name in NETWORKS if "per token" in name])
def test_a_score_per_token_knows_its_prefix_only(name: str) -> None:
    made = network(name)
    ids, _ = sentences()
    full = torch.full((5,), 7)
    before = made(ids, full)
    ids[:, 4] = (ids[:, 4] + 1) % VOCABULARY
    after = made(ids, full)
    torch.testing.assert_close(after[:, :4], before[:, :4])
    assert (after[:, 4:] - before[:, 4:]).abs().amax(0).min() > 1e-4
    # ... and equals that of the prefix as a sentence of its own
    torch.testing.assert_close(made(ids[:, :3], full.clamp(max=3)), after[:, :3])


@pytest.mark.parametrize("name", NETWORKS)
def test_features_and_the_linear_layer_give_the_score(name: str) -> None:
    made = network(name)
    ids, lengths = sentences()
    features = made.features(ids, lengths)
    score = made.score(features).squeeze(-1)  # type: ignore[operator]
    torch.testing.assert_close(on(score, lengths), on(made(ids, lengths), lengths))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("train", [True, False])
def test_gradients_of_gradients_are_right(name: str, train: bool) -> None:
    """A gradient penalty at soft tokens, against differences of its value."""
    made = network(name).double().train(train)
    for part in made.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    lengths = torch.tensor([4, 1, 3])
    soft = torch.softmax(torch.randn(3, 4, VOCABULARY, dtype=torch.float64), -1)

    def penalty() -> Tensor:
        points = soft.clone().requires_grad_()
        total = on(made(points, lengths), lengths).sum()
        (slope,) = torch.autograd.grad(total, points, create_graph=True)
        return slope.square().sum()

    parameters = [p for p in made.parameters() if p.requires_grad and p.dim() > 1]
    found = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, found, strict=True):
        direction = torch.randn_like(parameter)
        step = 1e-5
        values = []
        for shift in (step, -2 * step, step):
            with torch.no_grad():
                parameter += shift * direction
            values.append(penalty().detach())
        wanted = (values[0] - values[1]) / (2 * step)
        ours = torch.zeros(()) if gradient is None else (gradient * direction).sum()
        torch.testing.assert_close(ours.double(), wanted, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns_to_tell_two_words(name: str) -> None:
    made = network(name).train()
    before = {key: value.clone() for key, value in made.state_dict().items()}
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)
    ids, lengths = sentences()
    real, fake = ids.clone(), ids.clone()
    real[:, 0], fake[:, 0] = 3, 4
    for _ in range(60):
        scores = [on(made(some, lengths), lengths) for some in (real, fake)]
        loss = torch.nn.functional.softplus(torch.cat((-scores[0], scores[1]))).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    made.eval()
    assert on(made(real, lengths), lengths).min() > on(made(fake, lengths), lengths).max()
    moved = {key for key, value in made.state_dict().items() if not value.equal(before[key])}
    assert moved == set(before)


@pytest.mark.parametrize("name", NETWORKS)
def test_completions_are_scored_like_sentences(name: str) -> None:
    made = network(name)
    ids, lengths = sentences()
    pairs = torch.arange(4)
    completed = Completions(
        Sentences(ids, lengths),
        pairs,
        torch.ones(4, dtype=torch.int64),
        torch.stack((ids[:4], ids[1:]), 1),
        torch.stack((lengths[:4], lengths[1:]), 1),
    )
    scores = made.score_completions(completed)
    alone = made(ids, lengths).detach()
    torch.testing.assert_close(scores[:, 0], alone[:4])
    torch.testing.assert_close(scores[:, 1], alone[1:])
    none = Completions(
        Sentences(ids, lengths), pairs[:0], pairs[:0], completed.ids[:0], completed.lengths[:0]
    )
    assert made.score_completions(none).shape == (0, *scores.shape[1:])


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ValueError, match="set bidirectional to False"):
        SentenceRecurrent(VOCABULARY, per_token=True)
    with pytest.raises(ValueError, match="must be 'gru' or 'lstm'"):
        SentenceRecurrent(VOCABULARY, cell="rnn")
    with pytest.raises(ValueError, match="the heads must divide the width"):
        SentenceTransformer(VOCABULARY, width=9, heads=2)
    with pytest.raises(ValueError, match="at most 9"):
        ids = torch.zeros(1, 10, dtype=torch.int64)
        network("transformer")(ids, torch.tensor([10]))
