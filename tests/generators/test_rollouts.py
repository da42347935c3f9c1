"""Completions of prefixes: what they keep, what they are drawn from, and that cutting the work up
changes no bit of them."""

from __future__ import annotations

import pytest
import torch
from small_generators import SPECIALS, make
from torch import Tensor

from seqgen.generators import rollouts
from seqgen.generators.choose import Sample
from seqgen.generators.completions import Completions
from seqgen.generators.decoding import styled, teacher_force
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.rollouts import complete
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

LIMIT, COPIES = 15, 3
STREAM = Stream.of(7, "rollouts")


@pytest.fixture
def ending(generator: Generator) -> Generator:
    """A generator that ends its sentences at many lengths."""
    logits = generator.logits

    def raised(hidden: Tensor, out: Tensor | None = None, scale: float = 1.0) -> Tensor:
        made = logits(hidden, out)
        made[..., SPECIALS.end] = made.logsumexp(-1) - 2.0
        return made.mul_(scale)

    generator.logits = raised  # type: ignore[method-assign]
    return generator


def completed(generator: Generator, sentences: Sentences, **settings: object) -> Completions:
    arguments: dict[str, object] = {"copies": COPIES, "limit": LIMIT, "stream": STREAM}
    return complete(generator, sentences, **(arguments | settings))


def many(sentences: Sentences, count: int) -> Sentences:
    """The sentences over and over, with numbers of their own."""
    again = sentences.select(torch.arange(count) % len(sentences))
    return Sentences(again.ids, again.lengths, again.labels, torch.arange(100, 100 + count))


def test_prefixes_are_kept_and_padding_follows_the_end(
    ending: Generator, sentences: Sentences
) -> None:
    made = completed(ending, sentences)
    expected = [(p, r) for p in range(1, LIMIT) for r in range(7) if p < sentences.lengths[r]]
    assert list(zip(made.prefixes.tolist(), made.rows.tolist(), strict=True)) == expected
    assert made.ids.shape == (len(expected), COPIES, LIMIT)
    assert made.copies == COPIES
    steps = torch.arange(LIMIT)
    for pair, (prefix, row) in enumerate(expected):
        assert (made.ids[pair, :, :prefix] == sentences.ids[row, :prefix]).all()
    lengths = made.lengths.unsqueeze(-1)
    assert (made.ids[steps >= lengths] == SPECIALS.pad).all()
    assert (made.ids[steps < lengths - 1] != SPECIALS.end).all()
    last = made.ids.gather(2, lengths - 1).squeeze(-1)
    assert ((last == SPECIALS.end) | (made.lengths == LIMIT)).all()
    assert (made.lengths > made.prefixes[:, None]).all()
    assert len(made.lengths.unique()) > 8
    assert made.draws == sum(
        int(made.lengths[pair, copy]) - prefix
        for pair, (prefix, _) in enumerate(expected)
        for copy in range(COPIES)
    )


def naive(generator: Generator, sentences: Sentences) -> Tensor:
    """Reads every prefix again, in one pass, and draws on to the limit: (pairs, copies, limit)."""
    completions, condition = [], styled(generator, sentences)
    for prefix in range(1, int(sentences.lengths.max())):
        rows = (sentences.lengths > prefix).nonzero().squeeze(1).repeat_interleave(COPIES)
        begin = torch.full((len(rows), 1), SPECIALS.begin)
        ids = sentences.ids[rows, :prefix]
        state = generator.start(len(rows), condition.select(rows) if condition else None)
        read, state = generator.advance(torch.cat((begin, ids), 1), state)
        stream = STREAM.child("prefix", prefix)
        numbers = stream.uniform(sentences.numbers[rows[::COPIES]], LIMIT - prefix, COPIES)
        for step in numbers.flatten(0, 1).unbind(1):
            drawn = Sample().ids(generator.logits(read.hidden[:, -1]), step)
            drawn[(ids == SPECIALS.end).any(1)] = SPECIALS.pad
            ids = torch.cat((ids, drawn[:, None]), 1)
            read, state = generator.advance(drawn[:, None], state)
        completions.append(ids.view(-1, COPIES, LIMIT))
    return torch.cat(completions)


def test_it_equals_reading_every_prefix_again(ending: Generator, sentences: Sentences) -> None:
    with torch.no_grad():
        expected = naive(ending, sentences)
    assert torch.equal(completed(ending, sentences).ids, expected)


@pytest.mark.parametrize("adapters", [False, True])
@torch.no_grad()
def test_a_hugging_face_model_completes_as_without_its_cache(
    adapters: bool, sentences: Sentences
) -> None:
    """Its own forward pass, over the whole sentence for every token."""
    generator = make("pretrained-gpt2")
    if adapters:
        pytest.importorskip("peft")
        generator = Pretrained(add_lora(generator.model, rank=2), SPECIALS).eval()
        for name, parameter in generator.named_parameters():
            if "lora_" in name:
                parameter.normal_(0.0, 0.3)
    made = completed(generator, sentences)
    for prefix in range(1, int(sentences.lengths.max())):
        rows = (sentences.lengths > prefix).nonzero().squeeze(1)
        begin = torch.full((len(rows) * COPIES, 1), SPECIALS.begin)
        given = sentences.ids[rows, :prefix].repeat_interleave(COPIES, 0)
        ids, ended = torch.cat((begin, given), 1), torch.zeros(len(begin), dtype=torch.bool)
        stream = STREAM.child("prefix", prefix)
        numbers = stream.uniform(sentences.numbers[rows], LIMIT - prefix, COPIES)
        for step in numbers.flatten(0, 1).unbind(1):
            logits = generator.model(input_ids=ids, use_cache=False).logits[:, -1]
            drawn = Sample().ids(logits, step).masked_fill(ended, SPECIALS.pad)
            ended |= drawn == SPECIALS.end
            ids = torch.cat((ids, drawn[:, None]), 1)
        got = made.ids[made.prefixes == prefix].flatten(0, 1)
        assert torch.equal(got, ids[:, 1:]), prefix


@pytest.mark.usefixtures("one_thread")
def test_cutting_the_work_up_changes_nothing(ending: Generator, sentences: Sentences) -> None:
    batch = many(sentences, 12)
    whole = completed(ending, batch)
    for chunk in (1, 50, 150):
        got = completed(ending, batch, chunk=chunk)
        assert torch.equal(got.ids, whole.ids), chunk
        assert torch.equal(got.lengths, whole.lengths), chunk
    for rows in (torch.arange(5), torch.arange(5, 12), torch.tensor([4, 11, 3, 0])):
        got = completed(ending, batch.select(rows))
        for mine, row in enumerate(rows):
            assert torch.equal(got.ids[got.rows == mine], whole.ids[whole.rows == row])
    more = completed(ending, batch, copies=COPIES + 2)
    assert torch.equal(more.ids[:, :COPIES], whole.ids)


def test_a_stride_keeps_some_prefixes_as_they_are(ending: Generator, sentences: Sentences) -> None:
    whole, some = completed(ending, sentences), completed(ending, sentences, stride=4)
    kept = whole.prefixes % 4 == 1
    assert set(some.prefixes.tolist()) == {1, 5, 9}
    assert torch.equal(some.rows, whole.rows[kept])
    assert torch.equal(some.prefixes, whole.prefixes[kept])
    assert torch.equal(some.ids, whole.ids[kept])


def test_labels_condition_the_completions(ending: Generator, sentences: Sentences) -> None:
    plain = Sentences(sentences.ids, sentences.lengths)
    labelled = completed(ending, sentences).ids
    condition = Condition(style=sentences.labels)
    if ending.styles:
        assert torch.equal(completed(ending, plain, condition=condition).ids, labelled)
        assert not torch.equal(completed(ending, plain).ids, labelled)
    else:
        assert torch.equal(completed(ending, plain).ids, labelled)


def test_no_prefix_is_read_twice_and_what_has_ended_leaves(
    ending: Generator, sentences: Sentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, reads = ending.advance, []

    def counted(tokens: Tensor, state: object) -> object:
        reads.append(tokens.shape)
        return advance(tokens, state)

    monkeypatch.setattr(ending, "advance", counted)
    batch = many(sentences, 30)
    made = completed(ending, batch, chunk=10**6)
    assert len(reads) == LIMIT
    assert {time for _, time in reads} == {1}
    # Before a step the pool holds sentences that go on and completions forked and not ended.
    for step in range(6, LIMIT):
        flying = (made.prefixes[:, None] < step) & (made.lengths >= step)
        wanted = int(flying.sum()) + int((batch.lengths > step).sum())
        assert reads[step][0] <= max(wanted / 0.75, 64) + 1, step


def test_without_end_all_run_to_the_limit() -> None:
    torch.manual_seed(0)
    generator = Recurrent(50, Specials(0, None, 0), width=8, hidden=8)
    ids = torch.randint(50, (5, 9))
    made = completed(generator, Sentences(ids, torch.full((5,), 9)), limit=9)
    assert made.ids.shape == (8 * 5, COPIES, 9)
    assert (made.lengths == 9).all()
    assert made.draws == 5 * COPIES * sum(range(1, 9))
    assert torch.equal(made.ids[-5:, :, :8], ids[:, None, :8].expand(-1, COPIES, -1))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_completions_follow_the_probabilities_of_the_model(temperature: float) -> None:
    torch.manual_seed(3)
    specials, copies = Specials(0, 1, 2), 40_000
    generator = Recurrent(5, specials, width=4, hidden=6, initial=0.8)
    start = Sentences(torch.tensor([[4, 3, 1]]), torch.tensor([3]))
    made = completed(generator, start, copies=copies, limit=3, temperature=temperature)
    paths = torch.tensor([[4, a, b] for a in range(5) for b in range(5)])
    with torch.no_grad():
        forced = teacher_force(generator, Sentences(paths, torch.full((25,), 3)))
        logarithms = (generator.logits(forced.hidden) / temperature).log_softmax(-1)
    given = logarithms.gather(2, paths[..., None])[..., 0].exp()
    probability = given[:, 1] * given[:, 2]
    expected = {tuple(path): float(p) for path, p in zip(paths.tolist(), probability, strict=True)}
    expected[4, 1, 2] = float(given[paths[:, 1] == 1, 1][0])  # END, then PAD
    for after_end in (0, 1, 3, 4):
        del expected[4, 1, after_end]
    drawn = made.ids[made.prefixes == 1][0].tolist()
    counts = dict.fromkeys(expected, 0)
    for path in map(tuple, drawn):
        counts[path] += 1
    square = sum((counts[k] - copies * p) ** 2 / (copies * p) for k, p in expected.items())
    assert abs(sum(expected.values()) - 1) < 1e-5
    assert square < 45  # 20 degrees of freedom: 1 in 1,000 by chance


def test_it_draws_without_dropout_and_leaves_the_mode(sentences: Sentences) -> None:
    generator = make("lstm")
    expected = completed(generator, sentences).ids
    generator.train()
    made = completed(generator, sentences).ids
    assert torch.equal(made, expected)
    assert all(part.training for part in generator.modules())
    assert not made.requires_grad


def test_one_token_has_no_prefix() -> None:
    generator = make("gru")
    ends = Sentences(torch.full((4, 1), SPECIALS.end), torch.ones(4, dtype=torch.int64))
    made = completed(generator, ends)
    assert made.ids.shape == (0, COPIES, LIMIT)
    assert made.draws == 0


def test_what_is_out_of_range_is_refused(sentences: Sentences) -> None:
    generator = make("transformer-learned")
    for settings, message in (
        ({"copies": 0}, "copies 0"),
        ({"stride": 0}, "stride 0"),
        ({"chunk": 0}, "chunk 0"),
        ({"temperature": 0.0}, "temperature 0"),
        ({"limit": 12}, "a sentence of 13 tokens"),
        ({"limit": 41}, "at most 40"),
    ):
        with pytest.raises(ValueError, match=message):
            completed(generator, sentences, **settings)


@pytest.mark.parametrize("chunk", [None, 20])
def test_static_shapes_change_no_draw(
    ending: Generator, sentences: Sentences, chunk: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What runs on a GPU, but for the capture.
    expected = completed(ending, sentences)
    monkeypatch.setattr(rollouts, "capturable", lambda *_: True)
    monkeypatch.setattr(rollouts, "replay", lambda _, key, function, *inputs: function(*inputs))
    found = completed(ending, sentences, chunk=chunk)
    for name in ("rows", "prefixes", "ids", "lengths"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
