"""Judges and encoders that are networks: hidden states, and models in Hugging Face's form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel

from seqgen.errors import UserError
from seqgen.evaluation.batching import by_length
from seqgen.evaluation.encoders import HiddenStates, PretrainedEncoder
from seqgen.evaluation.network_names import fingerprint
from seqgen.evaluation.pretrained_judge import PretrainedJudge
from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Condition, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.text.vocabulary import Vocabulary

TEXTS = ["a man rides a horse", "a dog", "two dogs run on the grass and on", "", "the horse runs"]


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary.train([text for text in TEXTS if text], "word")


def gpt2(folder: Path, words: Vocabulary, positions: int = 16) -> Path:
    words.save(folder)
    torch.manual_seed(0)
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    shape = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": positions}
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(words), **shape, **ids))
    for parameter in model.parameters():  # far from even, so that mistakes show
        torch.nn.init.normal_(parameter, std=0.8)
    model.save_pretrained(folder)
    return folder


def test_a_pretrained_judge_counts_every_word_and_the_end(
    tmp_path: Path, words: Vocabulary
) -> None:
    judge = PretrainedJudge.open(str(gpt2(tmp_path / "tiny", words)))
    nats, tokens = judge.score(TEXTS)
    assert tokens.tolist() == [6, 3, 9, 1, 4]
    for text, found in zip(TEXTS, nats, strict=True):  # one by one, without padding, by hand
        ids = words.encode_flat([text]).ids.tolist()
        logits = judge.model(torch.tensor([[1, *ids[:-1]]])).logits.log_softmax(-1)
        expected = sum(float(logits[0, place, number]) for place, number in enumerate(ids))
        assert found == pytest.approx(expected, abs=1e-5)
    assert judge.name == f"tiny@{fingerprint(judge.model)}"
    assert judge.score([])[0].shape == (0,)


def test_what_cannot_judge_is_refused(tmp_path: Path, words: Vocabulary) -> None:
    judge = PretrainedJudge.open(str(gpt2(tmp_path / "short", words, positions=6)))
    with pytest.raises(UserError, match="sentences 3: longer than the 6 tokens"):
        judge.score(TEXTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="save_pretrained wrote"):
        PretrainedJudge.open(str(tmp_path / "empty"))
    judge.tokenizer.bos_token = judge.tokenizer.eos_token = None
    with pytest.raises(UserError, match="neither a bos_token nor an eos_token"):
        PretrainedJudge(judge.model, judge.tokenizer, "mine")


def test_the_hub_is_asked_once_and_only_for_what_is_not_here(
    tmp_path: Path, words: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def silent(api: object, name: str, timeout: float) -> None:
        asked.append(name)
        raise ConnectionError("no answer\nand much more")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", silent)
    PretrainedJudge.open(str(gpt2(tmp_path / "tiny", words)))
    assert not asked
    with pytest.raises(UserError, match=r"hub does not give it \(no answer\); look at the name"):
        PretrainedEncoder.open("nobody/has-made-this")
    assert asked == ["nobody/has-made-this"]


def test_hidden_states_do_not_depend_on_the_other_sentences(words: Vocabulary) -> None:
    generator = _lstm(words, styles=2)
    generator.train()
    encoder = HiddenStates(generator, words, "mine")
    found = encoder.features(TEXTS)
    assert found.shape == (5, 8) and generator.training
    for text, vector in zip(TEXTS, found, strict=True):
        np.testing.assert_allclose(encoder.features([text])[0], vector, atol=1e-6)
    one = words.encode(TEXTS[:1])
    each = [teacher_force(generator.eval(), one, Condition(style=torch.tensor([s]))).hidden.mean(1)
            for s in (0, 1)]  # fmt: skip
    expected = (each[0] + each[1])[0].detach().numpy() / 2
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_a_pretrained_encoder_leaves_padding_out(tmp_path: Path, words: Vocabulary) -> None:
    words.save(tmp_path)
    torch.manual_seed(0)
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert = BertModel(BertConfig(vocab_size=len(words), intermediate_size=16, **shape))
    bert.save_pretrained(tmp_path)
    encoder = PretrainedEncoder.open(str(tmp_path))
    found = encoder.features(TEXTS)
    assert found.shape == (5, 8)
    for text, vector in zip(TEXTS, found, strict=True):
        np.testing.assert_allclose(encoder.features([text])[0], vector, atol=1e-6)
    ids = torch.tensor([encoder.tokenizer(TEXTS[0])["input_ids"]])
    expected = encoder.model(ids).last_hidden_state.mean(1)[0].numpy()
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_names_tell_weights_apart(words: Vocabulary) -> None:
    one, other = _lstm(words), _lstm(words)
    assert fingerprint(one) == fingerprint(other)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1e-3
    assert fingerprint(one) != fingerprint(other)
    half = fingerprint(one.to(torch.bfloat16))  # a type that numpy lacks
    assert half == fingerprint(one) != fingerprint(other)


def test_batches_hold_every_row_once_and_no_more_than_asked() -> None:
    lengths = [3, 1, 9, 2, 2, 30, 4]
    parts = [part.tolist() for part in by_length(torch.tensor(lengths), 9)]
    assert sorted(row for part in parts for row in part) == list(range(7))
    assert all(len(p) == 1 or len(p) * max(lengths[r] for r in p) <= 9 for p in parts)
    assert list(by_length(torch.tensor([]), 9)) == []


def _lstm(words: Vocabulary, styles: int = 0) -> Recurrent:
    torch.manual_seed(1)
    specials = Specials(words.begin, words.end, words.pad)
    return Recurrent(len(words), specials, width=6, hidden=8, styles=styles, dropout=0.5)
