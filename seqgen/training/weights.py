"""The weights of networks as safetensors in a checkpoint's folder.

What a network was given and does not train (`base_weights`) is left out; the manifest then holds
its checksum, and nothing is loaded on top of other weights than these.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seqgen.base_weights import BaseWeights, base_of
from seqgen.errors import UserError
from seqgen.training.checkpoint import MANIFEST, Writer, manifest
from seqgen.training.errors import CheckpointError, MisfitError

BASES = "bases"  # in the manifest: module -> checksum of the weights that its file leaves out


def weights_writer(module: nn.Module) -> Writer:
    """Writes a module's state as safetensors, without its base; tied tensors are stored once."""

    def writer(path: Path) -> None:
        state = _own(module, base_of(module))
        kept = {names[0]: state[names[0]] for names in _tied(state)}
        # One by one: on a GPU the weights of a recurrent layer are parts of one piece of memory.
        save_file({name: part.cpu().contiguous() for name, part in kept.items()}, str(path))
        # safetensors gives its files mode 0600; the folder has what the umask allows.
        path.chmod(path.parent.stat().st_mode & 0o666)

    return writer


def base_checksums(modules: Mapping[str, nn.Module]) -> dict[str, dict[str, str]]:
    """What the manifest must say of the weights that `weights_writer` leaves out."""
    found = {name: base_of(module) for name, module in modules.items()}
    bases = {name: base.checksum for name, base in found.items() if base is not None}
    return {BASES: bases} if bases else {}


def load_modules(folder: Path, modules: Mapping[str, nn.Module], average: bool = True) -> None:
    """Load weights by module name, strictly; the averaged ones where asked for and there are any.

    Raises:
        CheckpointError: there is no file for a module, or it cannot be read.
        MisfitError: names or shapes differ.
        UserError: the weights that a module was given are not those it was trained on.
    """
    bases = manifest(folder).get(BASES, {}) if (folder / MANIFEST).exists() else {}
    for name, module in modules.items():
        averaged = folder / f"{name}.average.safetensors"
        path = averaged if average and averaged.exists() else folder / f"{name}.safetensors"
        if not path.exists():
            there = sorted(file.name for file in folder.glob("*.safetensors"))
            raise CheckpointError(f"{folder} has no weights for {name!r}; its files are {there}")
        _require_base(path, bases.get(name), base_of(module))
        try:
            _load(path, module)
        except RuntimeError as error:
            raise MisfitError(f"{path} does not fit the {name}: {error}") from error
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} does not fit the {name}: {error}") from error


def _load(path: Path, module: nn.Module) -> None:
    found, state = load_file(path), _own(module, base_of(module))
    missing = [names for names in _tied(state) if not found.keys() & set(names)]
    differing = sorted(
        {name for names in missing for name in names} | (found.keys() - state.keys())
    )
    if differing:
        raise RuntimeError(f"these tensors are in one of the two only: {', '.join(differing)}")
    module.load_state_dict(found, strict=False)


def _own(module: nn.Module, base: BaseWeights | None) -> dict[str, Tensor]:
    """The state of a module without its base."""
    left_out = () if base is None else base.names
    return {name: part for name, part in module.state_dict().items() if name not in left_out}


def _tied(state: Mapping[str, Tensor]) -> list[list[str]]:
    """The names of each tensor, sorted: more than one where layers share it."""
    names: dict[Hashable, list[str]] = {}
    for name in sorted(state):
        part = state[name]
        place = (part.data_ptr(), part.shape, part.stride(), part.dtype)
        names.setdefault(place if part.numel() else name, []).append(name)
    return list(names.values())


def _require_base(path: Path, saved: str | None, base: BaseWeights | None) -> None:
    """Refuse to load on top of other weights than those of the training."""
    if base is None:
        if saved is not None:
            raise UserError(
                f"{path} holds an adapter alone, without the weights below it; export its run and "
                "start from the folder (generator.source), or give the generator the same source "
                "and adapter (generator.lora)"
            )
    elif saved is None:
        raise UserError(
            f"{path} holds whole weights, and this network is an adapter on {base.source}; export "
            "its run and name the folder as generator.source"
        )
    elif saved != base.checksum:
        raise UserError(
            f"{path} is an adapter on other weights than {base.source} has now (their checksum is "
            f"{base.checksum[:12]}, that of the training {saved[:12]}); put the old ones back, or "
            "name a folder that has them as generator.source in the run's recipe.yaml"
        )
