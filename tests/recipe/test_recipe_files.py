"""Recipes are found by name and path, read, and written so that they read back equal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seqgen.errors import UserError
from seqgen.recipe import files, syntax
from seqgen.recipe.data import FilesCorpus
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2]
NAMES = files.names()


def test_names_are_the_files_of_the_recipes_folder() -> None:
    folder = ROOT / "recipes"
    there = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml")}
    assert set(NAMES) == there
    assert "quickstart" in there


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_reads_back_equal(name: str) -> None:
    recipe = files.read(name)
    assert files.parse(files.write(recipe), "written") == recipe


@pytest.mark.parametrize("valid", ["1", "500", "0.5", "last:500", "500.txt", "none"])
def test_what_is_held_out_reads_back_as_the_same_type(valid: str) -> None:
    recipe = override(files.read("text/mle-lstm"), ["--corpus.valid", valid])
    back = files.parse(files.write(recipe), "written")
    assert isinstance(recipe.corpus, FilesCorpus) and isinstance(back.corpus, FilesCorpus)
    assert back.corpus.valid == recipe.corpus.valid
    assert type(back.corpus.valid) is type(recipe.corpus.valid)


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_has_the_header_and_says_what_it_is(name: str) -> None:
    text = files.find(name).text()
    for word in ("# Paper:", "# Needs:", f"# Command:  seqgen train {name}", "# Expected:"):
        assert word in text
    assert files.about(name) == files.read(name).about


def test_a_changed_recipe_reads_back_equal() -> None:
    flags = (
        "--corpus.train a.txt --name 1e-3 --phases.0.players.generator.rate 1e-5 "
        "--about null --needs on --save.every 7"
    )
    recipe = override(files.read("quickstart"), flags.split())
    back = files.parse(files.write(recipe), "written")
    assert back == recipe
    assert files.differences(back, recipe) == []
    assert (back.name, back.about, back.needs) == ("1e-3", "null", "on")
    assert back.phases[0].players["generator"].model_fields_set == {"rate"}


def test_a_path_works_with_or_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = files.find("quickstart").text()
    (tmp_path / "ein Rezept ü.yaml").write_text("\ufeff" + text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    wanted = files.read("quickstart")
    for name in ("ein Rezept ü.yaml", str(tmp_path / "ein Rezept ü.yaml"), "~/ein Rezept ü.yaml"):
        assert files.read(name) == wanted


def test_names_work_with_the_suffix_and_from_any_folder(tmp_path: Path) -> None:
    code = "from seqgen.recipe.files import read; print(read('text/mle-lstm.yaml').generator.kind)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "lstm\n"


@pytest.mark.parametrize(
    ("given_name", "near"),
    [
        ("quickstrat", "quickstart"),
        ("mle-lstm", "text/mle-lstm"),
        ("txt/mle-lstm", "text/mle-lstm"),
    ],
)
def test_an_unknown_name_gives_the_near_ones(given_name: str, near: str) -> None:
    with pytest.raises(UserError, match=f"did you mean .*{near}"):
        files.find(given_name)


def test_neither_a_folder_nor_nonsense_is_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        files.find(str(tmp_path))
    with pytest.raises(UserError, match="seqgen recipes list"):
        files.find("zzzzzz")
    with pytest.raises(UserError, match="no recipe"):
        files.find("../recipes/quickstart")


def test_a_recipe_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"about: \xff\n")
    with pytest.raises(UserError, match="not UTF-8"):
        files.read(str(tmp_path / "a.yaml"))


def test_about_may_span_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# head\nabout: >-\n  one\n  two\nseed: 1\n")
    assert files.about(str(tmp_path / "a.yaml")) == "one two"


def test_a_recipe_without_sentences_says_what_to_write() -> None:
    recipe = files.read("text/mle-lstm")
    said = files.missing_corpus(recipe, "text/mle-lstm")
    assert said is not None and "seqgen train text/mle-lstm --corpus.train my.txt" in said
    for change in ("--corpus.train a.txt", "--corpus.styles a b", "--corpus.kind grammar"):
        assert files.missing_corpus(override(recipe, change.split()), "text/mle-lstm") is None


def test_differences_are_dotted_names() -> None:
    one = files.read("text/mle-lstm")
    other = override(one, ["--seed", "5", "--phases.0.steps", "9", "--generator.kind", "gru"])
    assert files.differences(one, other) == ["generator.kind", "phases.0.steps", "seed"]
    assert files.differences(one, one) == []


plain = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(10**9), 10**9)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(max_size=12)
    | some.sampled_from(
        ["1e-3", "on", "null", "0x10", "007", "1:30", "~", "2024-01-01", "<<", "="]
    ),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(some.dictionaries(some.text(max_size=6), plain, min_size=1, max_size=4))
def test_whatever_is_written_reads_back_equal(data: dict[str, object]) -> None:
    back, _, problems = syntax.parse(syntax.write(data))
    assert problems == []
    assert back == data


def test_a_recipe_cannot_be_changed() -> None:
    recipe: Recipe = files.read("quickstart")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]
