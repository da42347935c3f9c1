"""seqgen export as a user meets it: a new folder, or a reason in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from command_runs import Call, checkpoint, flip_bit
from safetensors.torch import load_file

from seqgen.text.vocabulary import Vocabulary


def test_the_folder_is_written_and_named_on_stdout(
    seqgen: Call, plain: Path, tmp_path: Path
) -> None:
    done = seqgen("export", plain, tmp_path / "model")
    assert (done.status, done.out, done.err) == (0, f"{tmp_path / 'model'}\n", "")
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == [
        "corpus.json",
        "generator.safetensors",
        "recipe.yaml",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    assert Vocabulary.open(tmp_path / "model").checksum == Vocabulary.open(plain).checksum


def test_the_folder_can_be_used_like_the_run(seqgen: Call, plain: Path, tmp_path: Path) -> None:
    assert seqgen("export", plain, tmp_path / "model").status == 0
    given = b"a man\n\na woman\n"
    for folder in (tmp_path / "model", str(tmp_path / "model") + "/"):
        assert seqgen("generate", folder) == seqgen("generate", plain)
        assert seqgen("score", folder, given=given) == seqgen("score", plain, given=given)


@pytest.mark.parametrize("step", [0, 4])
def test_the_weights_are_those_of_the_checkpoint(
    seqgen: Call, plain: Path, tmp_path: Path, step: int
) -> None:
    assert seqgen("export", plain, tmp_path / "model", "--checkpoint", str(step)).status == 0
    found = load_file(tmp_path / "model" / "generator.safetensors")
    expected = load_file(checkpoint(plain, step) / "generator.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def test_any_path_will_do(
    seqgen: Call, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "empty").mkdir()
    for folder in ("~/new folder/mod\u00e8le \u6a21", "~/empty"):
        assert seqgen("export", plain, folder).status == 0
        place = tmp_path / folder.removeprefix("~/")
        assert (place / "generator.safetensors").is_file()


def test_a_folder_with_something_in_it_is_left_alone(
    seqgen: Call, plain: Path, tmp_path: Path
) -> None:
    for name in ("full/note.txt", "file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for name in ("full", "file"):
        done = seqgen("export", plain, tmp_path / name)
        assert (done.status, done.out) == (2, "")
        assert "exists already and is no empty folder; give a new one" in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_where_the_run_is_damaged(seqgen: Call, copy: Path, tmp_path: Path) -> None:
    flip_bit(checkpoint(copy, 2) / "generator.safetensors", 0.9)
    done = seqgen("export", copy, tmp_path / "out", "--checkpoint", "2")
    assert (done.status, done.out) == (1, "") and "is damaged" in done.err
    done = seqgen("export", copy, tmp_path / "out", "--checkpoint", "3")
    assert done.status == 2 and "has no checkpoint of step 3; it has 0, 2, 4, 6" in done.err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copied"]


def test_nothing_is_left_where_writing_fails(
    seqgen: Call, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    neighbour = tmp_path / "out.draft"
    neighbour.mkdir()
    monkeypatch.setattr("seqgen.experiment.export._write", full)
    for folder in ("out", "deep/er/out"):
        done = seqgen("export", plain, tmp_path / folder)
        assert (done.status, done.out) == (1, "") and "No space left" in done.err
    monkeypatch.undo()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert neighbour.is_dir() and not (tmp_path / "out").exists()
    assert seqgen("export", plain, tmp_path / "out").status == 0
    usual = tmp_path / "usual"
    usual.mkdir()
    assert (tmp_path / "out").stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "folder", "more"]])
def test_wrong_usage(seqgen: Call, arguments: list[str]) -> None:
    done = seqgen("export", *arguments)
    assert (done.status, done.out) == (2, "") and "seqgen export --help" in done.err
