"""Fused and captured draws on a GPU give what the plain loop gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqgen.discriminators.graphs import capturable, score_together
from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.discriminators.projection import Projection
from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode
from seqgen.generators.drawing import draw_gumbel, gumbel_noise
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relational import Relational
from seqgen.generators.rollouts import complete
from seqgen.generators.transformer import Transformer
from seqgen.kernels import one_backward_pass
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

SPECIALS = Specials(begin=0, end=2, pad=1)
MAKERS: dict[str, Callable[[], Generator]] = {
    "lstm": lambda: Recurrent(300, SPECIALS, styles=2),
    "gru": lambda: Recurrent(300, SPECIALS, cell="gru", styles=2),
    "transformer": lambda: Transformer(
        300, SPECIALS, width=32, layers=2, heads=2, limit=16, styles=2
    ),
    "relational": lambda: Relational(300, SPECIALS, styles=2),
}


def made(kind: str) -> Generator:
    torch.manual_seed(0)
    generator = MAKERS[kind]().cuda().eval()
    if generator.head.bias is not None:
        with torch.no_grad():
            generator.head.bias[2] = 3.0
    return generator


def drawn(generator: Generator, seed: int = 3, count: int = 100) -> Sentences:
    condition = Condition(style=torch.arange(count, device="cuda") % 2)
    decoded = decode(generator, Sample(0.9), count, 13, stream=Stream.of(seed), condition=condition)
    sentences = decoded.sentences()
    return Sentences(sentences.ids, sentences.lengths, condition.style).trim()


@pytest.mark.parametrize("width", [1, 7, 1000, 1025, 5000])
def test_the_fused_kernel_draws_what_noise_and_argmax_draw(width: int) -> None:
    logits = torch.randn(500, width, device="cuda") * 3
    seeds = torch.arange(500, device="cuda") * 12_345_678_901
    plain = (logits + gumbel_noise(seeds, width)).argmax(-1)
    assert (draw_gumbel(logits, seeds) == plain).float().mean() > 0.99


@pytest.mark.parametrize("kind", MAKERS)
def test_captured_draws_are_the_plain_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = made(kind)
    captured = [drawn(generator, seed) for seed in (3, 4, 3)]
    assert torch.equal(captured[0].ids, captured[2].ids)
    completed = complete(generator, captured[0], 4, limit=13, stream=Stream.of(5))
    monkeypatch.setattr(type(generator), "capturable", False)
    plain = [drawn(generator, seed) for seed in (3, 4)]
    for one, other in zip(captured, plain, strict=False):
        assert same_share(one.ids, other.ids) > 0.99
        assert same_share(one.lengths, other.lengths) > 0.99
    other = complete(generator, captured[0], 4, limit=13, stream=Stream.of(5))
    assert torch.equal(completed.rows, other.rows)
    assert torch.equal(completed.prefixes, other.prefixes)
    assert same_share(completed.ids, other.ids) > 0.99


def test_captured_draws_follow_the_weights() -> None:
    generator = made("lstm")
    before = drawn(generator)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(-1.0)
    changed = drawn(generator)
    assert before.ids.shape != changed.ids.shape or not torch.equal(before.ids, changed.ids)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(-1.0)
    assert torch.equal(before.ids, drawn(generator).ids)


@pytest.mark.parametrize(
    "make",
    [lambda: HighwayConvolution(300, dropout=0.0), lambda: Projection(300)],
    ids=["convolution", "projection"],
)
def test_captured_scores_and_gradients_are_the_plain_ones(
    make: Callable[[], Discriminator], monkeypatch: pytest.MonkeyPatch
) -> None:
    # In TF32, kernels for more rows round differently.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.manual_seed(0)
    discriminator = make().cuda().train()
    real, fake = drawn(made("lstm"), 1), drawn(made("lstm"), 2)
    for _ in range(2):
        together = score_together(discriminator, (real.ids, fake.ids), (real.lengths, fake.lengths))
        apart = [discriminator(some.ids, some.lengths) for some in (real, fake)]
        for one, other in zip(together, apart, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        parameters = list(discriminator.parameters())
        expected = torch.autograd.grad(difference(apart), parameters)
        found = torch.autograd.grad(difference(together), parameters)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
        with torch.no_grad():
            for parameter in parameters:
                parameter.mul_(1.1)


def test_training_passes_are_captured_only_where_one_backward_pass_is_promised() -> None:
    discriminator = HighwayConvolution(300).cuda().train()
    assert not capturable(discriminator)
    with one_backward_pass(True):
        assert capturable(discriminator)
        assert not capturable(discriminator.eval())


def test_dropout_is_that_of_the_seed_whether_or_not_it_was_captured_just_now() -> None:
    real, fake = drawn(made("lstm"), 1), drawn(made("lstm"), 2)
    torch.manual_seed(0)
    discriminator, found = HighwayConvolution(300, dropout=0.5).cuda().train(), []
    for _ in range(2):
        torch.cuda.manual_seed_all(7)
        scores = score_together(discriminator, (real.ids, fake.ids), (real.lengths, fake.lengths))
        found.append(torch.cat(scores).detach().clone())
    assert torch.equal(found[0], found[1])


def difference(scores: tuple[Tensor, ...] | list[Tensor]) -> Tensor:
    return scores[0].square().sum() - scores[1].sum()


def same_share(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape:
        return 0.0
    return float((one == other).float().mean())
