"""`seqgen report` as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.commands.main import main

RECIPE = "about: a run\nphases:\n- method: {kind: teacher-forcing}\n  steps: 2\n"
LINE = (
    '{"event": "evaluation", "step": %d, "round": %d, "phase": "p", "seconds": 1.0, "nll": 3.5}\n'
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "metrics.jsonl").write_text(LINE % (1, 1) + LINE % (2, 2))
    return folder


def test_it_writes_the_report_anew_and_prints_where(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "report.html").write_text("old")
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "<!DOCTYPE html>" in (run / "report.html").read_text("utf-8")
    assert sorted(path.name for path in (run / "pictures").iterdir()) == ["nll.png", "nll.svg"]


def test_out_names_another_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.html"
    assert main(["report", str(run), "--out", str(place)]) == 0
    assert capsys.readouterr().out == f"{place}\n" and place.is_file()
    assert not (run / "report.html").exists() and not (run / "pictures").exists()


def test_what_is_no_run_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["report", str(folder)]) == 2
        assert f"{folder} is not a run" in capsys.readouterr().err


def test_a_journal_cut_by_a_crash_is_shown_and_a_damaged_one_told(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "metrics.jsonl"
    path.write_text(path.read_text() + '{"event": "training", "st')
    assert main(["report", str(run)]) == 0
    path.write_text("what?\n" + path.read_text())
    assert main(["report", str(run)]) == 2
    assert "metrics.jsonl:1 is no line of a journal" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_ends_with_1(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["report", str(run), "--out", str(tmp_path / "file" / "page.html")]) == 1
    assert "file" in capsys.readouterr().err
