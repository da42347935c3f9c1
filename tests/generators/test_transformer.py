"""Our Transformer: GPT-2's logits with GPT-2's weights, positions, caches, refusals."""

from __future__ import annotations

import pytest
import torch
from small_generators import SPECIALS, VOCABULARY, make
from transformers import GPT2Config, GPT2LMHeadModel

from seqgen.generators.gpt2 import from_gpt2
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.transformer import Transformer, rotate, rotation_angles


def gpt2(**settings: object) -> GPT2LMHeadModel:
    torch.manual_seed(3)
    small = {"vocab_size": 211, "n_positions": 40, "n_embd": 48, "n_layer": 3, "n_head": 4}
    model = GPT2LMHeadModel(GPT2Config(**small | {"eos_token_id": 210} | settings)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # the usual start is nearly linear and hides mistakes
            parameter.add_(torch.randn_like(parameter) * (0.3 if parameter.dim() > 1 else 0.1))
    return model


@torch.no_grad()
def test_with_the_weights_of_gpt2_the_logits_are_the_same() -> None:
    model = gpt2()
    transformer = from_gpt2(model).eval()
    assert transformer.specials == Specials(210, 210, 210)
    assert transformer.limit == 40
    ids = torch.randint(211, (5, 40))
    expected = model(ids).logits
    scale = expected.abs().max()
    whole, _ = transformer.advance(ids, transformer.start(5))
    got = transformer.logits(whole.hidden)
    torch.testing.assert_close(got / scale, expected / scale, rtol=0, atol=1e-5)
    state, hidden = transformer.start(5), []
    for part in ids.tensor_split((1, 2, 20, 39), 1):
        forced, state = transformer.advance(part, state)
        hidden.append(forced.hidden)
    chunked = transformer.logits(torch.cat(hidden, 1))
    torch.testing.assert_close(chunked / scale, expected / scale, rtol=0, atol=1e-5)


def test_with_the_start_of_gpt2_logits_agree_absolutely() -> None:
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=97, n_embd=32, n_layer=2, n_head=2)).eval()
    transformer = from_gpt2(model, SPECIALS).eval()
    ids = torch.randint(97, (3, 30))
    hidden = transformer.advance(ids, transformer.start(3))[0].hidden
    torch.testing.assert_close(transformer.logits(hidden), model(ids).logits, rtol=0, atol=1e-5)


def test_a_gpt2_that_computes_something_else_is_refused() -> None:
    model = gpt2(activation_function="relu", n_inner=100)
    with pytest.raises(ValueError, match=r"activation_function is 'relu'.*n_inner is 100"):
        from_gpt2(model)


@pytest.mark.parametrize("name", ["transformer-rotary", "transformer-learned"])
def test_a_token_sees_no_later_one(name: str) -> None:
    generator = make(name)
    ids = torch.randint(VOCABULARY, (4, 12))
    changed = ids.clone()
    changed[:, 7] = (ids[:, 7] + 1) % VOCABULARY
    before, after = (
        generator.advance(tokens, generator.start(4))[0].hidden for tokens in (ids, changed)
    )
    assert torch.equal(before[:, :7], after[:, :7])
    assert (before[:, 7:] != after[:, 7:]).any(-1).all()


def test_rotary_products_depend_on_the_distance_only() -> None:
    query, key = torch.randn(8), torch.randn(8)
    angles = rotation_angles(0, 50, 8, torch.device("cpu"))
    queries, keys = (rotate(vector.expand(50, 8), angles) for vector in (query, key))
    products = queries @ keys.t()
    for distance in (-7, 0, 3, 20):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-4)
    torch.testing.assert_close(products[0, 0], query @ key)
    torch.testing.assert_close(rotation_angles(10, 5, 8, torch.device("cpu")), angles[:, 10:15])


@pytest.mark.parametrize("name", ["transformer-rotary", "transformer-learned"])
def test_stepping_without_gradients_writes_in_place(name: str) -> None:
    generator = make(name)
    ids = torch.randint(VOCABULARY, (4, 1))
    with torch.no_grad():
        state = generator.start(4)
        for _ in range(3):
            state = generator.advance(ids, state)[1]
        places = [cache.buffer.data_ptr() for cache in state.caches]
        for _ in range(10):
            state = generator.advance(ids, state)[1]
        assert [cache.buffer.data_ptr() for cache in state.caches] == places
        assert {cache.length for cache in state.caches} == {13}


def test_a_state_read_without_gradients_goes_on_with_them() -> None:
    generator = make("transformer-rotary")
    ids = torch.randint(VOCABULARY, (4, 10))
    expected = generator.advance(ids, generator.start(4))[0].hidden
    with torch.no_grad():
        state = generator.start(4)
        for step in ids[:, :5].split(1, 1):
            state = generator.advance(step, state)[1]
    fork = state.select(torch.arange(4))
    hidden, _ = generator.advance(ids[:, 5:], state)
    with torch.no_grad():  # another continuation writes nothing the graph needs
        generator.advance((ids[:, 5:] + 1) % VOCABULARY, fork)
    torch.testing.assert_close(hidden.hidden, expected[:, 5:], rtol=1e-5, atol=1e-5)
    hidden.hidden.sum().backward()


@pytest.mark.parametrize("name", ["transformer-rotary", "transformer-learned"])
def test_bfloat16_autocast_keeps_close(name: str) -> None:
    generator = make(name)
    ids = torch.randint(VOCABULARY, (4, 9))
    expected = generator.logits(generator.advance(ids, generator.start(4))[0].hidden)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        state, hidden = generator.start(4), []
        for part in ids.tensor_split((1, 2, 5), 1):
            forced, state = generator.advance(part, state)
            hidden.append(generator.logits(forced.hidden))
    got = torch.cat(hidden, 1)
    assert got.dtype == torch.float32
    assert (got - expected).abs().mean() < 0.05 * expected.abs().mean()


def test_the_start_is_that_of_gpt2() -> None:
    torch.manual_seed(0)
    generator = Transformer(500, SPECIALS, width=64, layers=8, positions="learned", limit=90)
    for name, parameter in generator.named_parameters():
        if name.endswith("_out.weight"):
            assert float(parameter.detach().std()) == pytest.approx(0.02 / 4, rel=0.05)
        elif parameter.dim() > 1:
            assert float(parameter.detach().std()) == pytest.approx(0.02, rel=0.05)
        else:
            assert (parameter == ("norm" in name and name.endswith("weight"))).all()


def read(generator: Generator, count: int) -> None:
    generator.advance(torch.zeros(1, count, dtype=torch.int64), generator.start(1))


def test_more_tokens_than_the_limit_are_refused() -> None:
    read(make("transformer-learned"), 40)
    with pytest.raises(ValueError, match="41 tokens to read, the generator reads at most 40"):
        read(make("transformer-learned"), 41)
    read(make("transformer-rotary"), 100)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positions": "absolute"}, "'absolute': must be 'rotary' or 'learned'"),
        ({"activation": "relu"}, "'relu': must be 'gelu' or 'gelu-tanh'"),
        ({"width": 30, "heads": 4}, "heads must divide the width"),
        ({"width": 12, "heads": 4}, "into even sizes"),
        ({"positions": "learned"}, "learned positions need a limit"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Transformer(50, SPECIALS, **settings)
