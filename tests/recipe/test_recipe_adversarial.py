"""Recipes of language GANs: what goes together, and what is refused before anything is built."""

from __future__ import annotations

import shlex
from typing import get_args

import pytest

from seqgen.experiment.plan import total_updates, updates
from seqgen.methods.adversarial import PAIRS
from seqgen.recipe.adversarial import LABELLED, PROBABLE, Pair
from seqgen.recipe.files import parse, write
from seqgen.recipe.overrides import override
from seqgen.recipe.problems import RecipeError
from seqgen.recipe.recipe import Phase, Recipe

GAN = parse(
    """
about: a language GAN
corpus: {kind: grammar}
vocabulary: {kind: word}
generator: {kind: lstm}
discriminator: {kind: convolution}
phases:
  - {method: {kind: teacher-forcing}, steps: 10}
  - {method: {kind: seqgan}, only: [discriminator], steps: 12}
  - {method: {kind: seqgan, discriminator_steps: 3}, steps: 10}
players: {generator: {}, discriminator: {}}
batch: 64
""",
    "a GAN",
)
INVERSE = "--phases.1.method.kind inverse-reinforcement --phases.2.method.kind "
INVERSE += "inverse-reinforcement --discriminator.kind token-reward"
GUMBEL = "--phases.2.method.kind gumbel-softmax"
RECURRENT = "--discriminator.kind recurrent --discriminator.bidirectional false"


def change(flags: str) -> Recipe:
    return override(GAN, shlex.split(flags))


def both(*settings: str) -> str:
    """Settings of the method, of the discriminator's phase and of the generator's."""
    return " ".join(f"--phases.{phase}.method.{one}" for phase in (1, 2) for one in settings)


def test_pairs_and_what_they_allow_are_those_of_the_methods() -> None:
    assert get_args(Pair) == tuple(PAIRS)
    assert {name for name, pair in PAIRS.items() if pair.log_ratio} == set(PROBABLE)
    assert {name for name, pair in PAIRS.items() if pair.smoothed} == set(LABELLED)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_without_a_probability_allows_the_logit_only(pair: str) -> None:
    for reward in ("probability", "log-probability"):
        flags = f"--phases.2.method.pair {pair} --phases.2.method.reward {reward}"
        if PAIRS[pair].log_ratio is None:
            with pytest.raises(RecipeError, match=f"pair {pair} has no probability.*to logit"):
                change(flags)
        else:
            change(f"{flags} --phases.1.method.pair {pair}")
    change(both(f"pair {pair}", "reward logit"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            "--discriminator none",
            "missing; seqgan .at phases.1.*: convolution, recurrent, transformer, projection$",
        ),
        (f"{INVERSE} --discriminator none", "missing; inverse-rein.* a kind: token-reward$"),
        (
            f"{GUMBEL} --phases.2.method.prefixes real --discriminator none",
            "missing; seqgan .* a kind: projection$",
        ),
        (
            "--phases.1.method.kind control-reward --phases.1.only none "
            "--phases.2.method.kind control-reward --players '{generator: {}}'",
            "discriminator: no phase trains or asks it",
        ),
        ("--discriminator.kind behavior", "behavior does not suit seqgan .at phases.1.; it takes"),
        ("--discriminator.kind token-reward", "it takes convolution, recurrent, transformer"),
        (
            "--phases.2.method.kind professor-forcing --discriminator.kind recurrent",
            "recurrent does not suit professor-forcing .at phases.2.; it takes behavior",
        ),
        (f"{INVERSE} --discriminator.kind transformer", "inverse-reinforcement .* token-reward"),
        (f"{INVERSE} --batch 100", "phases.1.method.buffer: 1536 is no multiple .*; 1600 would be"),
        (f"{INVERSE} --batch 2000", "1536 is no multiple of the batch of 2000; 2000 would be"),
        ("--discriminator.kind recurrent --discriminator.per_token", "bidirectional to false"),
        (f"{RECURRENT} --discriminator.per_token", "phases.1.method.rollouts: 16 given.* to 0"),
        ("--discriminator.kind projection", "phases.1.method.rollouts: 16 given.* to 0"),
        (f"{GUMBEL} --phases.2.method.draws 2", "draws 2 given.* to 1, or prefixes to real"),
        (
            f"{GUMBEL} --phases.2.method.prefixes real",
            "discriminator.kind: convolution cannot score .*phases.2.*take projection, or set pref",
        ),
        ("--discriminator.kind transformer --discriminator.limit 5", "discriminator.limit: 5 is"),
        ("--discriminator.kind transformer --discriminator.heads 7", "no multiple of heads 7"),
        ("--discriminator.widths 2 3", "12 channels for 2 widths"),
        ("--phases.2.method.smoothing 0.1 --phases.2.method.pair kl", "kl has no labels"),
        ("--phases.2.method.penalty.weight 1", "phases.2.method.penalty.kind: missing"),
        ("--phases.2.method.weight_clip 0", "greater than 0"),
        ("--phases.2.method.anchor -1", "greater than or equal to 0"),
        ("--phases.2.method.kind control-reward --phases.2.method.control zero", "'zero' given"),
        ("--phases.2.method.kind gumbel-softmax --phases.2.method.temperature.end 1", "kind"),
    ],
)
def test_what_does_not_go_together_is_refused(flags: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        change(flags)


@pytest.mark.parametrize(
    ("flags", "words", "remedy"),
    [
        (
            "--phases.2.method.pair wasserstein --phases.2.method.reward logit",
            "phases.2.method.pair: pair wasserstein given, and phases.1 has pair non-saturating",
            "--phases.1.method.pair wasserstein --phases.1.method.reward logit",
        ),
        (
            "--phases.1.method.pair hinge --phases.1.method.reward logit",
            "phases.2.method.pair: pair non-saturating given, and phases.1 has pair hinge",
            "--phases.1.method.pair non-saturating",
        ),
        (
            "--phases.2.method.smoothing 0.1 --phases.2.method.weight_clip 0.5",
            "smoothing 0.1, weight_clip 0.5 given, and phases.1 has smoothing 0.0, weight_clip no",
            "--phases.1.method.smoothing 0.1 --phases.1.method.weight_clip 0.5",
        ),
        (
            "--phases.2.method.penalty.kind r1 --phases.2.method.penalty.weight 0.5",
            "penalty r1 (weight 0.5) given, and phases.1 has penalty none",
            "--phases.1.method.penalty.kind r1 --phases.1.method.penalty.weight 0.5",
        ),
        (
            "--phases.1.method.penalty.kind r1",
            "penalty none given, and phases.1 has penalty r1 (weight 10)",
            "--phases.1.method.penalty none",
        ),
    ],
)
def test_phases_of_a_method_agree_on_the_discriminator(flags: str, words: str, remedy: str) -> None:
    with pytest.raises(RecipeError) as caught:
        change(flags)
    [problem] = caught.value.problems
    assert words in problem and f"Set phases.1 too: {remedy}, or" in problem
    change(f"{flags} {remedy}")  # what it says helps


def test_a_missing_network_is_told_once() -> None:
    for network in ("generator", "discriminator"):
        with pytest.raises(RecipeError) as caught:
            change(f"--{network} none")
        assert str(caught.value).count("missing") == 1


def test_a_misfit_is_told_once_for_each_method() -> None:
    with pytest.raises(RecipeError) as caught:
        change("--discriminator.kind behavior")
    assert str(caught.value).count("does not suit") == 1


@pytest.mark.parametrize(
    "flags",
    [
        INVERSE,
        f"{INVERSE} --phases.2.method.entropy 0 --batch 512",
        "--discriminator.kind transformer",
        f"{RECURRENT} --discriminator.per_token --phases.1.method.rollouts 0 "
        "--phases.2.method.rollouts 0",
        f"{GUMBEL} --phases.2.method.prefixes real --phases.2.method.draws 3 "
        "--discriminator.kind projection --phases.1.method.rollouts 0",
        "--phases.2.method.rollouts 0",
        f"{GUMBEL} --phases.2.method.prefixes real --phases.2.method.draws 3 "
        "--discriminator.kind projection --phases.1.method.rollouts 0",
        "--discriminator.widths 2 3 --discriminator.channels 50",
        "--discriminator.widths 2 3 --discriminator.channels 50 60",
        f"--discriminator.spectral_norm {both('weight_clip 0.01')}",
        both("penalty.kind r1", "penalty.weight 0.5"),
        both("smoothing 0.1", "pair least-squares", "reward logit"),
        # Another method may ask other things of the discriminator.
        f"{GUMBEL} --phases.2.method.pair relativistic",
        # What a score is worth is the generator's affair.
        "--phases.2.method.reward logit",
        "--phases.2.method.kind control-reward --phases.2.method.control random",
        "--phases.2.method.kind gumbel-softmax --phases.2.method.temperature.kind linear "
        "--phases.2.method.temperature.end 0.2 --phases.2.method.hard",
        "--phases.2.method.baseline learned",
    ],
)
def test_what_goes_together_passes_and_reads_back(flags: str) -> None:
    recipe = change(flags)
    assert recipe != GAN
    assert parse(write(recipe), "written") == recipe


def test_a_control_needs_no_discriminator() -> None:
    control = parse(
        """
about: a control
corpus: {kind: grammar}
vocabulary: {kind: word}
generator: {kind: lstm}
phases: [{method: {kind: control-reward}, steps: 10}]
""",
        "a control",
    )
    assert control.discriminator is None and list(control.players) == ["generator"]


def phase(recipe: Recipe, number: int) -> Phase:
    found = recipe.phases[number]
    assert isinstance(found, Phase)
    return found


def test_turns_say_how_many_updates_each_player_makes() -> None:
    assert total_updates(GAN, "generator") == 20
    assert total_updates(GAN, "discriminator") == 12 + 30
    often = change("--phases.2.method.likelihood_every 4")
    # four rounds in five have three turns of the discriminator
    assert updates(phase(often, 2), "discriminator", 64) == 24
    inverse = change(f"{INVERSE} --phases.2.method.reward_steps 12 --phases.2.steps 48")
    # 1536 sentences are 24 batches of 64
    assert updates(phase(inverse, 2), "discriminator", 64) == 24
    assert updates(phase(inverse, 2), "discriminator", 128) == 48
