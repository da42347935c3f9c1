"""What a checkpoint holds of a Trainer besides its weights, and how it is put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from seqgen.training import checkpoint, distributed, randomness, weights
from seqgen.training.errors import CheckpointError
from seqgen.training.phases import Visit
from seqgen.training.player import Player
from seqgen.training.position import Position

if TYPE_CHECKING:
    from seqgen.training.trainer import Trainer


def copied(value: Any) -> Any:
    """A state with tensors of its own, so that going on cannot change what was kept."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copied(inner) for inner in value)
    return value


def save(trainer: Trainer) -> None:
    """Write a checkpoint of the trainer's run; every process takes part."""
    assert trainer.run is not None
    writers: dict[str, checkpoint.Writer] = {}
    if distributed.is_main():
        writers["trainer.pt"] = checkpoint.state_writer({**_shared(trainer), **_own(trainer)})
        for name, module in trainer.modules.items():
            writers[f"{name}.safetensors"] = weights.weights_writer(module)
            if trainer.average is not None:
                writers[f"{name}.average.safetensors"] = _averaged(trainer, name)
    else:
        writers[_own_file()] = checkpoint.state_writer(_own(trainer))
    position = trainer.position
    facts = {
        "step": position.total_steps,
        "round": position.total_rounds,
        "phase": trainer.course.phase.name,
        "processes": distributed.world(),
        **weights.base_checksums(trainer.modules),
    }
    trainer.run.save(position.total_steps, writers, facts)


def restore(trainer: Trainer) -> None:
    """Put the newest sound checkpoint of the trainer's run back.

    Raises:
        CheckpointError: there is none, or it belongs to another plan, data, or number of processes.
    """
    if trainer.run is None:
        raise CheckpointError("there is no run folder to resume from; give the Trainer a run")
    # Only the main process may pass over damaged ones: all must go on from the same.
    folder = trainer.run.checkpoint("latest") if distributed.is_main() else None
    folder = distributed.from_main(folder)
    _require_same_world(checkpoint.manifest(folder))
    shared = checkpoint.read_state(folder)
    own = shared if distributed.is_main() else checkpoint.read_state(folder, _own_file())
    _require_same(_identity(trainer), shared["identity"])
    _restore_weights(trainer, folder)
    _restore_shared(trainer, shared)
    trainer.method_states = own["methods"]
    randomness.restore(own["random"])
    if distributed.is_main():
        _cut_back(trainer, shared)


def _shared(trainer: Trainer) -> dict[str, Any]:
    """What is the same in all processes."""
    return {
        "identity": _identity(trainer),
        "position": trainer.position.state_dict(),
        "batch": trainer.batches.position,
        "players": {label: p.state_dict() for label, p in _players(trainer).items()},
        "selection": None if trainer.selector is None else trainer.selector.state_dict(),
        "average": None if trainer.average is None else dict(trainer.average.counts),
        "means": trainer.means.state_dict(),
        "metrics": dict(trainer.metrics),
        "journal": 0 if trainer.journal is None else trainer.journal.place(),
        "alarms": {} if trainer.journal is None else trainer.journal.alarms.state_dict(),
    }


def _own(trainer: Trainer) -> dict[str, Any]:
    """What each process has for itself."""
    present = {trainer.course.state_key: trainer.course.phase.method.state_dict()}
    return {"methods": {**trainer.method_states, **present}, "random": randomness.capture()}


def _own_file() -> str:
    return f"trainer-{distributed.rank()}.pt"


def _averaged(trainer: Trainer, name: str) -> checkpoint.Writer:
    average = trainer.average
    assert average is not None
    write = weights.weights_writer(trainer.modules[name])

    def writer(path: Any) -> None:
        with average.applied():
            write(path)

    return writer


def _players(trainer: Trainer) -> dict[str, Player]:
    """Every player once, by name, those of single phases by the phase's number and name."""
    labelled = dict(trainer.players)
    for visit in trainer.course.plan:
        for name, player in (visit.phase.players or {}).items():
            labelled.setdefault(f"{visit.number}/{name}", player)
    first: dict[int, str] = {}
    for label, player in labelled.items():
        first.setdefault(id(player), label)
    return {label: labelled[label] for label in first.values()}


def _identity(trainer: Trainer) -> dict[str, Any]:
    """What must not change between saving and resuming; the steps of the last phase may."""
    facts: dict[str, Any] = {f"data.{key}": v for key, v in trainer.batches.describe().items()}
    facts["seed"], facts["precision"] = trainer.seed, trainer.precision
    facts["average"] = None if trainer.average is None else trainer.average.decay
    facts["modules"] = sorted(trainer.modules)
    facts["players"] = sorted(_players(trainer))
    for place, visit in enumerate(trainer.course.plan):
        facts.update(_visit_facts(place, visit, last=place == len(trainer.course.plan) - 1))
    return facts


def _visit_facts(place: int, visit: Visit, last: bool) -> dict[str, Any]:
    phase, name = visit.phase, f"phases.{visit.number}.{visit.iteration}"
    only = None if phase.only is None else list(phase.only)
    facts: dict[str, Any] = {f"{name}.kind": phase.kind, f"{name}.group": phase.group}
    facts |= {f"{name}.only": only, f"{name}.place": place}
    return facts if last else {**facts, f"{name}.steps": phase.steps}


def _require_same(now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    differing = [
        f"{key}: was {then.get(key)!r}, now {now.get(key)!r}"
        for key in sorted({*now, *then})
        if now.get(key) != then.get(key)
    ]
    if differing:
        raise CheckpointError(
            "this is not the training of the checkpoint; only the steps of the last phase may "
            "change:\n  " + "\n  ".join(differing)
        )


def _require_same_world(manifest: Mapping[str, Any]) -> None:
    if manifest["processes"] != distributed.world():
        raise CheckpointError(
            f"the run was trained by {manifest['processes']} processes, these are "
            f"{distributed.world()}; resume it with the same number"
        )


def _restore_weights(trainer: Trainer, folder: Any) -> None:
    if trainer.average is not None:
        weights.load_modules(folder, trainer.modules, average=True)
        trainer.average.take_from_modules()
    weights.load_modules(folder, trainer.modules, average=False)


def _restore_shared(trainer: Trainer, shared: Mapping[str, Any]) -> None:
    for label, player in _players(trainer).items():
        player.load_state_dict(shared["players"][label])
    trainer.course.position = Position.from_state(shared["position"])
    trainer.batches.seek(shared["batch"])
    trainer.means.load_state_dict(shared["means"])
    trainer.metrics = dict(shared["metrics"])
    if trainer.selector is not None and shared["selection"] is not None:
        trainer.selector.load_state_dict(shared["selection"])
    if trainer.average is not None:
        trainer.average.counts = dict(shared["average"])


def _cut_back(trainer: Trainer, shared: Mapping[str, Any]) -> None:
    run = trainer.run
    assert run is not None
    run.cut_samples(trainer.position.total_steps)
    if trainer.journal is not None:
        trainer.journal.cut(int(shared["journal"]))
        trainer.journal.alarms.load_state_dict(shared.get("alarms", {}))
    selector = trainer.selector
    if selector is not None and selector.best_step in run.checkpoints():
        # A crash between saving the best and pointing to it.
        run.mark("best", int(selector.best_step or 0))
