"""The Style Transformer's network: sources as ids and soft tokens, caches, select, attention."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqgen.generators.choose import Gold, Greedy
from seqgen.generators.decoding import decode, styled, teacher_force
from seqgen.generators.protocol import Condition, Specials
from seqgen.generators.relaxed import Soft
from seqgen.generators.style_transformer import StyleTransformer, attending
from seqgen.text.sentences import Sentences

SPECIALS = Specials(begin=0, end=1, pad=2)
VOCABULARY, ROWS, TIME, LIMIT = 37, 7, 9, 12
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def network(dropout: float = 0.0, **settings: bool) -> StyleTransformer:
    torch.manual_seed(0)
    made = StyleTransformer(
        VOCABULARY, SPECIALS, styles=3, width=16, heads=4, layers=2, limit=LIMIT, dropout=dropout,
        **settings,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.4)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


def sentences(seed: int = 1) -> Sentences:
    drawn = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY, (ROWS, TIME), generator=drawn)
    lengths = torch.tensor([TIME, 1, 4, TIME, 8, 2, 6])
    ids = torch.where(torch.arange(TIME) < lengths[:, None], ids, SPECIALS.pad)
    ids[torch.arange(ROWS), lengths - 1] = SPECIALS.end
    return Sentences(ids, lengths, torch.arange(ROWS) % 3)


def soft(ids: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(ids, VOCABULARY).float()


def hidden(model: StyleTransformer, written: Sentences, condition: Condition) -> Tensor:
    return teacher_force(model, written, condition).hidden[written.mask]


def source(of: Sentences | None = None) -> Condition:
    given = of or sentences(2)
    return Condition(given.ids, given.mask, given.labels)


@pytest.mark.parametrize("tie", [False, True])
def test_step_by_step_equals_teacher_forcing(tie: bool) -> None:
    model, written = network(tie=tie), sentences()
    stepped = decode(model, Gold(written), ROWS, TIME, condition=source(), hidden=True)
    assert stepped.hidden is not None
    expected = hidden(model, written, source())
    torch.testing.assert_close(stepped.hidden[written.mask], expected, **TOLERANCE)


def test_steps_with_gradients_have_the_gradients_of_teacher_forcing() -> None:
    model, written = network(), sentences()
    weights = torch.randn(ROWS, TIME, 1, generator=torch.Generator().manual_seed(0))
    forced = teacher_force(model, written, source()).hidden
    names = [n for n, p in model.named_parameters() if not n.startswith("head")]
    parameters = [dict(model.named_parameters())[name] for name in names]
    expected = torch.autograd.grad((forced * weights * written.mask[..., None]).sum(), parameters)
    gold = Gold(written)
    stepped = decode(model, gold, ROWS, TIME, condition=source(), gradient=True, hidden=True)
    assert stepped.hidden is not None
    found = torch.autograd.grad((stepped.hidden * weights).sum(), parameters)
    for name, ours, theirs in zip(names, found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4, msg=name)
        assert ours.abs().sum() > 0, name


def test_a_one_hot_source_is_its_ids() -> None:
    model, given = network(), sentences(2)
    softly = Condition(soft(given.ids), given.mask, given.labels)
    written = sentences()
    hard = hidden(model, written, source(given))
    torch.testing.assert_close(hidden(model, written, softly), hard, **TOLERANCE)


def test_gradients_reach_the_real_tokens_of_a_soft_source_and_no_others() -> None:
    model, given = network(), sentences(2)
    tokens = soft(given.ids).requires_grad_()
    found = hidden(model, sentences(), Condition(tokens, given.mask, given.labels))
    found.square().sum().backward()
    assert tokens.grad is not None
    reached = tokens.grad.abs().sum(-1) > 0
    assert torch.equal(reached, given.mask)


def test_a_cycle_sends_gradients_into_the_first_pass() -> None:
    model, given = network(), sentences(2)
    tokens = soft(given.ids).requires_grad_()
    first = Condition(tokens, given.mask, (given.labels + 1) % 3)
    changed = decode(model, Soft(), ROWS, LIMIT, condition=first, gradient=True)
    back = Condition(changed.tokens, changed.mask, given.labels)
    hidden(model, given, back).square().sum().backward()
    assert tokens.grad is not None and (tokens.grad.abs().sum((1, 2)) > 0).all()


def test_padding_of_the_source_changes_nothing() -> None:
    model, given, written = network(), sentences(2), sentences()
    longer = torch.nn.functional.pad(given.ids, (0, 3), value=11)
    mask = torch.nn.functional.pad(given.mask, (0, 3), value=False)
    padded = hidden(model, written, Condition(longer, mask, given.labels))
    torch.testing.assert_close(padded, hidden(model, written, source(given)), **TOLERANCE)


def test_what_is_written_depends_on_the_style_and_on_every_real_token_of_the_source() -> None:
    model, given, written = network(), sentences(2), sentences()
    before = teacher_force(model, written, source(given)).hidden[:, 0]
    other = Condition(given.ids, given.mask, (given.labels + 1) % 3)
    assert ((teacher_force(model, written, other).hidden[:, 0] - before).abs().sum(1) > 1e-3).all()
    for place in range(TIME):
        ids = given.ids.clone()
        ids[:, place] = (ids[:, place] + 1) % VOCABULARY
        moved = teacher_force(model, written, Condition(ids, given.mask, given.labels)).hidden
        assert torch.equal((moved[:, 0] - before).abs().sum(1) > 1e-4, given.mask[:, place])


@pytest.mark.parametrize("gradient", [False, True])
def test_select_permutes_repeats_and_drops(gradient: bool) -> None:
    model, written, rows = network(), sentences(), torch.tensor([6, 3, 3, 0])
    fed = torch.nn.functional.pad(written.ids[:, :-1], (1, 0), value=SPECIALS.begin)
    with torch.set_grad_enabled(gradient):
        whole = model.advance(fed, model.start(ROWS, source()))[0].hidden
        state = model.advance(fed[:, :4], model.start(ROWS, source()))[1]
        fork = state.select(rows)
        one, state = model.advance(fed[:, 4:6], state)
        two, fork = model.advance(fed[rows, 4:5], fork)
        last, _ = model.advance(fed[rows, 5:], fork)
    torch.testing.assert_close(one.hidden, whole[:, 4:6], **TOLERANCE)
    together = torch.cat((two.hidden, last.hidden), 1)
    torch.testing.assert_close(together, whole[rows, 4:], **TOLERANCE)


def test_dropping_finished_rows_changes_no_bit() -> None:
    model = network()
    rows = torch.arange(150) % ROWS
    condition = source().select(rows)
    ended = model.head.bias
    assert ended is not None
    with torch.no_grad():
        ended[SPECIALS.end] += 2.0
    dropped = decode(model, Greedy(), 150, LIMIT, condition=condition)
    whole = decode(model, Greedy(), 150, LIMIT, condition=condition, drop=False)
    assert torch.equal(dropped.tokens, whole.tokens)
    assert len(dropped.lengths.unique()) > 1


def test_attention_is_kept_when_asked_for_and_sums_to_one_over_the_source() -> None:
    model, given, written = network(), sentences(2), sentences()
    assert not teacher_force(model, written, source(given)).extras
    plain = teacher_force(model, written, source(given)).hidden
    with attending(model):
        found = teacher_force(model, written, source(given))
    assert not model.keeps_attention
    torch.testing.assert_close(found.hidden, plain, **TOLERANCE)
    weights = found.extras["attention"]
    assert weights.shape == (ROWS, TIME, TIME)
    torch.testing.assert_close(weights.sum(-1), torch.ones(ROWS, TIME), **TOLERANCE)
    assert (weights[~given.mask[:, None, :].expand_as(weights)] == 0).all()
    with attending(model):
        decoded = decode(model, Gold(written), ROWS, TIME, condition=source(given), hidden=True)
    assert decoded.extras is not None
    mask = written.mask
    torch.testing.assert_close(decoded.extras["attention"][mask], weights[mask], **TOLERANCE)


def test_one_head_attends_by_the_softmax_of_its_products() -> None:
    torch.manual_seed(1)
    model = StyleTransformer(VOCABULARY, SPECIALS, styles=2, width=4, heads=1, layers=1, limit=5)
    model.eval()
    attention = model._blocks[0].source
    asking, vectors = torch.randn(1, 2, 4), torch.randn(1, 3, 4)
    seen = torch.tensor([True, True, False]).view(1, 1, 1, 3)
    memory = attention.remember(vectors)
    keys, values = attention.memory(vectors)[0].chunk(2, -1)
    weights = torch.softmax(attention.query(asking)[0] @ keys[:2].t() / 2, -1)
    expected = attention.out(weights @ values[:2])
    torch.testing.assert_close(attention(asking, memory, seen)[0], expected, **TOLERANCE)
    torch.testing.assert_close(
        attention.weights(asking, memory, seen)[0, 0, :, :2], weights, **TOLERANCE
    )


def test_a_batch_without_a_condition_is_its_own_source() -> None:
    given = sentences()
    condition = styled(network(), given)
    assert condition is not None and condition.tokens is given.ids
    assert torch.equal(condition.mask, given.mask) and torch.equal(condition.style, given.labels)


def test_what_is_missing_or_too_long_is_told() -> None:
    model, given = network(), sentences()
    assert model.reads_source and model.limit == LIMIT
    with pytest.raises(ValueError, match="no tokens, no mask given"):
        model.start(ROWS, Condition(style=given.labels))
    with pytest.raises(ValueError, match="3 rows to start, and a source of 7"):
        model.start(3, source())
    long = torch.zeros(1, LIMIT + 1, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"the source has 13 tokens.*at most 12"):
        model.start(1, Condition(long, long == 0, torch.tensor([0])))
    state = model.start(ROWS, source())
    with pytest.raises(ValueError, match=r"to write are 13 tokens.*at most 12"):
        model.advance(long.expand(ROWS, -1), state)
    with pytest.raises(ValueError, match="heads must divide"):
        StyleTransformer(9, SPECIALS, styles=2, width=10, heads=4)
    with pytest.raises(ValueError, match="0 styles"):
        StyleTransformer(9, SPECIALS, styles=0)


def test_sentences_as_long_as_the_limit_can_be_written() -> None:
    model, given = network(), sentences()
    found = decode(model, Greedy(), ROWS, LIMIT, condition=source(given), drop=False)
    assert found.tokens.shape == (ROWS, LIMIT)


def test_the_token_behind_begin_has_the_first_position() -> None:
    model = network()
    assert torch.equal(model._places(0, 3), torch.cat((torch.zeros(1, 16), model.position[:2])))
    assert torch.equal(model._places(2, 2), model.position[1:3])


def test_hard_tokens_are_the_greedy_ones_with_the_gradient_of_the_soft_ones() -> None:
    model, given = network(), sentences()
    tokens = soft(given.ids).requires_grad_()
    condition = Condition(tokens, given.mask, given.labels)
    hard = decode(model, Soft(0.7, hard=True), ROWS, LIMIT, condition=condition, gradient=True)
    greedy = decode(model, Greedy(), ROWS, LIMIT, condition=source(given))
    assert torch.equal(hard.lengths, greedy.lengths)
    assert torch.equal(hard.tokens.argmax(-1), greedy.tokens[:, : hard.tokens.shape[1]])
    assert ((hard.tokens == 0) | (hard.tokens == 1)).all()
    hard.tokens[..., 5].sum().backward()
    assert tokens.grad is not None and tokens.grad.abs().sum() > 0
    logits = torch.tensor([[0.3, 1.2, -0.5]], requires_grad=True)
    scores = torch.tensor([2.0, -1.0, 0.5])
    (Soft(0.7, hard=True)(0, logits, torch.arange(1)).kept * scores).sum().backward()
    expected = torch.softmax(logits.detach() / 0.7, -1)
    expected = expected * (scores - (expected * scores).sum()) / 0.7
    torch.testing.assert_close(logits.grad, expected)
