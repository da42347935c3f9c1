"""Hugging Face models as generators: supported ones agree with themselves, others are refused."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_model
from small_generators import GPT2, LLAMA, MISTRAL, SPECIALS, VOCABULARY, make

from seqgen.errors import UserError
from seqgen.generators.decoding import teacher_force
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora, new_model, open_model, specials_of
from seqgen.generators.protocol import Condition, Specials
from seqgen.text.sentences import Sentences

OPT = {
    "model_type": "opt",
    "hidden_size": 16,
    "word_embed_proj_dim": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "ffn_dim": 32,
    "max_position_embeddings": 64,
}
PHI = {key: value for key, value in LLAMA.items() if key != "num_key_value_heads"}
SUPPORTED = {
    "gpt2": GPT2,
    "llama": LLAMA,
    "opt": OPT,
    "gpt_neox": PHI | {"model_type": "gpt_neox"},
    "qwen2": LLAMA | {"model_type": "qwen2"},
    "mistral": MISTRAL,
    "phi": PHI | {"model_type": "phi"},  # its output layer has a bias
}
MAMBA = {
    "model_type": "mamba",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "state_size": 4,
}
REFUSED = {
    "cohere": (LLAMA | {"model_type": "cohere"}, "scaled or capped"),
    "gemma2": (LLAMA | {"model_type": "gemma2", "head_dim": 4}, "scaled or capped"),
    "gemma3_text": (LLAMA | {"model_type": "gemma3_text", "head_dim": 4}, "treats token vectors"),
    "mamba": (MAMBA, "cannot select rows"),
    "wrong sizes": (LLAMA | {"num_key_value_heads": 3}, "does not run"),
}


@pytest.mark.parametrize("kind", SUPPORTED)
def test_logits_are_the_models_own(kind: str) -> None:
    torch.manual_seed(0)
    model = new_model(SUPPORTED[kind], VOCABULARY, SPECIALS).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    generator = Pretrained(model, SPECIALS)
    ids = torch.randint(VOCABULARY, (3, 13))
    expected = model(input_ids=ids).logits
    hidden = generator.advance(ids, generator.start(3))[0].hidden
    torch.testing.assert_close(generator.logits(hidden), expected, rtol=1e-5, atol=1e-5)
    losses = torch.nn.functional.cross_entropy(expected.transpose(1, 2), ids, reduction="none")
    got = generator.log_probability(hidden, ids)
    torch.testing.assert_close(-got, losses, rtol=1e-5, atol=1e-5)
    assert generator.head.weight is model.get_output_embeddings().weight


@pytest.mark.parametrize("kind", REFUSED)
def test_a_model_that_would_come_out_wrong_is_refused(kind: str) -> None:
    configuration, reason = REFUSED[kind]
    torch.manual_seed(0)
    model = new_model(configuration, VOCABULARY, SPECIALS)
    with pytest.raises(UserError, match=f"not supported as a generator: .*{reason}"):
        Pretrained(model, SPECIALS)


def test_construction_keeps_the_mode_and_the_random_state() -> None:
    model = new_model(GPT2, VOCABULARY, SPECIALS)
    model.train()
    before = torch.get_rng_state()
    Pretrained(model, SPECIALS)
    assert model.training and all(part.training for part in model.modules())
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.get_output_embeddings()._forward_hooks


def test_a_style_moves_every_token() -> None:
    torch.manual_seed(0)
    generator = Pretrained(new_model(LLAMA, VOCABULARY, SPECIALS), SPECIALS, styles=2).eval()
    ids = torch.randint(VOCABULARY, (2, 5))
    sentences = Sentences(ids[:1].repeat(2, 1), torch.full((2,), 5), torch.arange(2))
    first, second = teacher_force(generator, sentences).hidden
    assert (first != second).any(-1).all()
    state = generator.start(2, Condition(style=torch.arange(2))).select(torch.tensor([1]))
    begin = torch.tensor([[SPECIALS.begin]])
    selected = generator.advance(begin, state)[0].hidden[0]
    torch.testing.assert_close(selected, second[:1])


def test_tied_weights_are_saved_once(tmp_path: Path) -> None:
    generator = make("pretrained-gpt2")
    save_model(generator, str(tmp_path / "generator.safetensors"))
    with safe_open(tmp_path / "generator.safetensors", "pt") as file:
        shapes = [tuple(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118
    assert shapes.count((VOCABULARY, 16)) == 1


def test_a_saved_folder_opens_again(tmp_path: Path) -> None:
    model = make("pretrained-llama").model
    model.save_pretrained(tmp_path)
    ids = torch.randint(VOCABULARY, (2, 5))
    expected = model(ids).logits
    again = open_model(str(tmp_path)).eval()
    torch.testing.assert_close(again(ids).logits, expected)
    fresh = open_model(str(tmp_path), weights=False).eval()
    assert fresh.config.hidden_size == 16
    assert not torch.allclose(fresh(ids).logits, expected)
    small = open_model(str(tmp_path), dtype=torch.bfloat16)
    assert Pretrained(small, SPECIALS).head.weight.dtype == torch.bfloat16


def test_bfloat16_weights_decode_soft_and_hard_tokens(tmp_path: Path) -> None:
    make("pretrained-gpt2").model.save_pretrained(tmp_path)
    generator = Pretrained(open_model(str(tmp_path), dtype=torch.bfloat16), SPECIALS).eval()
    ids = torch.randint(VOCABULARY, (2, 5))
    soft = torch.nn.functional.one_hot(ids, VOCABULARY).float()
    hidden, same = (
        generator.advance(tokens, generator.start(2))[0].hidden for tokens in (ids, soft)
    )
    assert torch.equal(hidden, same)
    assert generator.logits(hidden).dtype == torch.float32
    generator.negative_log_likelihood(hidden, ids, torch.ones(2, 5)).backward()
    assert generator.head.weight.grad.isfinite().all()


def test_what_cannot_be_opened_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot open .*nothing-here.*config\.json"):
        open_model(str(tmp_path / "nothing-here"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gtp2"}, "model_type 'gtp2' is none transformers knows"),
        ({"n_layers": 2}, "gpt2 has no setting 'n_layers'; did you mean 'n_layer'"),
        ({"vocab_size": 7}, f"vocab_size 7, but the vocabulary has {VOCABULARY} ids"),
        ({"n_head": 3}, "configuration of gpt2: .*divisible"),
    ],
)
def test_a_wrong_configuration_is_told_in_words(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        new_model(GPT2 | change, VOCABULARY, SPECIALS)


def test_lora_trains_small_matrices_only() -> None:
    pytest.importorskip("peft")
    torch.manual_seed(0)
    model = new_model(GPT2, VOCABULARY, SPECIALS)
    ids = torch.randint(VOCABULARY, (3, 7))
    before = model.eval()(ids).logits
    generator = Pretrained(add_lora(model, rank=2, alpha=4.0), SPECIALS).eval()
    hidden = generator.advance(ids, generator.start(3))[0].hidden
    torch.testing.assert_close(generator.logits(hidden), before, rtol=1e-5, atol=1e-5)
    trained = {name for name, value in generator.named_parameters() if value.requires_grad}
    assert trained and all("lora_" in name for name in trained)
    generator.negative_log_likelihood(hidden, ids, torch.ones(3, 7)).backward()
    parameters = dict(generator.named_parameters())
    assert all(parameters[name].grad is not None for name in trained)
    assert all(value.grad is None for name, value in parameters.items() if name not in trained)
    assert any(parameters[name].grad.abs().sum() > 0 for name in trained)


def test_a_missing_peft_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **others: object) -> object:
        if name == "peft":
            raise ImportError(name)
        return real(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="lora needs the package peft"):
        add_lora(None)


@pytest.mark.parametrize(
    ("begin", "end", "pad", "expected"),
    [(5, 5, None, Specials(5, 5, 5)), (1, 2, 0, Specials(1, 2, 0)), (None, 7, 3, (7, 7, 3))],
)
def test_specials_come_from_the_tokenizer(
    begin: int | None, end: int, pad: int | None, expected: Specials
) -> None:
    tokenizer = SimpleNamespace(bos_token_id=begin, eos_token_id=end, pad_token_id=pad)
    assert specials_of(tokenizer) == expected
    with pytest.raises(UserError, match="no end token"):
        specials_of(SimpleNamespace(eos_token_id=None))


def test_a_pad_of_its_own_gets_no_gradient_but_end_as_pad_does() -> None:
    own = new_model(LLAMA, VOCABULARY, SPECIALS)
    shared = new_model(LLAMA, VOCABULARY, Specials(5, 5, 5))
    assert own.get_input_embeddings().padding_idx == SPECIALS.pad
    assert shared.get_input_embeddings().padding_idx is None


def test_importing_the_module_does_not_import_transformers() -> None:
    code = (
        "import sys, seqgen.generators.pretrained, seqgen.generators.pretrained_models;"
        "print('transformers' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert out.stdout.strip() == "False", out.stderr
