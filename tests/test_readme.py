"""What README promises is there: set-up commands, support table, recipes, verbs and options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from seqgen.commands.main import VERBS
from seqgen.experiment.support import table
from seqgen.recipe import files
from seqgen.recipe.overrides import override

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


def test_every_recipe_of_the_tables_exists_and_every_recipe_is_named() -> None:
    named = set(re.findall(r"`((?:text|style|images)/[\w-]+)`", README)) | {"quickstart"}
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
