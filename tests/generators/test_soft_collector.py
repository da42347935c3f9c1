"""Soft tokens without gradients: collected in place, finished rows dropped, the same as with
gradients."""

from __future__ import annotations

import pytest
import torch
from small_generators import SPECIALS, VOCABULARY
from torch import Tensor

from seqgen.generators.choose import Choice
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Condition
from seqgen.generators.relaxed import GumbelSoftmax, Soft
from seqgen.generators.steps import ends
from seqgen.generators.transformer import Transformer
from seqgen.randomness import Stream

ROWS, TIME = 300, 12  # more rows than one block of logits


def network() -> Transformer:
    """Of which some rows end early and some never."""
    torch.manual_seed(0)
    made = Transformer(VOCABULARY, SPECIALS, width=16, heads=2, layers=2, styles=ROWS, tie=False)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.6)
        made.head.weight[SPECIALS.end].mul_(4)
    return made.eval()


def decoded(choose: Soft | GumbelSoftmax, **settings: bool) -> Decoded:
    condition, stream = Condition(style=torch.arange(ROWS)), Stream.of(2)
    return decode(
        network(), choose, ROWS, TIME, condition=condition, stream=stream, hidden=True, **settings
    )


@pytest.mark.parametrize(
    "choose",
    [Soft(0.7), Soft(), Soft(0.7, hard=True), GumbelSoftmax(0.5), GumbelSoftmax(hard=True)],
    ids=["soft", "soft at 1", "hard", "gumbel", "hard gumbel"],
)
def test_without_gradients_soft_tokens_are_the_same(choose: Soft | GumbelSoftmax) -> None:
    expected = decoded(choose, gradient=True)
    assert 20 < expected.ended.sum() < ROWS - 20
    found = decoded(choose)
    for name in ("lengths", "ended", "mask"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    for name in ("tokens", "fed", "hidden"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name).detach(), rtol=1e-4, atol=1e-5
        )
    assert not found.tokens.requires_grad
    blank = found.tokens[~found.mask]
    assert len(blank) and torch.equal(blank.argmax(-1), torch.full((len(blank),), SPECIALS.pad))
    assert torch.equal(blank.sum(-1), blank.amax(-1))


def test_dropping_finished_rows_changes_no_bit() -> None:
    dropped, kept = decoded(Soft(0.7)), decoded(Soft(0.7), drop=False)
    assert torch.equal(dropped.lengths, kept.lengths)
    assert torch.equal(dropped.tokens, kept.tokens)


class Marked(Soft):
    """Keeps another token than it feeds."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        fed = super().__call__(step, logits, rows).fed
        kept = torch.zeros_like(fed)
        kept[:, 3 + step] = 1.0
        return Choice(fed, kept)


def test_what_is_fed_may_differ_from_what_is_kept() -> None:
    found, expected = decoded(Marked()), decoded(Marked(), gradient=True)
    assert torch.equal(found.tokens.argmax(-1), torch.arange(3, 3 + TIME).expand(ROWS, -1))
    torch.testing.assert_close(found.fed, expected.fed.detach(), rtol=1e-4, atol=1e-5)


def test_a_row_ends_where_its_first_largest_value_is_that_of_end() -> None:
    kept = torch.tensor([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.5, 0.2, 0.3]])
    assert ends(kept, 1).tolist() == [True, False, True, False]
    assert ends(kept.argmax(-1), 1).tolist() == ends(kept, 1).tolist()
