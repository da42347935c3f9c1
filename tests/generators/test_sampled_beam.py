"""Beams whose continuations are drawn, against the same search written out for one sentence."""

from __future__ import annotations

import pytest
import torch

from seqgen.generators import sampled_beam
from seqgen.generators.drawing import draw
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.sampled_beam import sampled_beams
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

VOCABULARY, TIME = 7, 6
STREAM = Stream.of(3, "beams")


def model(end: int | None = 1, styles: int = 0) -> Generator:
    torch.manual_seed(0)
    made = Recurrent(VOCABULARY, Specials(0, end, 0), width=6, hidden=6, styles=styles)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.9)
    return made.eval()


@torch.no_grad()
def next_logs(generator: Generator, ids: tuple[int, ...], style: int | None) -> torch.Tensor:
    condition = None if style is None else Condition(style=torch.tensor([style]))
    state = generator.start(1, condition)
    fed = torch.tensor([[generator.specials.begin, *ids]])
    return generator.logits(generator.advance(fed, state)[0].hidden)[0, -1].log_softmax(0)


def by_hand(
    generator: Generator,
    width: int,
    row: int,
    given: tuple[int, ...] = (),
    style: int | None = None,
) -> tuple[int, ...]:
    """One sentence: lists of (score, ids), the likeliest first, of equal ones the first drawn."""
    end = generator.specials.end
    slots = torch.arange(row * width, (row + 1) * width)
    numbers = STREAM.uniform(slots, TIME, width)
    beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for step in range(TIME):
        found = []
        for slot, (score, ids) in enumerate(beam):
            if end is not None and ids and ids[-1] == end:
                found.append((score, ids))
                continue
            if step < len(given):
                found.append((score, (*ids, given[step])))
                continue
            logs = next_logs(generator, ids, style)
            for copy in range(width):
                token = int(draw(logs.exp()[None], numbers[slot : slot + 1, copy, step]))
                found.append((score + float(logs[token]), (*ids, token)))
        beam = sorted(found, key=lambda one: -round(one[0], 5))[:width]
    return beam[0][1]


def rows_of(generator: Generator, width: int, count: int, **given: object) -> list[tuple[int, ...]]:
    rows = torch.arange(count)
    found = sampled_beams(generator, width, TIME, stream=STREAM, rows=rows, **given)  # type: ignore[arg-type]
    end = generator.specials.end
    for ids, length, ended in zip(found.tokens, found.lengths, found.ended, strict=True):
        assert bool(ended) == (end is not None and int(ids[length - 1]) == end)
        assert ids[length:].eq(generator.specials.pad).all()
    pairs = zip(found.tokens.tolist(), found.lengths.tolist(), strict=True)
    return [tuple(ids[:length]) for ids, length in pairs]


@pytest.mark.parametrize("end", [1, None])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_row_is_the_search_written_out(width: int, end: int | None) -> None:
    made = model(end)
    found = rows_of(made, width, 24)
    assert found == [by_hand(made, width, row) for row in range(24)]
    assert len(set(found)) > 4


def test_prefixes_and_labels() -> None:
    made = model(styles=2)
    styles = [row % 2 for row in range(16)]
    given = Sentences(torch.tensor([[4, 2]]), torch.tensor([2]))
    found = rows_of(made, 2, 16, prefix=given, condition=Condition(style=torch.tensor(styles)))
    assert found == [by_hand(made, 2, row, (4, 2), styles[row]) for row in range(16)]
    assert all(ids[:2] == (4, 2) for ids in found) and len(set(found)) > 1


def test_rows_do_not_depend_on_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model()
    whole = rows_of(made, 3, 50)
    monkeypatch.setattr(sampled_beam, "POOL_ROWS", 7)
    assert rows_of(made, 3, 50) == whole


def test_wider_beams_are_likelier_and_less_diverse() -> None:
    made = model()
    distinct = [len(set(rows_of(made, width, 300))) for width in (1, 2, 5)]
    assert distinct == sorted(distinct, reverse=True) and distinct[0] > 2 * distinct[2]


def test_mistakes_are_refused() -> None:
    for width, time in ((0, 3), (2, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            sampled_beams(model(), width, time, stream=STREAM, rows=torch.arange(2))
    made = model()
    made.limit = 4
    with pytest.raises(ValueError, match="reads at most 4"):
        sampled_beams(made, 2, 5, stream=STREAM, rows=torch.arange(2))
