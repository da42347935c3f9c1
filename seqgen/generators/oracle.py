"""The LSTM whose samples are the synthetic data of SeqGAN, so that the truth is known exactly.

Source: Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", 2017, arXiv
1609.05473: an LSTM with parameters from N(0, 1), embedding 32, hidden 32, vocabulary 5,000. Its
start token is id 0, which is also a word; there is no END, all sentences have one length.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seqgen.generators.protocol import Specials
from seqgen.generators.recurrent import Recurrent

SPECIALS = Specials(begin=0, end=None, pad=0)
GATES = ("i", "f", "c", "og")  # the order of torch's gates in SeqGAN's names


def draw_oracle(seed: int, vocabulary: int = 5000, width: int = 32, hidden: int = 32) -> Recurrent:
    """An oracle with all parameters from N(0, 1); another seed is another oracle with another
    entropy."""
    oracle = _network(vocabulary, width, hidden)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in oracle.named_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
            if name.endswith("bias_hh_l0"):  # the paper's cell has one bias a gate
                parameter.zero_()
    return oracle


def load_oracle(path: str | Path) -> Recurrent:
    """The oracle of the published experiments from an .npz of its 15 arrays (emb, Wi, Ui, bi, ...,
    Wo, bo).

    Raises:
        ValueError: arrays are missing.
    """
    with np.load(path, allow_pickle=False) as arrays:
        names = {"emb", "Wo", "bo", *(f"{kind}{gate}" for gate in GATES for kind in "WUb")}
        if missing := sorted(names - set(arrays)):
            raise ValueError(
                f"{path}: arrays {', '.join(missing)} are missing; {len(names)} are needed"
            )
        table = {name: torch.from_numpy(arrays[name]).float() for name in names}
    (vocabulary, width), hidden = table["emb"].shape, table["Ui"].shape[0]
    oracle = _network(vocabulary, width, hidden)

    def gates(kind: str) -> Tensor:
        return torch.cat([table[f"{kind}{gate}"].reshape(-1, hidden).t() for gate in GATES])

    with torch.no_grad():
        oracle.embedding.weight.copy_(table["emb"])
        layer = dict(oracle.network.named_parameters())
        layer["weight_ih_l0"].copy_(gates("W"))
        layer["weight_hh_l0"].copy_(gates("U"))
        layer["bias_ih_l0"].copy_(gates("b").squeeze(1))
        layer["bias_hh_l0"].zero_()
        oracle.head.weight.copy_(table["Wo"].t())
        assert oracle.head.bias is not None
        oracle.head.bias.copy_(table["bo"])
    return oracle


def _network(vocabulary: int, width: int, hidden: int) -> Recurrent:
    oracle = Recurrent(vocabulary, SPECIALS, width=width, hidden=hidden)
    return oracle.requires_grad_(False).eval()
