from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from training_toys import Batch, Duel, Fit, Vectors, adam, batches, same, weights

from seqgen.errors import RunFailure
from seqgen.methods.protocol import Loss, Moment, Term
from seqgen.training.batches import Batches
from seqgen.training.errors import NonFiniteError
from seqgen.training.player import Player
from seqgen.training.trainer import EvaluationMoment, Phase, Repeat, Selection, Trainer


def players(method: Duel | Fit, rate: float = 0.01) -> dict[str, Player]:
    return {name: adam(module, rate) for name, module in method.modules.items()}


def fresh(kind: type[Any], **settings: Any) -> Any:
    torch.manual_seed(0)
    return kind(**settings)


def test_a_loop_of_ones_own_is_three_lines() -> None:
    method = fresh(Fit, dropout=0.0)
    data = Vectors()

    def error() -> float:
        return float(
            (method.modules["generator"](data.vectors) - data.vectors).square().mean().item()
        )

    before = error()
    player = adam(method.modules["generator"])
    outcome = Trainer([Phase(method, 150)], {"generator": player}, Batches(data, 8, seed=1)).train()
    assert outcome.steps == player.updates == 150
    assert error() < 0.5 * before


def test_only_the_player_whose_turn_it_is_changes_and_its_modules_alone_train() -> None:
    class Watched(Duel):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            for name, module in self.modules.items():
                assert all(part.training == (name == player) for part in module.modules())
            self.before = weights(self.modules)
            return super().loss(player, batch, moment)

        def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
            after = weights(self.modules)
            for name in self.modules:
                kept = {k: torch.equal(v, self.before[k]) for k, v in after.items() if name in k}
                assert all(kept.values()) if name != player else not any(kept.values()), kept
            grads = [p.grad for m in self.modules.values() for p in m.parameters()]
            assert grads == [None] * len(grads)
            self.seen = {*getattr(self, "seen", ()), player}

    method = fresh(Watched)
    Trainer([Phase(method, 6)], players(method), batches()).train()
    assert method.seen == {"generator", "discriminator"}


def test_steps_count_the_last_named_player_and_only_leaves_turns_out() -> None:
    method = fresh(Duel)
    mine = players(method)
    outcome = Trainer(
        [Phase(method, 4, only=("discriminator",)), Phase(method, 5)], mine, batches()
    ).train()
    # Two turns in each of the first two rounds of a phase, then one; then 2 + 2 + 1 + 1 + 1.
    assert mine["generator"].updates == 5 and mine["discriminator"].updates == 4 + 7
    assert outcome.steps == 9 and outcome.rounds == 2 + 5


def test_moments_count_updates_by_kind_and_group_and_rounds_by_phase() -> None:
    first, second = fresh(Duel), fresh(Duel)
    second.modules = first.modules
    plan = [
        Phase(first, 2, only=("generator",)),
        Repeat(2, [Phase(second, 2, only=("generator",)), Phase(first, 1, kind="other")]),
        Phase(first, 1, group=1, only=("generator",)),
    ]
    Trainer(plan, players(first), batches()).train()
    assert [m for m in second.begun if m[0] == "generator"] == [
        ("generator", 0, 2), ("generator", 1, 3), ("generator", 2, 4), ("generator", 3, 5),
    ]  # fmt: skip
    assert [m[1:] for m in first.begun if m[0] == "generator"] == [
        (0, 0), (1, 1), (0, 0), (1, 1), (0, 0),
    ]  # fmt: skip


def test_a_methods_state_goes_over_to_the_next_phase_of_its_kind_and_group() -> None:
    first, second, third = fresh(Duel), fresh(Duel), fresh(Duel)
    second.modules = third.modules = first.modules
    Trainer(
        [Phase(first, 3), Phase(second, 1, only=("discriminator",)), Phase(third, 1, group=1)],
        players(first),
        batches(),
    ).train()
    assert torch.equal(second.baseline, first.baseline) and float(first.baseline) != 0
    assert torch.equal(second.frozen, first.frozen)
    assert not torch.equal(third.frozen, first.frozen)


class Skipping(Fit):
    """Skips the odd rounds' batches altogether, and the first micro-batch of each round."""

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
        self.asked = getattr(self, "asked", 0) + 1
        if moment.round % 2 or batch.rows[0] == 0:
            return None
        return super().loss(player, batch, moment)


def test_skipped_batches_are_no_updates() -> None:
    method = fresh(Skipping)
    player = adam(method.modules["generator"])
    outcome = Trainer([Phase(method, 3)], {"generator": player}, batches(accumulation=2)).train()
    assert (outcome.steps, outcome.rounds, player.updates) == (3, 5, 3)
    assert method.asked == 10


def test_a_phase_in_which_nobody_ever_moves_is_an_error() -> None:
    class Never(Fit):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            return None

    method = fresh(Never)
    with pytest.raises(RunFailure, match="nobody was updated in 1000 rounds"):
        Trainer([Phase(method, 1, name="stuck")], players(method), batches()).train()


def test_accumulation_two_equals_one() -> None:
    found = []
    for accumulation in (1, 2, 3):
        method = fresh(Duel, dropout=0.0)
        # Batch statistics couple the rows; every other loss must come out the same.
        method.modules["discriminator"][1] = nn.LayerNorm(8)
        Trainer([Phase(method, 6)], players(method), batches(accumulation=accumulation)).train()
        found.append(weights(method.modules))
    for other in found[1:]:
        for key, value in found[0].items():
            torch.testing.assert_close(other[key], value, atol=2e-6, rtol=0)


def test_a_phases_own_players_start_afresh_and_the_others_carry_on() -> None:
    method = fresh(Fit)
    base, own = adam(method.modules["generator"]), adam(method.modules["generator"], 0.5)
    plan = [
        Phase(method, 2),
        Repeat(2, [Phase(method, 3, players={"generator": own}), Phase(method, 1)]),
    ]
    Trainer(plan, {"generator": base}, batches()).train()
    assert (base.updates, own.updates) == (4, 6)
    steps = [state["step"] for state in own.optimizer.state.values()]
    assert all(float(step) == 6 for step in steps)


def test_evaluation_changes_no_parameter() -> None:
    def run(every: int | None) -> dict[str, torch.Tensor]:
        method = fresh(Duel)

        def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
            torch.randn(17)
            assert not torch.is_grad_enabled()
            assert not any(
                m.training for module in method.modules.values() for m in module.modules()
            )
            return {"noise": float(torch.rand(()))}

        Trainer(
            [Phase(method, 7, evaluate_every=every)], players(method), batches(), evaluate=evaluate
        ).train()
        return weights(method.modules)

    assert same(run(None), run(2))


def test_evaluations_happen_every_so_many_steps_and_at_the_end_of_a_phase() -> None:
    method = fresh(Fit)
    moments: list[EvaluationMoment] = []

    def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
        moments.append(moment)
        return {"step": moment.step}

    plan = [
        Phase(method, 5, evaluate_every=2, name="a"),
        Phase(method, 4),
        Phase(method, 2, evaluate_every=2),
    ]
    outcome = Trainer(plan, players(method), batches(), evaluate=evaluate).train()
    assert [(m.step, m.phase, m.final) for m in moments] == [
        (2, "a", False), (4, "a", False), (5, "a", False), (11, "Fit", True),
    ]  # fmt: skip
    assert outcome.metrics == {"step": 11}
    assert len({moment.stream for moment in moments}) == 4


def test_early_stopping_ends_the_phase_after_patience_evaluations() -> None:
    method = fresh(Fit)
    figures = iter([5.0, 3.0, 4.0, float("nan"), 9.0, 9.0, 9.0])

    def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
        return {"figure": next(figures)}

    outcome = Trainer(
        [Phase(method, 50, evaluate_every=2), Phase(method, 7)],
        players(method),
        batches(),
        evaluate=evaluate,
        select=Selection("figure", patience=2),
    ).train()
    # Evaluated at 2, 4 (best), 6 and 8 (worse, not a number): stopped there; then the next phase.
    assert outcome.steps == 8 + 7 and outcome.best == 3.0 and outcome.best_step == 4


def test_higher_is_better_where_asked_for_and_a_missing_metric_is_told() -> None:
    method = fresh(Fit)
    figures = iter([1.0, 3.0, 2.0])
    outcome = Trainer(
        [Phase(method, 3, evaluate_every=1)],
        players(method),
        batches(),
        evaluate=lambda moment: {"bleu": next(figures)},
        select=Selection("bleu", lower_is_better=False),
    ).train()
    assert (outcome.best, outcome.best_step, outcome.stopped_early) == (3.0, 2, False)
    with pytest.raises(ValueError, match=r"'nll'.*\['bleu'\]"):
        Trainer(
            [Phase(method, 1, evaluate_every=1)],
            players(method),
            batches(),
            evaluate=lambda moment: {"bleu": 1.0},
            select=Selection("nll"),
        ).train()


def test_nan_stops_with_step_phase_player_and_term_before_the_parameters_move() -> None:
    class Poisoned(Duel):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            loss = super().loss(player, batch, moment)
            assert loss is not None
            if player == "generator" and moment.updates == 2:
                self.before = weights(self.modules)
                bad = loss.terms["anchor"]._replace(total=loss.terms["anchor"].total * float("nan"))
                return Loss({**loss.terms, "anchor": bad})
            return loss

    method = fresh(Poisoned)
    with pytest.raises(NonFiniteError) as error:
        Trainer([Phase(method, 9, name="play")], players(method), batches()).train()
    assert str(error.value).startswith(
        "step 3, phase 'play', player 'generator': not finite: anchor"
    )
    moved = weights({"generator": method.modules["generator"]})
    assert same(moved, {k: v for k, v in method.before.items() if k.startswith("generator")})


def test_bfloat16_reaches_the_loss_and_the_weights_stay_float32() -> None:
    class Typed(Fit):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            self.kind = self.modules["generator"](batch.vectors).dtype
            return super().loss(player, batch, moment)

    method = fresh(Typed)
    Trainer([Phase(method, 2)], players(method), batches(), precision="bfloat16").train()
    assert method.kind is torch.bfloat16
    assert all(p.dtype is torch.float32 for p in method.modules["generator"].parameters())


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    def run(seed: int) -> dict[str, torch.Tensor]:
        method = fresh(Fit)
        torch.randn(seed + 3)
        Trainer([Phase(method, 4)], players(method), batches(), seed=seed).train()
        return weights(method.modules)

    assert same(run(1), run(1)) and not same(run(1), run(2))


def refused(
    match: str, plan: Sequence[Phase | Repeat], mine: dict[str, Player], **more: Any
) -> None:
    with pytest.raises(ValueError, match=match):
        Trainer(plan, mine, batches(), **more)


def test_mistakes_in_the_plan_are_refused_before_training() -> None:
    method = fresh(Duel)
    mine = players(method)
    refused("no phases", [], mine)
    refused(
        r"no phase has a player named \['critic'\]",
        [Phase(method, 1)],
        {**mine, "critic": mine["generator"]},
    )
    refused(
        r"no optimizer for \['generator'\]",
        [Phase(method, 1)],
        {"discriminator": mine["discriminator"]},
    )
    refused(r"only names \['x'\]", [Phase(method, 1, only=("x", "generator"))], mine)
    refused(r"players names \['x'\]", [Phase(method, 1, players={"x": mine["generator"]})], mine)
    refused("nobody plays", [Phase(method, 1, only=())], mine)
    both = torch.optim.Adam([p for m in method.modules.values() for p in m.parameters()])
    refused("outside its modules", [Phase(method, 1)], {**mine, "generator": Player(both)})
    half = Player(torch.optim.Adam([next(method.modules["generator"].parameters())]))
    changed = Phase(method, 1, players={"generator": half})
    refused("owns other parameters", [Phase(method, 1), changed], mine)
    half_known, other = fresh(Duel), fresh(Duel)
    half_known.modules = {**method.modules, "extra": other.modules["generator"]}
    other.modules = {**method.modules, "extra": nn.Linear(2, 2)}
    refused("another module named 'extra'", [Phase(half_known, 1), Phase(other, 1)], mine)
    refused("precision 'half'", [Phase(method, 1)], mine, precision="half")
    refused("keep 0", [Phase(method, 1)], mine, keep=0)
    refused("save_every 0", [Phase(method, 1)], mine, save_every=0)
    with pytest.raises(ValueError, match="process 0 of 2"):
        Trainer([Phase(method, 1)], mine, batches(world=2))
    with pytest.raises(ValueError, match="steps -1"):
        Phase(method, -1)


def test_a_tensor_with_two_owners_is_refused() -> None:
    method = fresh(Duel)
    method.modules["discriminator"].tied = method.modules["generator"][0]  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"both players 'generator' and 'discriminator'"):
        Trainer([Phase(method, 1)], players(method), batches())


def test_averaged_weights_are_the_moving_average_and_used_only_to_evaluate() -> None:
    def run(average: float | None) -> tuple[dict[str, torch.Tensor], list[dict[str, torch.Tensor]]]:
        method = fresh(Fit)
        seen: list[dict[str, torch.Tensor]] = []

        def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
            seen.append(weights(method.modules))
            return {}

        Trainer(
            [Phase(method, 4, evaluate_every=1)],
            players(method),
            batches(),
            evaluate=evaluate,
            average=average,
        ).train()
        return weights(method.modules), seen

    live, history = run(None)
    averaged_live, averaged = run(0.25)
    assert same(live, averaged_live)
    expected = weights(fresh(Fit).modules)
    for count, (now, found) in enumerate(zip(history, averaged, strict=True)):
        decay = min(0.25, (1 + count) / (10 + count))
        for key in expected:
            expected[key] = decay * expected[key] + (1 - decay) * now[key]
            torch.testing.assert_close(found[key], expected[key], atol=1e-6, rtol=1e-6)
    assert not same(averaged[-1], live)


def test_training_leaves_the_methods_inputs_alone() -> None:
    method = fresh(Fit)
    data = Vectors()
    kept = copy.deepcopy(data.vectors)
    Trainer([Phase(method, 3)], players(method), Batches(data, 5)).train()
    assert torch.equal(kept, data.vectors)


def test_a_term_may_be_weighted_by_plain_numbers() -> None:
    class Plain(Fit):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            error = (self.modules["generator"](batch.vectors) - batch.vectors).square()
            return Loss({"error": Term(error.sum(), error.numel())})

    method = fresh(Plain)
    Trainer([Phase(method, 2)], players(method), batches(accumulation=2)).train()


def test_an_evaluation_before_the_first_round_is_step_0_and_changes_no_training() -> None:
    def run(first: bool) -> tuple[list[tuple[int, float]], dict[str, torch.Tensor], Trainer]:
        method, seen = fresh(Fit), []

        def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
            assert not method.modules["generator"].training
            value = float(torch.rand(()))
            seen.append((moment.step, value))
            return {"figure": float(moment.step)}

        one = Trainer(
            [Phase(method, 4, evaluate_every=2)], players(method), batches(), evaluate=evaluate,
            evaluate_first=first, select=Selection("figure", True),
        )  # fmt: skip
        outcome = one.train()
        assert outcome.best_step == 2  # what a training began with is not its best
        return seen, weights(method.modules), one

    seen, after, _ = run(True)
    without, expected, _ = run(False)
    assert [step for step, _ in seen] == [0, 2, 4]
    assert seen[1:] == without and same(after, expected)
