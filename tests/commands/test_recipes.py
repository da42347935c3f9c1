"""`seqgen recipes` as a user runs it: text, streams and exit statuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.commands.main import main
from seqgen.recipe import files

OWN = """\
about: a recipe of one's own
corpus: {kind: grammar}
vocabulary: {kind: word}
generator: {kind: lstm, hidden: 8}
phases:
  - {method: {kind: teacher-forcing, smoothing: 0.25}, steps: 10}
"""


def run(*arguments: str) -> int:
    return main(["recipes", *arguments])


def test_list_shows_every_recipe_with_what_it_is_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == files.names()
    assert all(files.about(name) in line for name, line in zip(files.names(), lines, strict=True))


def test_show_prints_the_file_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "quickstart") == 0
    assert capsys.readouterr().out == files.find("quickstart").text()


def test_show_settings_lists_flags_values_and_meanings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(OWN)
    assert run("show", str(tmp_path / "mine.yaml"), "--settings") == 0
    out = capsys.readouterr().out
    assert "  --phases.0.method.smoothing 0.25\n" in out
    assert "One of: lstm, gru, transformer, relational, pretrained, style-transformer." in out


def test_check_tells_all_problems_of_all_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, worse = (tmp_path / name for name in ("good.yaml", "bad.yaml", "worse.yaml"))
    good.write_text(OWN)
    bad.write_text(OWN.replace("hidden:", "hiden:").replace("steps: ", "steps: -"))
    worse.write_text("a: [1\n")
    assert run("check", *map(str, (good, bad, worse))) == 2
    out, err = capsys.readouterr()
    assert out == f"{good}: fine\n"
    assert f"the recipe {bad} has 2 problems:" in err
    assert "did you mean hidden?" in err
    assert f"{worse}:2: not YAML" in err
    assert "Traceback" not in err


def test_check_mentions_a_corpus_that_has_to_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "text/mle-lstm") == 0
    assert "--corpus.train my.txt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lst"], "did you mean list?"),
        (["show"], "required: name"),
        (["show", "quickstrat"], "did you mean quickstart or style/quickstart?"),
        (["check"], "required: recipes"),
        (["check", "no-such.yaml"], "no recipe and no file 'no-such.yaml'"),
        (["list", "more"], "unrecognized arguments: more"),
        (["show", "quickstart", "--setings"], "unrecognized arguments: --setings"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["check", "-h"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 0
    assert "usage: seqgen recipes" in capsys.readouterr().out


def test_no_action_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 2
    assert "seqgen recipes check FILE" in capsys.readouterr().err
