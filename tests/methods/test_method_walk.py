"""What every method must do with every generator of the support matrix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from method_models import ALL_GENERATORS, batches, corpus, generator, method, players, weights
from torch import Tensor, nn

from seqgen.experiment.support import GENERATORS as KINDS
from seqgen.experiment.support import REWRITING, SUPPORT, table
from seqgen.methods.protocol import Loss, Method, Moment
from seqgen.recipe import methods as method_settings
from seqgen.recipe import networks
from seqgen.training.phases import Phase
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer

PAIRS = [(name, kind) for name, kinds in SUPPORT.items() for kind in kinds]


def kinds_of(union: Any) -> set[str]:
    """The kinds of a tagged union of settings."""
    return {kind for settings in get_args(get_args(union)[0]) for kind in settings.kinds()}


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, those not saved too, copied."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


class Watch:
    """A method that looks at all modules around every update of its player."""

    def __init__(self, inner: Method) -> None:
        self.inner = inner
        self.modules, self.players = inner.modules, inner.players
        self.losses: list[tuple[str, dict[str, float]]] = []
        self.moved: dict[str, set[str]] = {name: set() for name in inner.players}

    def turns(self, round: int) -> Any:
        return self.inner.turns(round)

    def begin(self, player: str, moment: Moment) -> None:
        self.before = {name: tensors(module) for name, module in self.modules.items()}
        self.inner.begin(player, moment)

    def loss(self, player: str, batch: Any, moment: Moment) -> Loss | None:
        return self.inner.loss(player, batch, moment)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        self.losses.append((player, dict(parts)))
        for name, module in self.modules.items():
            now = tensors(module)
            changed = {key for key in now if not torch.equal(now[key], self.before[name][key])}
            if name not in self.players[player]:
                assert not changed, f"{player}'s turn changed {name}: {sorted(changed)}"
            self.moved[player] |= {f"{name}.{key}" for key in changed}
        self.inner.stepped(player, moment, parts)

    def state_dict(self) -> dict[str, Any]:
        return self.inner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.inner.load_state_dict(state)


def test_the_matrix_names_the_kinds_of_recipes() -> None:
    assert set(KINDS) == kinds_of(networks.Generator) == set(ALL_GENERATORS)
    methods = get_args(get_args(method_settings.Method)[0])
    writing = {kind for one in methods if "generator" in one.needs for kind in one.kinds()}
    assert set(SUPPORT) == writing
    assert all(set(kinds) <= set(KINDS) for kinds in SUPPORT.values())


def test_the_table_has_a_row_a_method_and_a_column_a_generator() -> None:
    head, rule, *rows = table().splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["method", *KINDS]
    assert rule.count("|") == head.count("|")
    for row, (name, kinds) in zip(rows, SUPPORT.items(), strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells == [name, *("yes" if kind in kinds else "" for kind in KINDS)]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_two_rounds_move_all_own_parameters_and_nothing_else(name: str, kind: str) -> None:
    watch = Watch(method(name, generator(kind), corpus()))
    last = list(watch.turns(0))[-1]
    steps = 2 * list(watch.turns(0)).count(last)
    data = batches(data=corpus(labelled=kind in REWRITING))
    outcome = Trainer([Phase(watch, steps)], players(watch), data).train()
    assert (outcome.steps, outcome.rounds) == (steps, 2)
    assert [player for player, _ in watch.losses] == list(watch.turns(0)) * 2
    for player, parts in watch.losses:
        figures = torch.tensor(list(parts.values()))
        assert figures.isfinite().all(), (player, parts)
        assert parts["gradient-norm"] > 0
    assert last == "generator"
    for player, names in watch.players.items():
        own = {f"{m}.{key}" for m in names for key, _ in watch.modules[m].named_parameters()}
        assert own <= watch.moved[player], sorted(own - watch.moved[player])


def trained(
    name: str, kind: str, folder: Path, steps: int, resume: bool = False
) -> tuple[Trainer, Method]:
    """Fresh objects, trained up to so many steps."""
    made = method(name, generator(kind), corpus())
    with Run.open(folder, write=True) if resume else Run.create(folder) as run:
        phase = Phase(made, steps, kind=name)
        data = batches(data=corpus(labelled=kind in REWRITING))
        trainer = Trainer([phase], players(made), data, seed=9, run=run, save_every=1)
        trainer.train(resume=resume)
    return trainer, made


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """A state with its tensors and values by path."""
    if isinstance(value, Mapping):
        parts = [flat(inner, f"{name}.{key}") for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        parts = [flat(inner, f"{name}.{number}") for number, inner in enumerate(value)]
    else:
        return {name: value}
    return {key: inner for part in parts for key, inner in part.items()}


def assert_equal(left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    assert left.keys() == right.keys()
    for key, value in left.items():
        same = torch.equal(value, right[key]) if isinstance(value, Tensor) else value == right[key]
        assert same, key


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_four_rounds_equal_two_and_a_resume(name: str, kind: str, tmp_path: Path) -> None:
    straight, theirs = trained(name, kind, tmp_path / "straight", 4)
    middle = weights(trained(name, kind, tmp_path / "resumed", 2)[1])
    resumed, ours = trained(name, kind, tmp_path / "resumed", 4, resume=True)
    assert_equal(weights(ours), weights(theirs))
    assert not all(torch.equal(v, middle[k]) for k, v in weights(ours).items())
    assert_equal(flat(ours.state_dict()), flat(theirs.state_dict()))
    for player in straight.players:
        states = [flat(t.players[player].state_dict()) for t in (resumed, straight)]
        assert_equal(*states)
    assert resumed.position == straight.position
