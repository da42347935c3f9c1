"""SeqGAN's discriminator: its values, its derivatives, and the shared scoring of completions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqgen.discriminators import completion_rows
from seqgen.discriminators.highway_convolution import CHANNELS, WIDTHS, HighwayConvolution
from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.window_maxima import largest_windows
from seqgen.generators.completions import Completions
from seqgen.text.sentences import Sentences

WORDS = 11


def small(seed: int = 0, **settings: object) -> HighwayConvolution:
    torch.manual_seed(seed)
    given = {"width": 4, "widths": (1, 2, 5), "channels": (3, 2, 4), **settings}
    network = HighwayConvolution(WORDS, **given).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for weight in network.filters:
            weight.mul_(8)  # so that scores differ as they do with the paper's many channels
    return network


def draw(rows: int, time: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Ids and lengths from 1 to `time`, one of them full."""
    numbers = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS, (rows, time), generator=numbers)
    lengths = torch.randint(1, time + 1, (rows,), generator=numbers)
    lengths[0] = time
    beyond = torch.arange(time) >= lengths[:, None]
    return ids.masked_fill(beyond, 0), lengths


def completed(
    rows: int, time: int, copies: int, ragged: bool, vocabulary: int = WORDS, seed: int = 2
) -> Completions:
    """Random completions of random sentences."""
    numbers = torch.Generator().manual_seed(seed)

    def integers(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=numbers)

    ids = integers(1, vocabulary, rows, time)
    lengths = integers(1, time + 1, rows) if ragged else torch.full((rows,), time)
    pairs = [(p, row) for p in range(1, time) for row in range(rows) if p < lengths[row]]
    prefixes, owners = torch.tensor(pairs).reshape(-1, 2).long().unbind(1)
    ends = torch.full((len(pairs), copies), time)
    if ragged:
        more = torch.rand(len(pairs), copies, generator=numbers) * (time - prefixes[:, None])
        ends = prefixes[:, None] + 1 + more.long()
    places = torch.arange(time)
    kept = places < prefixes[:, None, None]
    drawn = integers(1, vocabulary, len(pairs), copies, time)
    whole = torch.where(kept, ids[owners].unsqueeze(1), drawn)
    whole = whole.masked_fill(places >= ends.unsqueeze(2), 0)
    sentences = Sentences(ids.masked_fill(places >= lengths[:, None], 0), lengths)
    return Completions(sentences, owners, prefixes, whole, ends)


def by_hand(network: HighwayConvolution, ids: list[int]) -> float:
    """The score of one sentence, window by window."""
    table, features = network.embedding.weight, []
    biases = torch.split(network.bias, network.channels)
    for size, weight, bias in zip(network.widths, network.filters, biases, strict=True):
        tokens = [table[one] for one in ids]
        tokens += [torch.zeros_like(table[0])] * max(size - len(ids), 0)
        windows = [tokens[start : start + size] for start in range(len(tokens) - size + 1)]
        answers = [torch.einsum("csw,sw->c", weight, torch.stack(some)) for some in windows]
        features.append(torch.relu(torch.stack(answers).amax(0) + bias))
    given = torch.cat(features)
    transformed = network.transform(given)
    gate = torch.sigmoid(transformed if network.gate is None else network.gate(given))
    kept = gate * torch.relu(transformed) + (1 - gate) * given
    return network.score(kept).item()


@pytest.mark.parametrize("shared_gate", [False, True])
def test_the_score_is_that_of_the_definition(shared_gate: bool) -> None:
    network, (ids, lengths) = small(shared_gate=shared_gate), draw(6, 7)
    expected = [
        by_hand(network, row[:end]) for row, end in zip(ids.tolist(), lengths.tolist(), strict=True)
    ]
    assert min(lengths) < 5  # a sentence shorter than a window is among them
    torch.testing.assert_close(network(ids, lengths), torch.tensor(expected))


def test_largest_windows_are_those_of_a_convolution() -> None:
    vectors, weight = torch.randn(3, 9, 4), torch.randn(5, 3, 4)
    convolved = torch.nn.functional.conv1d(vectors.transpose(1, 2), weight.transpose(1, 2))
    found = largest_windows(vectors, torch.full((3,), 9), weight)
    torch.testing.assert_close(found, convolved.amax(2))


def test_the_gates_matrix_is_shared_when_asked_and_costs_half() -> None:
    own, shared = small(), small(shared_gate=True)
    total = sum(own.channels)
    sizes = [sum(p.numel() for p in network.parameters()) for network in (own, shared)]
    assert sizes[0] - sizes[1] == total * total + total


def test_no_score_depends_on_the_padding() -> None:
    network, (ids, lengths) = small(), draw(5, 6)
    alone = torch.cat(
        [
            network(ids[row : row + 1, :end], lengths[row : row + 1])
            for row, end in enumerate(lengths.tolist())
        ]
    )
    other = torch.where(torch.arange(6) >= lengths[:, None], 7, ids)
    longer = torch.nn.functional.pad(other, (0, 9), value=3)
    torch.testing.assert_close(network(longer, lengths), alone)


def test_a_one_hot_soft_token_is_its_id() -> None:
    network, (ids, lengths) = small(), draw(5, 6)
    soft = torch.nn.functional.one_hot(ids, WORDS).float()
    torch.testing.assert_close(network(soft, lengths), network(ids, lengths))
    torch.testing.assert_close(network.features(soft, lengths), network.features(ids, lengths))


def test_the_score_is_linear_in_the_features() -> None:
    network, (ids, lengths) = small(), draw(5, 6)
    features = network.features(ids, lengths)
    assert features.shape == (5, 9)
    torch.testing.assert_close(network.score(features).squeeze(1), network(ids, lengths))


def test_dropout_acts_on_the_features_in_training_only() -> None:
    network, (ids, lengths) = small(dropout=0.5), draw(5, 6)
    assert torch.equal(network(ids, lengths), network(ids, lengths))
    network.train()
    assert not torch.equal(network(ids, lengths), network(ids, lengths))
    assert torch.equal(network.features(ids, lengths), network.features(ids, lengths))


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shared_gate", [False, True])
def test_every_parameter_gets_a_gradient(shared_gate: bool, soft: bool) -> None:
    network, (ids, lengths) = small(shared_gate=shared_gate), draw(8, 7)
    tokens = torch.nn.functional.one_hot(ids, WORDS).float() if soft else ids
    network(tokens, lengths).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def windows(rows: int = 3, time: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Double-precision vectors that are zero beyond their lengths, lengths and a weight."""
    torch.manual_seed(4)
    lengths = torch.tensor([time, 2, 4])[:rows]
    mask = torch.arange(time) < lengths[:, None]
    vectors = torch.randn(rows, time, 2, dtype=torch.float64) * mask.unsqueeze(2)
    weight = torch.randn(3, 3, 2, dtype=torch.float64)
    return vectors.requires_grad_(), lengths, weight.requires_grad_()


def test_first_and_second_derivatives_of_the_largest_windows() -> None:
    vectors, lengths, weight = windows()

    def largest(vectors: Tensor, weight: Tensor) -> Tensor:
        return largest_windows(vectors, lengths, weight)

    assert torch.autograd.gradcheck(largest, (vectors, weight))
    assert torch.autograd.gradgradcheck(largest, (vectors, weight))


def test_the_gradient_is_the_same_whether_it_will_be_derived_or_not() -> None:
    vectors, lengths, weight = windows()
    with torch.no_grad():
        vectors[0, 3:] = vectors[0, :3]  # equal windows: the first one wins
    largest = largest_windows(vectors, lengths, weight).square().sum()
    plain = torch.autograd.grad(largest, (vectors, weight), retain_graph=True)
    derivable = torch.autograd.grad(largest, (vectors, weight), create_graph=True)
    for one, other in zip(plain, derivable, strict=True):
        torch.testing.assert_close(one, other.detach())


def test_second_derivatives_of_a_score_of_soft_tokens() -> None:
    network, (_, lengths) = small().double(), draw(3, 6)
    soft = torch.randn(3, 6, WORDS, dtype=torch.float64).softmax(2).requires_grad_()
    assert torch.autograd.gradcheck(lambda tokens: network(tokens, lengths), soft)
    assert torch.autograd.gradgradcheck(lambda tokens: network(tokens, lengths), soft)


def test_a_gradient_penalty_reaches_the_filters() -> None:
    network, (_, lengths) = small(), draw(4, 6)
    soft = torch.randn(4, 6, WORDS).softmax(2).requires_grad_()
    (gradient,) = torch.autograd.grad(network(soft, lengths).sum(), soft, create_graph=True)
    gradient.square().sum().backward()
    for weight in (*network.filters, network.embedding.weight, network.transform.weight):
        assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_autocast_gives_nearly_the_same_score() -> None:
    network, (ids, lengths) = small(), draw(6, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = network(ids, lengths)
        rounded.float().sum().backward()
    torch.testing.assert_close(rounded.float(), network(ids, lengths), atol=0.05, rtol=0.05)
    assert all(parameter.grad is not None for parameter in network.parameters())


CASES = {
    "fixed": (5, 9, 3, False),
    "ragged": (5, 9, 3, True),
    "shorter than every window but the first": (4, 2, 2, False),
    "one copy": (6, 7, 1, True),
}


@pytest.mark.parametrize("shared_gate", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_shared_scoring_equals_the_plain_scores(case: str, shared_gate: bool) -> None:
    network, completions = small(shared_gate=shared_gate), completed(*CASES[case])
    expected = Discriminator.score_completions(network, completions)
    found = network.score_completions(completions)
    assert found.shape == completions.lengths.shape and expected.std() > 0.01
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("ragged", [False, True])
def test_shared_scoring_of_the_papers_network(ragged: bool) -> None:
    torch.manual_seed(0)
    network = HighwayConvolution(50).eval()
    assert (network.widths, network.channels) == (WIDTHS, CHANNELS)
    completions = completed(4, 24, 3, ragged, vocabulary=50)
    expected = Discriminator.score_completions(network, completions)
    found = network.score_completions(completions)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_completions_may_be_longer_than_every_sentence() -> None:
    network, whole = small(), completed(6, 9, 3, True)
    short = Sentences(whole.sentences.ids[:, :4], whole.sentences.lengths.clamp(max=4))
    kept = whole.prefixes < short.lengths[whole.rows]
    parts = (whole.rows, whole.prefixes, whole.ids, whole.lengths)
    completions = Completions(short, *(part[kept] for part in parts))
    assert completions.lengths.max() == 9
    expected = Discriminator.score_completions(network, completions)
    torch.testing.assert_close(
        network.score_completions(completions), expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_autocast_does_not_change_how_completions_are_scored(precision: torch.dtype) -> None:
    network, completions = small(), completed(5, 9, 3, True)
    expected = network.score_completions(completions, precision)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network.score_completions(completions, precision)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("rows", [1, 7])
def test_shared_scoring_part_by_part(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, completions = small(), completed(5, 9, 3, True)
    whole = network.score_completions(completions)
    module = "seqgen.discriminators.highway_convolution"
    monkeypatch.setattr(f"{module}.SCORED_FEATURES", rows * 9)
    monkeypatch.setattr("seqgen.discriminators.completion_windows.CACHED", 1)
    monkeypatch.setattr("seqgen.discriminators.completion_windows.LEAST", 2)
    torch.testing.assert_close(network.score_completions(completions), whole)


def test_the_scores_are_those_of_the_present_weights() -> None:
    network, completions = small(), completed(5, 9, 3, True)
    before = network.score_completions(completions)
    with torch.no_grad():
        network.filters[1].mul_(1.5)
    after = network.score_completions(completions)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, Discriminator.score_completions(network, completions))


def test_permuted_sentences_have_permuted_scores() -> None:
    network, completions = small(), completed(5, 9, 3, True)
    order = torch.tensor([3, 0, 4, 1, 2])
    rank = torch.argsort(order)
    moved = rank[completions.rows]  # where the sentence of each pair went
    pairs = torch.argsort(completions.prefixes * 5 + moved)
    permuted = Completions(
        completions.sentences.select(order),
        moved[pairs],
        completions.prefixes[pairs],
        completions.ids[pairs],
        completions.lengths[pairs],
    )
    expected = network.score_completions(completions)[pairs]
    torch.testing.assert_close(network.score_completions(permuted), expected)


def test_equal_completions_are_one_row_and_have_one_score() -> None:
    network, completions = small(), completed(5, 4, 40, False, vocabulary=3)
    rows, inverse = completion_rows.different_rows(completions)
    flat = completions.ids.flatten(0, 1)
    assert len(rows) == len(flat.unique(dim=0)) < len(flat)
    back = rows.tokens[rows.ids[:-1].t()][inverse]
    assert torch.equal(back, flat)
    scores = network.score_completions(completions).flatten()
    expected = Discriminator.score_completions(network, completions).flatten()
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)


def test_completions_that_one_hash_confuses_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    network, completions = small(), completed(5, 6, 3, True)
    expected = network.score_completions(completions)
    monkeypatch.setattr(completion_rows, "mix", torch.zeros_like)
    torch.testing.assert_close(network.score_completions(completions), expected)


def test_bfloat16_rewards_are_off_by_less_than_a_thousandth() -> None:
    torch.manual_seed(0)
    network = HighwayConvolution(200, shared_gate=True).eval()
    completions = completed(8, 12, 16, False, vocabulary=200)
    exact = torch.sigmoid(network.score_completions(completions)).mean(1)
    rounded = torch.sigmoid(network.score_completions(completions, torch.bfloat16)).mean(1)
    assert exact.std() > 0.05  # rewards that differ
    assert 0 < (exact - rounded).abs().max() < 1e-3


def test_no_completions_have_no_scores() -> None:
    scores = small().score_completions(completed(3, 1, 4, False))
    assert scores.shape == (0, 4)


@pytest.mark.parametrize(
    ("widths", "channels"), [((), 3), ((1, 2), (3,)), ((1, 0), 3), ((1, 2), 0)]
)
def test_widths_and_channels_that_do_not_fit_are_refused(
    widths: tuple[int, ...], channels: tuple[int, ...] | int
) -> None:
    with pytest.raises(ValueError, match="equally many, all at least 1"):
        HighwayConvolution(WORDS, widths=widths, channels=channels)
