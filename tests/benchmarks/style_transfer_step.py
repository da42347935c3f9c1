"""CPU time of the Style Transformer: the soft decoding of both styles and a discriminator's step,
each against a plain form with the same weights and the same results.

The plain form decodes one style after the other and reads all that it has written again at every
step; its discriminator judges one claim after the other. No sentence ends before the limit, which
is the worst case. All on one thread and in turns, so that the ratios hold on any machine; those of
bfloat16 are against ours in float32.

    python tests/benchmarks/style_transfer_step.py
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

import torch
from in_turns import compare
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from seqgen.discriminators.style import StyleDiscriminator
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Condition, Specials
from seqgen.generators.relaxed import Soft
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.methods.protocol import Moment
from seqgen.methods.style_transfer.claims import Written, claims
from seqgen.methods.style_transfer.style_transformer import StyleTransformerMethod
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

SPECIALS = Specials(begin=0, end=1, pad=2)
LENGTH = 16  # tokens


def sentences(vocabulary: int, rows: int) -> Sentences:
    """Random ones, half of each style."""
    ids = torch.randint(3, vocabulary, (rows, LENGTH))
    ids[:, -1] = SPECIALS.end
    return Sentences(ids, torch.full((rows,), LENGTH), torch.arange(rows) % 2)


def written(batch: Sentences) -> Tensor:
    """The styles to write in, (2 rows,): the own ones, then the other ones."""
    assert batch.labels is not None
    return torch.cat((batch.labels, 1 - batch.labels))


@torch.no_grad()
def ours(generator: StyleTransformer, batch: Sentences) -> Tensor:
    both = batch.select(torch.arange(len(batch)).repeat(2))
    condition = Condition(both.ids, both.mask, written(batch))
    return decode(generator, Soft(), len(both), LENGTH, condition=condition).tokens


@torch.no_grad()
def plain(generator: StyleTransformer, batch: Sentences) -> Tensor:
    return torch.cat([plain_half(generator, batch, style) for style in written(batch).chunk(2)])


def plain_half(generator: StyleTransformer, batch: Sentences, style: Tensor) -> Tensor:
    begin = torch.full((len(batch), 1), SPECIALS.begin)
    tokens = one_hot(begin, len(generator.head.weight)).float()
    begun = generator.start(len(batch), Condition(batch.ids, batch.mask, style))
    for _ in range(LENGTH):
        state = begun.select(torch.arange(len(batch)))
        hidden = generator.advance(tokens, state)[0].hidden[:, -1:]
        tokens = torch.cat((tokens, torch.softmax(generator.logits(hidden), -1)), 1)
    return tokens[:, 1:]


def plain_loss(method: StyleTransformerMethod, batch: Sentences) -> Tensor:
    """Of the discriminator."""
    assert isinstance(method.generator, StyleTransformer)
    own, changed = plain(method.generator, batch).chunk(2)
    style, other = written(batch).chunk(2)
    asked = claims(
        Written(batch.ids, batch.lengths, style),
        other,
        Written(own, batch.lengths, style),
        Written(changed, batch.lengths, other),
        method.discriminator.conditional,
    )
    losses = []
    for said, right in asked.values():
        shown = said.style if method.discriminator.conditional else None
        losses.append(cross_entropy(method.discriminator(said.tokens, said.lengths, shown), right))
    return torch.stack(losses).sum()


def our_loss(method: StyleTransformerMethod, batch: Sentences) -> Tensor:
    loss = method.loss("discriminator", batch, Moment(0, 0, Stream.of(1)))
    return torch.stack([term.total / term.weight for term in loss.terms.values()]).sum()


def step(discriminator: StyleDiscriminator, loss: Callable[[], Tensor]) -> Callable[[], float]:
    """A function that makes one step of the discriminator and gives its loss."""
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-4)

    def make() -> float:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    return make


def reduced(make: Callable[[], object]) -> Callable[[], object]:
    """The same in bfloat16."""

    def run() -> object:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return make()

    return run


def told(what: str, seconds: Mapping[str, list[float]]) -> None:
    for name, base in (("ours", "plain"), ("ours in bfloat16", "ours")):
        pairs = zip(seconds[base], seconds[name], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        print(
            f"{what}, {name}: {statistics.median(seconds[name]):.2f} s, {ratio:.2f} times as fast "
            f"as {base}"
        )


def decodings(generator: StyleTransformer, batch: Sentences, pairs: int) -> None:
    makers: dict[str, Callable[[], object]] = {
        "plain": lambda: plain(generator, batch),
        "ours": lambda: ours(generator, batch),
    }
    makers["ours in bfloat16"] = reduced(makers["ours"])
    expected = plain(generator, batch)
    for name in ("ours", "ours in bfloat16"):
        found = makers[name]()
        assert isinstance(found, Tensor)
        print(f"probabilities, {name}: off by at most {(found - expected).abs().max():.1e}")
    told("soft decoding", compare(makers, pairs))


def steps(
    generator: StyleTransformer, batch: Sentences, conditional: bool, width: int, pairs: int
) -> None:
    torch.manual_seed(1)
    discriminator = StyleDiscriminator(
        len(generator.head.weight), 2, conditional=conditional, width=width, limit=LENGTH
    )
    method = StyleTransformerMethod(
        generator, discriminator, limit=LENGTH, temperature=lambda _: 1.0, word_drop=lambda _: 0.0
    )
    off = abs(our_loss(method, batch).item() - plain_loss(method, batch).item())
    print(f"loss, {'conditional' if conditional else 'multi-class'}: off by {off:.1e}")
    make = step(discriminator, lambda: our_loss(method, batch))
    makers = {
        "plain": step(discriminator, lambda: plain_loss(method, batch)),
        "ours": make,
        "ours in bfloat16": reduced(make),
    }
    told("discriminator's step", compare(makers, pairs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocabulary", type=int, default=9_360)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--batch", type=int, default=128, help="sentences, half of each style")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = StyleTransformer(
        arguments.vocabulary, SPECIALS, styles=2, width=arguments.width, limit=LENGTH
    ).eval()
    with torch.no_grad():
        generator.head.weight.mul_(8)  # clear opinions
        assert generator.head.bias is not None
        generator.head.bias[SPECIALS.end] = -99.0  # and none ends
    batch = sentences(arguments.vocabulary, arguments.batch)
    decodings(generator, batch, arguments.pairs)
    for conditional in (False, True):
        steps(generator, batch, conditional, arguments.width, arguments.pairs)


if __name__ == "__main__":
    main()
