"""Weights that a network was given are left out of checkpoints, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from seqgen.base_weights import BaseWeights, checksum, untrained
from seqgen.errors import UserError
from seqgen.training.checkpoint import write
from seqgen.training.errors import CheckpointError
from seqgen.training.weights import base_checksums, load_modules, weights_writer


class Adapted(nn.Module):
    """A linear layer that stays as it was given, tied to another name, and one that is trained."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.given = nn.Linear(3, 3)
        found = checksum(self.given)
        self.given.requires_grad_(False)
        self.again = nn.Linear(3, 3)
        self.again.weight, self.again.bias = self.given.weight, self.given.bias
        torch.manual_seed(seed)
        self.own = nn.BatchNorm1d(3)
        nn.init.normal_(self.own.weight)
        self.base = BaseWeights("a folder", found, untrained(self))


def saved(folder: Path, module: nn.Module) -> Path:
    target = folder / "step-1"
    modules = {"net": module}
    write(target, {"net.safetensors": weights_writer(module)}, base_checksums(modules))
    return target


def test_what_is_trained_and_buffers_are_saved(tmp_path: Path) -> None:
    module = Adapted(0)
    module.own.running_mean += 1.0
    folder = saved(tmp_path, module)
    held = load_file(folder / "net.safetensors")
    assert held.keys() == {f"own.{name}" for name in module.own.state_dict()}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["bases"] == {"net": module.base.checksum}
    assert (folder / "net.safetensors").stat().st_mode & 0o777 == folder.stat().st_mode & 0o666
    other = Adapted(1)
    load_modules(folder, {"net": other})
    for name, value in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_modules_without_a_base_say_nothing(tmp_path: Path) -> None:
    folder = saved(tmp_path, nn.Linear(2, 2))
    assert "bases" not in json.loads((folder / "manifest.json").read_text())
    assert base_checksums({"a": nn.Linear(1, 1), "b": Adapted(0)}).keys() == {"bases"}


def test_another_base_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    folder, other = saved(tmp_path, Adapted(0)), Adapted(1)
    other.base = BaseWeights("a folder", "0" * 64, other.base.names)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(UserError, match=r"other weights than a folder has now.*000000000000, that"):
        load_modules(folder, {"net": other})
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())


def test_adapters_and_whole_networks_are_not_taken_for_each_other(tmp_path: Path) -> None:
    whole = Adapted(0)
    whole.base = None
    with pytest.raises(UserError, match="holds an adapter alone"):
        load_modules(saved(tmp_path, Adapted(0)), {"net": whole})
    with pytest.raises(UserError, match="holds whole weights"):
        load_modules(saved(tmp_path / "other", whole), {"net": Adapted(0)})


def test_an_adapter_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path, Adapted(0))
    for own in (nn.BatchNorm1d(4), nn.BatchNorm1d(3, affine=False), nn.Linear(3, 3)):
        other = Adapted(0)
        other.own = own
        with pytest.raises(CheckpointError, match="does not fit the net"):
            load_modules(folder, {"net": other})
