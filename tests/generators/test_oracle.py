"""The oracle of the synthetic experiment: drawn from a seed, or the published one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import real_data
import torch
from torch import Tensor

from seqgen.evaluation.likelihood import log_probabilities
from seqgen.evaluation.sampling import sample
from seqgen.generators.decoding import teacher_force
from seqgen.generators.oracle import draw_oracle, load_oracle
from seqgen.generators.protocol import Generator
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

DATA = real_data.DATA / "oracle"
PARAMETERS, SAMPLES = DATA / "seqgan_target_lstm.npz", DATA / "seqgan_oracle_samples_len20.txt"
published = pytest.mark.skipif(not PARAMETERS.is_file(), reason="needs the published oracle")


def sentences(ids: Tensor) -> Sentences:
    return Sentences(ids, torch.full((len(ids),), ids.shape[1]))


@torch.no_grad()
def nats(oracle: Generator, ids: Tensor) -> float:
    """Negative log-likelihood a token of ids (rows, time)."""
    parts = [log_probabilities(oracle, sentences(part)).sum() for part in ids.split(1000)]
    return -float(sum(parts)) / ids.numel()


@published
def test_the_published_oracle_gives_its_own_samples_575_nats_a_token() -> None:
    oracle = load_oracle(PARAMETERS)
    ids = sample(oracle, 10_000, 20, Stream.of(0, "own samples")).tokens
    assert nats(oracle, ids) == pytest.approx(5.75, abs=0.02)


@published
def test_the_published_samples_have_the_published_likelihood() -> None:
    ids = torch.from_numpy(np.loadtxt(SAMPLES, dtype=np.int64))
    assert ids.shape == (9_984, 20)
    assert nats(load_oracle(PARAMETERS), ids) == pytest.approx(5.740, abs=0.001)


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def arrays(vocabulary: int = 11, width: int = 3, hidden: int = 4) -> dict[str, np.ndarray]:
    """Parameters under the names of the published file."""
    drawn = np.random.default_rng(0)
    shapes = {"emb": (vocabulary, width), "Wo": (hidden, vocabulary), "bo": (vocabulary,)}
    for gate in ("i", "f", "og", "c"):
        shapes |= {f"W{gate}": (width, hidden), f"U{gate}": (hidden, hidden), f"b{gate}": (hidden,)}
    return {name: drawn.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def test_a_loaded_oracle_computes_the_cell_of_the_paper(tmp_path: Path) -> None:
    table = arrays()
    np.savez(tmp_path / "oracle.npz", **table)
    oracle = load_oracle(tmp_path / "oracle.npz")
    ids = torch.randint(11, (5, 6), generator=torch.Generator().manual_seed(0))
    memory, output = np.zeros((5, 4)), np.zeros((5, 4))
    fed, expected = np.zeros(5, dtype=int), []
    for step in range(6):
        vectors = table["emb"][fed]
        inputs = {g: vectors @ table[f"W{g}"] + output @ table[f"U{g}"] + table[f"b{g}"]
                  for g in ("i", "f", "og", "c")}  # fmt: skip
        memory = sigmoid(inputs["f"]) * memory + sigmoid(inputs["i"]) * np.tanh(inputs["c"])
        output = sigmoid(inputs["og"]) * np.tanh(memory)
        expected.append(output @ table["Wo"] + table["bo"])
        fed = ids[:, step].numpy()
    logits = oracle.logits(teacher_force(oracle, sentences(ids)).hidden)
    torch.testing.assert_close(logits.double(), torch.from_numpy(np.stack(expected, 1)).double(),
                               atol=1e-5, rtol=1e-5)  # fmt: skip


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    table = arrays()
    del table["Uf"], table["bo"]
    np.savez(tmp_path / "oracle.npz", **table)
    with pytest.raises(ValueError, match="Uf, bo are missing"):
        load_oracle(tmp_path / "oracle.npz")


def test_a_drawn_oracle_is_a_function_of_its_seed() -> None:
    one, again, other = (draw_oracle(seed, 50, 8, 8) for seed in (3, 3, 4))
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, dict(again.named_parameters())[name]), name
        assert not parameter.requires_grad
        if name != "network.bias_hh_l0":
            assert not torch.equal(parameter, dict(other.named_parameters())[name]), name
    first, second = (sample(oracle, 20, 10, Stream.of(1)).tokens for oracle in (one, again))
    assert torch.equal(first, second)


def test_a_drawn_oracle_has_standard_normal_parameters() -> None:
    oracle = draw_oracle(0)
    shapes = {tuple(parameter.shape) for parameter in oracle.parameters()}
    assert {(5000, 32), (128, 32), (5000,)} <= shapes
    for name, parameter in oracle.named_parameters():
        if name == "network.bias_hh_l0":
            assert (parameter == 0).all()  # the paper's cell has one bias a gate
        elif parameter.numel() > 1000:
            assert abs(float(parameter.mean())) < 0.06 and abs(float(parameter.std()) - 1) < 0.05


def test_its_sentences_have_one_length_and_its_start_token_is_a_word() -> None:
    drawn = sample(draw_oracle(1, 20, 8, 8), 500, 7, Stream.of(2))
    assert (drawn.lengths == 7).all() and not drawn.ended.any()
    assert (drawn.tokens == 0).any()
    assert drawn.tokens.min() >= 0 and drawn.tokens.max() < 20
