"""The script that draws a corpus from the grammar."""

import json
import subprocess
import sys
from pathlib import Path

from seqgen.text.grammar import Grammar

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "draw_grammar.py"


def draw(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The repository comes first on the path, as after an editable install.
    code = f"import sys, runpy; sys.path.insert(0, {str(SCRIPT.parents[1])!r});"
    code += f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_text_files_and_summary(tmp_path: Path) -> None:
    done = draw("--count", "300", "--test", "20", "--seed", "4", "--out", str(tmp_path / "a"))
    assert done.returncode == 0, done.stderr
    grammar = Grammar.default()
    assert done.stdout.strip() == grammar.summary()
    counts = {path.name: len(lines(path)) for path in (tmp_path / "a").iterdir()}
    assert counts == {"train.txt": 300, "valid.txt": 30, "test.txt": 20}
    assert all(grammar.contains(line) for line in lines(tmp_path / "a" / "train.txt"))
    # Drawn again with another training count: the other two files are the same.
    draw("--count", "200", "--valid", "30", "--test", "20", "--seed", "4", "--out", f"{tmp_path}/b")
    for name in ("valid.txt", "test.txt"):
        assert lines(tmp_path / "a" / name) == lines(tmp_path / "b" / name)
    assert lines(tmp_path / "a" / "train.txt")[:200] == lines(tmp_path / "b" / "train.txt")


def test_labels(tmp_path: Path) -> None:
    draw("--count", "100", "--out", str(tmp_path), "--kind", "jsonl")
    draw("--count", "100", "--out", str(tmp_path), "--kind", "styles")
    rows = [json.loads(line) for line in lines(tmp_path / "train.jsonl")]
    assert len(rows) == 100
    grammar = Grammar.default()
    assert all(grammar.style_of(row["text"]) == row["label"] for row in rows)
    for style in grammar.styles:
        expected = [row["text"] for row in rows if row["label"] == style]
        assert lines(tmp_path / f"train.{style}.txt") == expected


def test_an_embedded_grammar_by_name(tmp_path: Path) -> None:
    done = draw("--count", "90", "--grammar", "moods", "--kind", "styles", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    grammar = Grammar.embedded("moods")
    for style in grammar.styles:
        drawn = lines(tmp_path / f"train.{style}.txt")
        assert drawn and {grammar.style_of(line) for line in drawn} == {style}
    done = draw("--grammar", "mods", "--out", str(tmp_path / "new"))
    assert done.returncode == 2 and "did you mean 'moods'?" in done.stderr


def test_existing_files_and_bad_grammars_are_refused(tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("mine\n")
    done = draw("--count", "10", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "valid.txt exists" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["valid.txt"]
    (tmp_path / "my.grammar").write_text("styles: x\ns\n 1: a / a\n")
    done = draw("--out", str(tmp_path / "new"), "--grammar", str(tmp_path / "my.grammar"))
    assert done.returncode == 2
    assert "ambiguous" in done.stderr
    assert "Traceback" not in done.stderr
    assert draw("--count", "-1", "--out", str(tmp_path / "new")).returncode == 2
