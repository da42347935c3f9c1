"""What README promises is there and runs: set-up commands, support table, recipes, verbs and
options."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seqgen.commands.main import VERBS, main
from seqgen.evaluation.sampling import sample
from seqgen.experiment.support import discriminator_table, table
from seqgen.generators.protocol import Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.randomness import Stream
from seqgen.recipe import files
from seqgen.recipe.overrides import override
from seqgen.text.encoded import Encoded
from seqgen.text.grammar import Grammar
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.batches import Batches
from seqgen.training.phases import Phase
from seqgen.training.player import Player
from seqgen.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
SET_UP = [
    "pip install -c constraints.txt . && seqgen train quickstart",
    "pip install -c constraints.txt -e '.[test]' && pytest",
]
COMMANDS = [
    line.split("    #")[0]
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line and line not in SET_UP
]


def test_two_commands_do_all_the_set_up() -> None:
    assert [line for line in README.splitlines() if line.startswith("pip ")] == SET_UP
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert 'grep -E "^pip install -c constraints.txt" README.md' in script


def test_the_support_table_is_the_code_s() -> None:
    assert table() in README
    assert discriminator_table() in README


def test_every_recipe_of_the_tables_exists_and_every_recipe_is_named() -> None:
    named = set(re.findall(r"`((?:text|style|images|judge)/[\w-]+)`", README)) | {"quickstart"}
    assert named == set(files.names())


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command: str) -> None:
    words = shlex.split(command)
    words = words[words.index("seqgen") :]
    assert words[1] in VERBS
    if words[1] != "train" or "--resume" in words:
        return
    own = {"--seeds", "--init", "--name"}
    skip = {i for i, word in enumerate(words) if word in own or words[i - 1] in own}
    override(files.read(words[2]), [w for i, w in enumerate(words) if i > 2 and i not in skip])


TINY = shlex.split(
    "--corpus.count 200 --corpus.valid 16 --corpus.test 16 --generator.width 8 "
    "--generator.hidden 8 --batch 8 --phases.0.steps 4 --evaluate.every 4 --evaluate.samples 8"
)
VERBS_OF_USE = (
    "generate", "score", "transfer", "export", "evaluate", "compare", "report", "judge",
)  # fmt: skip
USES = [command for command in COMMANDS if shlex.split(command)[1] in VERBS_OF_USE]
# So that drawing and measuring take a moment only; the command stays the README's otherwise.
LESS = {
    f"runs/{name}": ["--count", "12"]
    for name in ("quickstart", "mle-lstm-seed1", "mle-oracle@best", "mle@best")
}


ORACLE = (
    "--corpus.vocabulary 20 --corpus.length 5 --corpus.count 64 --corpus.valid 16 --batch 8 "
    "--generator.width 8 --generator.hidden 8 --evaluate.samples 8 --phases.0.steps 2"
)
UPDATES = "--phases.1.steps 1 --phases.2.steps 2 --phases.2.method.rollouts 1"
SMALL = "--discriminator.widths 1 2 --discriminator.channels 4"


FEW = "--corpus.count 64 --corpus.valid 8 --corpus.test 8 --batch 4 --phases.0.steps 2 --no-report"
LESS_STYLE = (
    "--phases.1.steps 2 --evaluate.samples 8 --generator.width 8 --generator.heads 2 "
    "--discriminator.width 8 --discriminator.heads 2"
)
STYLE = [
    f"style/quickstart --name style {FEW} {LESS_STYLE}",
    f"judge/linear --name captions-judge {FEW}",
]


def language_gans(runs: Path) -> list[str]:
    """The README's commands for language GANs, all of them tiny."""
    tiny, no_labels = shlex.join(TINY), "--corpus.labels false"
    told = {
        "train text/gumbel-small --seeds 1,2,3": f"{tiny} --discriminator.hidden 8",
        f"train quickstart {no_labels} --name mle": tiny,
        "train text/seqgan-small --init runs/mle@best --seeds 1,2,3": f"{tiny} {UPDATES} {SMALL}",
        "train text/mle-oracle": f"{ORACLE} --phases.1.steps 2",
        "train text/seqgan-oracle-small --init runs/mle-oracle@best --seeds 1,2,3":
            f"{ORACLE} {UPDATES} {SMALL}",
        "train text/constant-reward-oracle-small --init runs/mle-oracle@best --seeds 1,2,3":
            f"{ORACLE} --phases.1.steps 2",
    }  # fmt: skip
    assert {f"seqgen {command}" for command in told} <= set(COMMANDS)
    return [
        f"{command} {less} --no-report".replace("--init runs", f"--init {runs}")
        .replace("--seeds 1,2,3", "--seeds 1,2" if "seqgan" in command else _first(command))
        for command, less in told.items()
    ]  # fmt: skip


def _first(command: str) -> str:
    """One run, named as the first of several seeds is."""
    recipe = shlex.split(command)[1].partition("/")[2]
    return f"--seed 1 --name {recipe}-seed1"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs and files the README speaks of, all of them tiny."""
    folder = tmp_path_factory.mktemp("readme")
    quiet = ["--threads", "1", "--quiet", "--runs", str(folder / "runs")]
    assert main(["train", "quickstart", *TINY, *quiet]) == 0
    assert main(["train", "quickstart", *TINY, *quiet, "--seeds", "1,2", "--name", "mle-lstm"]) == 0
    other = ["--name", "scheduled-sampling", "--generator.hidden", "9"]
    assert main(["train", "quickstart", *TINY, *quiet, *other]) == 0
    (folder / "sentences.txt").write_text("a man\n\na woman\n")
    lines = ["the food was great", "a man is happily stirring a pot", "the dog sleeps on a bench"]
    for name in ("generated", "test", "train", "my", "my-valid"):
        (folder / f"{name}.txt").write_text("".join(f"{line} {name}\n" for line in 4 * lines))
    styled = {0: "the food was bad and cold", 1: "the food was good and warm"}
    for label in styled:
        for name in ("train", "dev", "test", "out", "reference0", "reference1"):
            shown = styled[label if name in ("train", "dev", "test") else 1 - label]
            rows = (f"{shown} {word}\n" for word in ("today", "always", "here", "there", "now"))
            (folder / f"{name}.{label}").write_text("".join(rows))
    for command in language_gans(folder / "runs"):
        assert main([*shlex.split(command), *quiet]) == 0
    judge = shlex.split("train judge/linear --phases.0.steps 4 --evaluate.every 4 --batch 4")
    for split in ("styles train", "valid dev", "test test"):
        option, name = split.split()
        files = ["negative", str(folder / f"{name}.0"), "positive", str(folder / f"{name}.1")]
        judge += [f"--corpus.{option}", *files]
    assert main([*judge, *quiet]) == 0
    for command in STYLE:
        assert f"seqgen train {command.split(' --corpus')[0]}" in COMMANDS
        assert main(["train", *shlex.split(command), *quiet]) == 0
    text = [str(folder / "train.0"), str(folder / "train.1")]
    assert main(["judge", "train", *text, "--out", str(folder / "yelp.arpa"), "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("command", USES)
def test_what_is_done_with_a_trained_model_works(
    command: str,
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(trained)
    words, _, given = command.partition("<")
    data = Path(given.strip()).read_bytes() if given else b""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    verb, *arguments = shlex.split(words)[1:]
    if verb in ("evaluate", "compare"):
        arguments += LESS.get(arguments[0], [])
    assert main([verb, *arguments]) == 0
    out = capsys.readouterr().out.split("\n")[:-1]
    if verb == "generate":
        assert len(out) == int(arguments[arguments.index("--count") + 1])
    elif verb == "score" or arguments[0] in ("score", "classify"):
        assert [bool(line) for line in out] == [True, False, True]
    elif verb == "transfer":
        assert len(out) == 3 and ("--json" in arguments or not out[1])
    elif verb == "export":
        assert (trained / out[0] / "generator.safetensors").is_file()
    else:
        assert out


def test_all_uses_of_a_trained_model_were_found() -> None:
    assert {shlex.split(command)[1] for command in USES} == set(VERBS_OF_USE)


PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_python_block_runs(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    [code] = [block for block in PYTHON if "load(" in block]
    space: dict[str, object] = {}
    *lines, generating, scoring = code.strip().splitlines()
    exec(compile("\n".join(lines), "README.md", "exec", dont_inherit=True), space)
    assert len(eval(generating, space)) == 10
    assert [value < 0 for value in eval(scoring, space)] == [True]


def test_the_metrics_block_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = [block for block in PYTHON if "seqgen.metrics" in block]
    exec(compile(code, "README.md", "exec", dont_inherit=True), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["bleu-2", "self-bleu-2"]


def test_a_method_of_ones_own_trains_in_less_than_25_lines() -> None:
    [code] = [block for block in PYTHON if "Stateless" in block]
    assert len([line for line in code.splitlines() if line.strip()]) < 25
    space: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), space)
    texts = [sentence for sentence, _ in Grammar.default().sample(64, seed=1)]
    vocabulary = Vocabulary.train(texts, "word")
    specials = Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)
    torch.manual_seed(0)
    model = Recurrent(len(vocabulary), specials, width=8, hidden=16)
    word = int(vocabulary.encode_flat(["dog"]).ids[0])
    player = Player(torch.optim.Adam(model.parameters(), 0.03), clip=5.0)
    batches = Batches(Encoded.build(texts, vocabulary, limit=12), 32)
    phase = Phase(space["FavouriteWord"](model, word, 12), 40)
    Trainer([phase], {"generator": player}, batches).train()
    drawn = sample(model, 100, 12, Stream.of(4, "test"))
    assert float((drawn.tokens == word).sum() / drawn.lengths.sum()) > 0.5


def test_the_gans_that_begin_without_likelihood_are_those_it_names() -> None:
    gans = {"seqgan", "gumbel-softmax", "inverse-reinforcement", "control-reward"}
    without = {
        name
        for name in files.names()
        for kinds in [[phase.method.kind for _, phase in files.read(name).walk()]]
        if gans & set(kinds) and kinds[0] != "teacher-forcing"
    }
    [said] = re.findall(
        r"GANs begin\nwith a phase of likelihood, but for (.*?)\.", README, re.DOTALL
    )
    assert set(re.findall(r"`([^`]+)`", said)) == without
