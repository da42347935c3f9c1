"""Settings given on the command line: by path, by type, for every kind; and their faults."""

from __future__ import annotations

import pytest

from seqgen.recipe.data import FilesCorpus, GrammarCorpus
from seqgen.recipe.discriminators import BehaviorDiscriminator
from seqgen.recipe.files import differences, parse, read, write
from seqgen.recipe.listing import settings
from seqgen.recipe.networks import TransformerGenerator
from seqgen.recipe.overrides import override
from seqgen.recipe.problems import RecipeError
from seqgen.recipe.recipe import Group, Phase, Recipe, Schedule

GROUPED = parse(
    """
about: repeated phases
corpus: {train: my.txt}
vocabulary: {kind: word}
generator: {kind: lstm}
phases:
  - {method: {kind: teacher-forcing}, steps: 10}
  - repeat: 3
    phases:
      - {method: {kind: teacher-forcing}, steps: 2}
      - {method: {kind: scheduled-sampling}, steps: 4}
""",
    "grouped",
)


def change(text: str, recipe: Recipe = GROUPED) -> Recipe:
    return override(recipe, text.split())


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        change(text)
    return caught.value.problems


def test_nothing_given_changes_nothing() -> None:
    assert change("") == GROUPED


@pytest.mark.parametrize(
    ("flags", "name", "value"),
    [
        ("--seed 7", "seed", 7),
        ("--seed=7", "seed", 7),
        ("--seed 6 --seed 7", "seed", 7),
        ("--phases.0.steps 100", "phases.0.steps", 100),
        ("--phases.1.phases.1.steps 5", "phases.1.phases.1.steps", 5),
        ("--phases.1.repeat 9", "phases.1.repeat", 9),
        ("--phases.0.evaluate.every 5", "phases.0.evaluate.every", 5),
        ("--players.generator.rate 1e-3", "players.generator.rate", 1e-3),
        ("--players.generator.rate -0", "players.generator.rate", None),
        ("--players.generator.clip 5", "players.generator.clip", 5.0),
        ("--players.generator.betas 0.5 0.9", "players.generator.betas", (0.5, 0.9)),
        ("--generator.tie", "generator.tie", True),
        ("--generator.tie false", "generator.tie", False),
        ("--evaluate.metrics bleu", "evaluate.metrics", ("bleu",)),
        ("--evaluate.metrics [bleu,distinct]", "evaluate.metrics", ("bleu", "distinct")),
        ("--evaluate.every none", "evaluate.every", None),
        ("--corpus.train a.txt b.txt", "corpus.train", ("a.txt", "b.txt")),
        ("--corpus.train 2024", "corpus.train", "2024"),
        ("--corpus.train -", "corpus.train", "-"),
        ("--corpus.valid 0.2", "corpus.valid", 0.2),
        ("--corpus.valid 500", "corpus.valid", 500),
        ("--corpus.valid 1", "corpus.valid", 1),
        ("--corpus.seed 3", "corpus.seed", 3),
        ("--corpus.valid last:500", "corpus.valid", "last:500"),
        ("--corpus.valid none", "corpus.valid", None),
        ("--name 12", "name", "12"),
        ("--phases.0.only generator", "phases.0.only", ("generator",)),
    ],
)
def test_one_setting(flags: str, name: str, value: object) -> None:
    if value is None and "none" not in flags:
        assert "greater than 0" in faults(flags)[0]
        return
    found: object = change(flags)
    for part in name.split("."):
        if isinstance(found, tuple):
            found = found[int(part)]
        else:
            found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == value
    assert type(found) is type(value)


def test_styles_are_pairs_or_dotted() -> None:
    recipe = read("text/mle-lstm")
    pairs = change("--corpus.styles negative a.txt positive b.txt", recipe)
    assert isinstance(pairs.corpus, FilesCorpus)
    assert pairs.corpus.styles == {"negative": "a.txt", "positive": "b.txt"}
    dotted = "--corpus.styles.negative a.txt --corpus.styles.positive b.txt"
    assert change(dotted, recipe) == pairs
    assert "in turn" in faults("--corpus.styles negative")[0]


def test_validation_and_test_sentences_are_pairs_too() -> None:
    flags = "--corpus.valid a v.txt b w.txt --corpus.styles a x.txt b y.txt --corpus.train none"
    recipe = override(GROUPED, [*flags.split(), "--corpus.test", "{a: t.txt, b: u.txt}"])
    assert isinstance(recipe.corpus, FilesCorpus)
    assert recipe.corpus.valid == {"a": "v.txt", "b": "w.txt"}
    assert recipe.corpus.test == {"a": "t.txt", "b": "u.txt"}
    assert parse(write(recipe), "written") == recipe
    assert change("--corpus.valid v.txt", GROUPED).corpus.valid == "v.txt"


@pytest.mark.parametrize("first", [True, False])
def test_what_implies_a_kind_may_stand_behind_what_all_kinds_have(first: bool) -> None:
    flags = ["--corpus.train a.txt", "--corpus.valid v.txt --corpus.limit 9"]
    recipe = change(" ".join(flags if first else flags[::-1]), read("quickstart"))
    assert recipe.corpus == FilesCorpus(train="a.txt", valid="v.txt", limit=9)


def test_another_kind_starts_at_its_own_defaults() -> None:
    # the width of the LSTM and its other settings must not leak into the Transformer
    for flags in (
        "--generator.kind transformer --generator.heads 8",
        "--generator.heads 8 --generator.kind transformer",
    ):
        recipe = change(f"{flags} --phases.0.steps 3", change("--generator.width 32"))
        assert recipe.generator == TransformerGenerator(heads=8)


def test_kinds_that_share_their_settings_keep_them() -> None:
    recipe = change("--generator.kind gru", change("--generator.width 32"))
    assert differences(recipe, GROUPED) == ["generator.kind", "generator.width"]


def test_a_setting_of_files_makes_the_corpus_one_of_files() -> None:
    recipe = read("quickstart")
    assert isinstance(recipe.corpus, GrammarCorpus)
    assert change("--corpus.train my.txt", recipe).corpus == FilesCorpus(train="my.txt")
    assert change("--corpus.count 7", recipe).corpus == recipe.corpus.model_copy(
        update={"count": 7}
    )
    with pytest.raises(RecipeError, match="known for files"):
        change("--corpus.kind grammar --corpus.train my.txt", recipe)


def test_a_part_the_recipe_lacks_can_be_added() -> None:
    recipe = change(
        "--phases.0.method.kind professor-forcing --discriminator.hidden 16 "
        "--discriminator.kind behavior --players.discriminator.rate 1e-4"
    )
    assert recipe.discriminator == BehaviorDiscriminator(kind="behavior", hidden=16)
    assert recipe.players["discriminator"].rate == 1e-4
    lora = "--generator.kind pretrained --generator.source gpt2 --generator.lora.rank 4"
    generator = change(f"{lora} --vocabulary none").generator
    assert generator.lora is not None
    assert generator.lora.rank == 4


def test_a_change_of_a_phase_touches_only_what_is_given() -> None:
    recipe = change("--phases.1.phases.0.players.generator.rate 1e-2 --players.generator.clip 3")
    group = recipe.phases[1]
    assert isinstance(group, Group)
    player = recipe.player("generator", group.phases[0])
    assert (player.rate, player.clip) == (1e-2, 3.0)
    assert recipe.player("generator", group.phases[1]).rate == recipe.players["generator"].rate


def test_a_change_of_a_schedule_touches_only_what_is_given() -> None:
    recipe = change(
        "--players.generator.schedule.kind cosine --players.generator.schedule.final 0.1 "
        "--phases.0.players.generator.schedule.warmup 5"
    )
    step = recipe.phases[0]
    assert isinstance(step, Phase)
    wanted = Schedule(kind="cosine", warmup=5, final=0.1)
    assert recipe.player("generator", step).schedule == wanted
    assert recipe.players["generator"].schedule == Schedule(kind="cosine", final=0.1)
    assert recipe.model_dump()["phases"][0]["players"] == {"generator": {"schedule": {"warmup": 5}}}
    back = parse(write(recipe), "written")
    assert back == recipe and differences(back, recipe) == []
    again = back.phases[0]
    assert isinstance(again, Phase)
    assert back.player("generator", again).schedule == wanted


def test_a_change_of_something_else_leaves_the_schedule() -> None:
    recipe = change(
        "--players.generator.schedule.kind linear --phases.0.players.generator.rate 0.5"
    )
    step = recipe.phases[0]
    assert isinstance(step, Phase)
    player = recipe.player("generator", step)
    assert (player.rate, player.schedule) == (0.5, Schedule(kind="linear"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--phases.0.only [generator", ["--phases.0.only", "not YAML"]),
        ("--corpus.styles {a:b,a:c", ["--corpus.styles", "not YAML"]),
        ("--generator.hiden 8", ["--generator.hiden", "unknown", "did you mean hidden?"]),
        ("--sed 8", ["--sed", "unknown", "did you mean seed?"]),
        ("--generator.kind lsmt", ["--generator.kind", "'lsmt'", "did you mean lstm?"]),
        ("--generator.width wide", ["--generator.width", "'wide' given", "whole number"]),
        ("--generator.width", ["--generator.width", "needs a value"]),
        ("--batch 3 4", ["--batch", "takes one value", "3 4"]),
        ("--phases.2.steps 3", ["--phases.2.steps", "has 2 entries", "0 to 1"]),
        ("--phases.steps 3", ["--phases.steps", "has 2 entries"]),
        ("--seed.x 3", ["--seed.x", "single value"]),
        ("--discriminator.hidden 3", ["discriminator.kind", "missing", "recurrent"]),
        ("--generator.kind transformer --generator.width 63", ["no multiple of heads", "60 or 64"]),
        ("my.txt", ["'my.txt'", "belongs to no setting"]),
        ("--evaluate.metrics bleu blue", ["evaluate.metrics.1", "did you mean bleu?"]),
    ],
)
def test_a_fault_names_the_flag(flags: str, words: list[str]) -> None:
    (problem,) = faults(flags)
    for word in words:
        assert word in problem


def test_all_faults_are_told_at_once() -> None:
    assert len(faults("--sed 1 --batch -3 --phases.7.steps 1 --generator.tie maybe stray")) == 4


def test_every_listed_setting_can_be_given_back() -> None:
    """The list shows flags and values in the form the command line takes."""
    recipe = change("--corpus.styles a x.txt b y.txt --corpus.train none")
    listed = settings(recipe)
    assert {"--phases.1.phases.0.steps", "--players.generator.schedule.kind"} <= {
        one.flag for one in listed
    }
    assert all(one.meaning for one in listed)
    arguments = []
    for one in listed:
        # what is empty has no value that could be given back
        if one.value not in ("none", ""):
            multiple = one.flag.endswith(("metrics", "betas", "styles"))
            arguments += [one.flag, *(one.value.split() if multiple else [one.value])]
    assert override(recipe, arguments) == recipe
