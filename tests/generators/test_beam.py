"""Beam search against all sentences there are."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

from seqgen.generators.beam import Beams, beam_search
from seqgen.generators.choose import Greedy
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.transformer import Transformer
from seqgen.text.sentences import Sentences

SPECIALS = Specials(begin=0, end=1, pad=0)
VOCABULARY, TIME = 5, 4
ALL = VOCABULARY**TIME


def model(end: int | None = 1, seed: int = 0, styles: int = 0) -> Generator:
    torch.manual_seed(seed)
    specials = Specials(0, end, 0)
    made = Recurrent(VOCABULARY, specials, width=6, hidden=6, styles=styles)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 1.2)
    return made.eval()


def everything(end: int | None, time: int = TIME) -> list[tuple[int, ...]]:
    """All sentences: END only at the end, or cut by the limit."""
    found = []
    for length in range(1, time + 1):
        for ids in product(range(VOCABULARY), repeat=length):
            inside = end not in ids[:-1]
            if inside and (length == time or (end is not None and ids[-1] == end)):
                found.append(ids)
    return found


@torch.no_grad()
def log_probability(generator: Generator, ids: tuple[int, ...], style: int | None = None) -> float:
    rows = torch.tensor([ids])
    condition = None if style is None else Condition(style=torch.tensor([style]))
    sentences = Sentences(rows, torch.tensor([len(ids)]))
    hidden = teacher_force(generator, sentences, condition).hidden
    scores = generator.logits(hidden).log_softmax(-1)
    return float(scores.gather(2, rows[..., None]).sum())


def ranking(
    generator: Generator, penalty: float, **given: object
) -> list[tuple[float, tuple[int, ...]]]:
    """All sentences by their score, best first."""
    prefix = given.pop("prefix", ())
    end = generator.specials.end
    scored = [
        (log_probability(generator, ids, **given) / len(ids) ** penalty, ids)
        for ids in everything(end)
        if ids[: len(prefix)] == prefix
    ]
    return sorted(scored, reverse=True)


def rows(beams: Beams) -> list[tuple[int, ...]]:
    pairs = zip(beams.decoded.tokens.tolist(), beams.decoded.lengths.tolist(), strict=True)
    return [tuple(ids[:length]) for ids, length in pairs]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("end", [1, None])
def test_a_beam_wide_enough_finds_the_best_of_all(
    end: int | None, penalty: float, seed: int
) -> None:
    generator = model(end, seed)
    expected = ranking(generator, penalty)
    beams = beam_search(generator, 1, ALL, TIME, length_penalty=penalty)
    found, count = rows(beams), len(expected)
    assert beams.scores[0, :count].tolist() == pytest.approx([s for s, _ in expected], abs=1e-4)
    assert found[0] == expected[0][1]
    assert sorted(found[:count]) == sorted(ids for _, ids in expected)  # all of them, each once
    assert not beams.scores[0, count:].isfinite().any()
    ended = [end is not None and ids[-1] == end for ids in found[:count]]
    assert beams.decoded.ended[:count].tolist() == ended


@pytest.mark.parametrize("width", [1, 2, 3, 5, 20])
@pytest.mark.parametrize("end", [1, None])
def test_scores_are_those_of_teacher_forcing(end: int | None, width: int) -> None:
    generator = model(end, seed=5)
    beams = beam_search(generator, 1, width, TIME, length_penalty=0.8)
    scores = beams.scores[0]
    assert (scores[:-1] >= scores[1:]).all()
    found = rows(beams)[: int(scores.isfinite().sum())]
    assert len(set(found)) == len(found) == width
    for ids, score in zip(found, scores.tolist(), strict=True):
        assert score == pytest.approx(log_probability(generator, ids) / len(ids) ** 0.8, abs=1e-5)
        assert end not in ids[:-1]
    tails = torch.arange(TIME) >= beams.decoded.lengths[:, None]
    assert (beams.decoded.tokens[tails] == SPECIALS.pad).all()


@torch.no_grad()
def naive(generator: Generator, width: int, time: int, penalty: float) -> list[float]:
    """A beam search with lists, searched to its end: the scores of the finished sentences."""
    beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[float] = []
    for step in range(1, time + 1):
        grown = []
        for score, ids in beams:
            read = torch.tensor([[SPECIALS.begin, *ids]])
            hidden = generator.advance(read, generator.start(1))[0].hidden[:, -1]
            nexts = generator.logits(hidden)[0].log_softmax(0).tolist()
            grown += [(score + new, (*ids, token)) for token, new in enumerate(nexts)]
        best = sorted(grown, reverse=True)[: 2 * width]
        ends = [score for score, ids in best[:width] if ids[-1] == generator.specials.end]
        beams = [beam for beam in best if beam[1][-1] != generator.specials.end][:width]
        ends += [score for score, _ in beams] if step == time else []
        finished = sorted([*finished, *(end / step**penalty for end in ends)], reverse=True)[:width]
    return finished


@pytest.mark.parametrize("penalty", [-0.5, 0.0, 0.7, 1.5])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_narrow_beam_equals_one_with_lists(width: int, penalty: float) -> None:
    for seed in range(8):
        generator = model(1, seed)
        beams = beam_search(generator, 1, width, 9, length_penalty=penalty)
        expected = naive(generator, width, 9, penalty)
        assert beams.scores[0].tolist() == pytest.approx(expected, abs=1e-4), seed


@pytest.mark.parametrize("end", [1, None])
def test_width_one_without_penalty_is_greedy(end: int | None) -> None:
    for seed in range(20):
        generator = model(end, seed)
        greedy = decode(generator, Greedy(), 1, 12)
        beams = beam_search(generator, 1, 1, 12, length_penalty=0.0)
        assert torch.equal(beams.decoded.lengths, greedy.lengths)
        assert torch.equal(beams.decoded.tokens, greedy.tokens)
        assert torch.equal(beams.decoded.ended, greedy.ended)


def test_a_longer_time_is_searched_to_its_end() -> None:
    generator = model(None, seed=1)
    torch.manual_seed(0)
    deep = Transformer(VOCABULARY, SPECIALS, width=8, heads=2, layers=1, limit=16).eval()
    assert (beam_search(generator, 1, 4, 15).decoded.lengths == 15).all()
    assert beam_search(deep, 1, 3, 16).scores.isfinite().all()
    with pytest.raises(ValueError, match="at most 16"):
        beam_search(deep, 1, 3, 17)


PREFIXES = [(3,), (2, 4), (4, 4, 3)]


def given(prefixes: list[tuple[int, ...]]) -> Sentences:
    lengths = torch.tensor([len(prefix) for prefix in prefixes])
    ids = torch.zeros(len(prefixes), int(lengths.max()), dtype=torch.int64)
    for row, prefix in enumerate(prefixes):
        ids[row, : len(prefix)] = torch.tensor(prefix)
    return Sentences(ids, lengths)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_prefixes_of_unequal_length_begin_their_rows(penalty: float) -> None:
    generator = model(seed=2)
    beams = beam_search(generator, 3, ALL, TIME, length_penalty=penalty, prefixes=given(PREFIXES))
    found = rows(beams)
    for row, prefix in enumerate(PREFIXES):
        expected = ranking(generator, penalty, prefix=prefix)
        count = len(expected)
        mine = found[row * ALL : row * ALL + count]
        assert mine[0] == expected[0][1]
        assert sorted(mine) == sorted(ids for _, ids in expected)
        scores = beams.scores[row, :count].tolist()
        assert scores == pytest.approx([score for score, _ in expected], abs=1e-4)


def test_rows_are_searched_apart_and_by_their_style() -> None:
    generator = model(seed=6, styles=3)
    styles = torch.tensor([2, 0, 1, 0])
    beams = beam_search(generator, 4, ALL, TIME, condition=Condition(style=styles))
    found = rows(beams)
    best = [found[row * ALL] for row in range(4)]
    assert best == [ranking(generator, 1.0, style=int(style))[0][1] for style in styles]
    assert best[1] == best[3]
    assert len(set(best)) > 1


def test_a_penalty_favours_longer_sentences() -> None:
    lengths: dict[float, int] = {}
    for penalty in (0.0, 3.0):
        found = [
            rows(beam_search(model(seed=s), 1, 8, 8, length_penalty=penalty)) for s in range(10)
        ]
        lengths[penalty] = sum(len(one[0]) for one in found)
    assert lengths[3.0] > lengths[0.0]


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_nothing_to_search_is_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        beam_search(model(), *numbers)


def test_it_keeps_no_graph() -> None:
    scores: Tensor = beam_search(model(), 2, 3, TIME).scores
    assert not scores.requires_grad
