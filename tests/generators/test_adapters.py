"""A network without its adapters is the model it came from."""

from __future__ import annotations

import pytest
import torch

from seqgen.generators.adapters import has_adapters, without_adapters
from seqgen.generators.pretrained import Pretrained
from seqgen.generators.pretrained_models import add_lora, new_model
from seqgen.generators.protocol import Specials

SPECIALS = Specials(begin=1, end=2, pad=0)
GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 16}


def test_without_adapters_it_computes_what_the_base_does() -> None:
    pytest.importorskip("peft")
    torch.manual_seed(0)
    model = new_model(GPT2, 17, SPECIALS)
    ids = torch.randint(17, (3, 7))
    base = model.eval()(ids).logits
    generator = Pretrained(add_lora(model, rank=2), SPECIALS).eval()
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if "lora_" in name:
                parameter.normal_()
    generator.head.weight.requires_grad_(False)
    learning = {name: p.requires_grad for name, p in generator.named_parameters()}

    def logits() -> torch.Tensor:
        return generator.logits(generator.advance(ids, generator.start(3))[0].hidden)

    adapted = logits()
    assert (adapted - base).abs().max() > 1e-2
    with without_adapters(generator) as reference:
        assert reference is generator
        torch.testing.assert_close(logits(), base, rtol=1e-5, atol=1e-5)
    assert torch.equal(logits(), adapted)
    assert {name: p.requires_grad for name, p in generator.named_parameters()} == learning
    # a graph that was made before still reaches the adapters
    with without_adapters(generator):
        pass
    adapted.sum().backward()
    assert any(p.grad is not None for n, p in generator.named_parameters() if "lora_" in n)


def test_a_network_without_adapters_has_none_to_switch_off() -> None:
    plain = Pretrained(new_model(GPT2, 17, SPECIALS), SPECIALS)
    assert not has_adapters(plain)
    with pytest.raises(ValueError, match="Pretrained has no adapters"), without_adapters(plain):
        pass
