"""seqgen evaluate on files, end to end: tables, strict JSON, bad input, presets."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_runs import ROOT, SENTENCES, Call
from real_data import DATA

from seqgen.metrics.bleu_family.preset_table import evaluate_preset
from seqgen.metrics.bleu_family.presets import PRESETS
from seqgen.metrics.score import Score
from seqgen.metrics.suite import evaluate
from seqgen.metrics.table import Row, Table

GENERATED, REAL, TRAINING = SENTENCES[:12], SENTENCES[12:30], SENTENCES[30:]
UNALIGNED = [name for name in PRESETS if name not in ("style-transformer", "textgan-pytorch")]


def strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write(tmp_path / "train.txt", TRAINING)
    generated = write(tmp_path / "generated.txt", GENERATED)
    return ["--hypotheses", str(generated), "--references", str(write(tmp_path / "test.txt", REAL))]


def test_the_table_is_that_of_the_library(seqgen: Call, files: list[str]) -> None:
    done = seqgen("evaluate", *files, "--json")
    assert (done.status, done.err) == (0, "")
    expected = evaluate(GENERATED, REAL, name="generated.txt")
    assert strict(done.out) == strict(json.dumps(expected.to_json()))
    kinds = [row.kind for row in Table.from_json(strict(done.out)).rows]
    assert kinds == ["system", "real"]


def test_every_option_reaches_the_library(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    words = ["--train", tmp_path / "train.txt", "--first", "9", "--self-first", "10", "--seed", "3"]
    words += ["--tokenizer", "nltk", "--lowercase", "--smoothing", "none", "--no-intervals"]
    done = seqgen("evaluate", *files, *words, "--json")
    expected = evaluate(
        GENERATED, REAL, TRAINING, first=9, self_first=10, seed=3, tokenizer="nltk",
        lowercase=True, smoothing="none", intervals=False, name="generated.txt",
    )  # fmt: skip
    assert strict(done.out) == strict(json.dumps(expected.to_json()))
    assert "tokenizer:nltk+lowercase" in done.out and '"novel"' in done.out


def test_the_table_as_text(seqgen: Call, files: list[str]) -> None:
    done = seqgen("evaluate", *files)
    lines = done.out.splitlines()
    assert lines[0].split() == ["generated.txt", "real", "data"]
    expected = evaluate(GENERATED, REAL, intervals=False).rows[0].score("bleu-4")
    assert expected is not None
    line = next(line for line in lines if line.startswith("bleu-4 "))
    assert line.split()[1] == f"{expected.value:.4f}"
    assert "signatures" in done.out and "note: real data" in done.out


def test_other_kinds_of_files(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    plain = strict(seqgen("evaluate", *files, "--json").out)["rows"][0]["scores"]
    jsonl = tmp_path / "g.jsonl"
    jsonl.write_text("".join(json.dumps({"text": text}) + "\n" for text in GENERATED))
    packed = tmp_path / "g.txt.gz"
    packed.write_bytes(gzip.compress("\n".join(GENERATED).encode()))
    table = tmp_path / "g.csv"
    table.write_text("text\n" + "".join(f'"{text}"\n' for text in GENERATED))
    windows = write(tmp_path / "w.txt", ["\ufeff" + GENERATED[0], *GENERATED[1:]], "\r\n")
    for file in (jsonl, packed, table, windows):
        done = seqgen("evaluate", "--hypotheses", file, *files[2:], "--json")
        assert done.status == 0, done.err
        assert strict(done.out)["rows"][0]["scores"] == plain


def test_hypotheses_from_standard_input(seqgen: Call, files: list[str]) -> None:
    given = "".join(f"{text}\n" for text in GENERATED).encode()
    done = seqgen("evaluate", "--hypotheses", "-", *files[2:], "--json", given=given)
    assert strict(done.out)["rows"][0]["name"] == "standard input"
    plain = strict(seqgen("evaluate", *files, "--json").out)
    assert strict(done.out)["rows"][0]["scores"] == plain["rows"][0]["scores"]
    done = seqgen("evaluate", "--hypotheses", "-", "--references", "-")
    assert done.status == 2 and "- given twice" in done.err


def test_blank_hypotheses_stay_and_are_told(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    blank = write(tmp_path / "blank.txt", ["", *GENERATED, " \t"])
    done = seqgen("evaluate", "--hypotheses", blank, *files[2:], "--json")
    found = strict(done.out)
    assert "hypotheses:14|" in found["rows"][0]["scores"][0]["signature"]
    assert any("2 of 14 hypotheses are blank" in note for note in found["notes"])


@pytest.mark.parametrize("which", ["--hypotheses", "--references", "--train"])
@pytest.mark.parametrize("content", [b"", b"\n \n\t\n", b"\xef\xbb\xbf"])
def test_a_file_without_sentences(
    seqgen: Call, files: list[str], tmp_path: Path, which: str, content: bytes
) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_bytes(content)
    done = seqgen("evaluate", *with_file(files, which, empty))
    assert (done.status, done.out) == (2, "")
    assert f"0 sentences in {empty}" in done.err


def with_file(files: list[str], option: str, path: Path) -> list[str]:
    words = list(files)
    if option not in words:
        return [*words, option, str(path)]
    words[words.index(option) + 1] = str(path)
    return words


@pytest.mark.parametrize("which", ["--hypotheses", "--references", "--train"])
def test_bytes_that_are_no_text(seqgen: Call, files: list[str], tmp_path: Path, which: str) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"a b\nab \xff\n")
    done = seqgen("evaluate", *with_file(files, which, bad))
    assert (done.status, done.out) == (2, "")
    assert f"{bad}:2:3" in done.err


def test_bytes_and_columns_have_options(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"a b\nab \xff\n")
    words = with_file(files, "--hypotheses", bad)
    assert "(here: --encoding-errors replace)" in seqgen("evaluate", *words).err
    done = seqgen("evaluate", *words, "--encoding-errors", "replace")
    assert done.status == 0, done.err
    table = tmp_path / "g.csv"
    table.write_text("id,said\n" + "".join(f'1,"{text}"\n' for text in REAL))
    words = with_file(files, "--references", table)
    assert "(--text COLUMN names another)" in seqgen("evaluate", *words).err
    done = seqgen("evaluate", *words, "--text", "said", "--json")
    plain = seqgen("evaluate", *files, "--json")
    assert done.status == 0 and done.out == plain.out


def test_a_figure_that_is_no_number_is_null(
    seqgen: Call, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [Score("bleu-2", 0.5, "a:1"), Score("perplexity", math.nan, "a:1")]
    found = Table([Row("generated.txt", scores)])
    monkeypatch.setattr("seqgen.commands.evaluate_files.evaluate", lambda *_, **__: found)
    done = seqgen("evaluate", *files, "--json")
    said = strict(done.out)
    assert [score["value"] for score in said["rows"][0]["scores"]] == [0.5, None]
    assert said["not_finite"] == [{"row": "generated.txt", "score": "perplexity"}]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tokenizer", "nlkt"], "did you mean 'nltk'?"),
        (["--tokenizer", "moses"], "There are whitespace, nltk, character"),
        (["--preset", "texygen-reamde"], "did you mean 'texygen-readme'"),
        (["--preset", "texygen-reamde"], "leakgan, irl"),
        (["--old-bugs"], "--old-bugs without --preset"),
        (["--preset", "leakgan", "--lowercase"], "--lowercase with --preset leakgan"),
        (["--preset", "leakgan", "--self-first", "3"], "--self-first with --preset leakgan"),
        (["--preset", "style-transformer"], "it goes row by row"),
        (["--train", "missing.txt"], "there is no file missing.txt"),
    ],
)
def test_mistakes_are_told_in_words(
    seqgen: Call, files: list[str], words: list[str], told: str
) -> None:
    done = seqgen("evaluate", *files, *words)
    assert (done.status, done.out) == (2, "")
    assert told in done.err and "Traceback" not in done.err


def test_a_misspelt_file_names_the_near_one(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    done = seqgen("evaluate", *with_file(files, "--hypotheses", tmp_path / "generatd.txt"))
    assert done.status == 2 and "did you mean 'generated.txt'" in done.err


def test_no_word_in_common_is_finite_and_a_warning(
    seqgen: Call, files: list[str], tmp_path: Path
) -> None:
    alien = write(tmp_path / "alien.txt", ["xx yy zz", "yy xx", "qq"])
    done = seqgen("evaluate", "--hypotheses", alien, *files[2:], "--json")
    found = strict(done.out)
    assert "not_finite" not in found
    assert any("100.0% of their 6 words are unknown" in note for note in found["notes"])


@pytest.mark.parametrize("preset", UNALIGNED)
def test_presets_with_a_row_of_real_sentences(
    seqgen: Call, files: list[str], tmp_path: Path, preset: str
) -> None:
    expected = evaluate_preset(preset, GENERATED, REAL, row="generated.txt")
    train = ["--train", str(tmp_path / "train.txt")]
    for words in ([], train):
        done = seqgen("evaluate", *files, *words, "--preset", preset, "--json")
        assert done.status == 0, done.err
        rows = Table.from_json(strict(done.out)).rows
        assert rows[0] == expected.rows[0]
        assert (rows[1].name, rows[1].kind) == ("real data", "real")
        assert [s.name for s in rows[1].scores] == [s.name for s in rows[0].scores]
    signature = expected.rows[0].scores[0].signature
    assert rows[1].scores[0].signature == signature  # as many training sentences


def test_old_bugs_are_repeated_when_asked_for(seqgen: Call, files: list[str]) -> None:
    fixed, old = (
        Table.from_json(strict(seqgen("evaluate", *files, *words, "--json").out)).rows[0]
        for words in (["--preset", "leakgan"], ["--preset", "leakgan", "--old-bugs"])
    )
    assert fixed.scores != old.scores
    assert "old-bugs:yes" in old.scores[0].signature


def test_a_preset_of_too_few_sentences(seqgen: Call, files: list[str], tmp_path: Path) -> None:
    one = write(tmp_path / "one.txt", ["a b"])
    done = seqgen("evaluate", "--hypotheses", one, *files[2:], "--preset", "texygen-readme")
    assert done.status == 2 and "at least 2 are needed" in done.err
    done = seqgen("evaluate", *files, "--preset", "textgan-pytorch")
    assert done.status == 2 and "--preset textgan-pytorch: 12 sentences given" in done.err


def test_too_few_real_sentences_for_a_preset_are_no_error(
    seqgen: Call, files: list[str], tmp_path: Path
) -> None:
    many = write(tmp_path / "many.txt", GENERATED * 20)
    words = ["--hypotheses", str(many), *files[2:], "--train", str(tmp_path / "train.txt")]
    done = seqgen("evaluate", *words, "--preset", "textgan-pytorch", "--json")
    found = strict(done.out)
    assert len(found["rows"]) == 1
    assert any("no row of real data: 18 sentences given" in note for note in found["notes"])


def test_a_closed_pipe_is_quiet(files: list[str]) -> None:
    read, out = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "seqgen", "evaluate", *files]
    done = subprocess.run(words, cwd=ROOT, stdout=out, stderr=subprocess.PIPE, timeout=60)
    os.close(out)
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_torch_and_nothing_else_that_is_slow(files: list[str]) -> None:
    code = """
import sys
from seqgen.commands.main import main
assert main(sys.argv[1:]) == 0
slow = {"torch", "transformers", "datasets", "nltk", "sacrebleu", "sklearn", "scipy", "matplotlib"}
print(sorted(slow & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", *files],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.slow
def test_it_takes_less_than_a_second(files: list[str]) -> None:
    words = [sys.executable, "-m", "seqgen", "evaluate", *files]
    took = []
    for _ in range(6):  # the first compiles and caches
        begin = time.perf_counter()
        subprocess.run(words, check=True, cwd=ROOT, capture_output=True)
        took.append(time.perf_counter() - begin)
    print(f"seqgen evaluate of {len(GENERATED)} sentences: {min(took):.3f} s")
    assert min(took) < 1


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real data")
def test_the_readme_of_texygen_from_the_command_line(seqgen: Call) -> None:
    done = seqgen(
        "evaluate", "--hypotheses", DATA / "textgan_samples/texygen/mle.txt", "--references",
        DATA / "coco_texygen/test.txt", "--preset", "texygen-readme", "--json",
    )  # fmt: skip
    scores = {score["name"]: score["value"] for score in strict(done.out)["rows"][0]["scores"]}
    assert [scores[f"bleu-{n}"] for n in (2, 3, 4, 5)] == pytest.approx(
        [0.731, 0.497, 0.305, 0.189], abs=0.0015
    )


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the real data")
def test_leakgan_with_explicit_options(seqgen: Call) -> None:
    done = seqgen(
        "evaluate", "--hypotheses",
        DATA / "textgan_samples/leakgan_repo/coco_generated_examples.txt", "--references",
        DATA / "coco_leakgan/test.txt", "--first", "2000", "--self-first", "5000", "--json",
        "--no-intervals",
    )  # fmt: skip
    scores = {score["name"]: score["value"] for score in strict(done.out)["rows"][0]["scores"]}
    assert [scores[f"bleu-{n}"] for n in (2, 3, 4, 5)] == pytest.approx(
        [0.892, 0.756, 0.587, 0.416], abs=0.0015
    )
    assert [scores[f"self-bleu-{n}"] for n in (2, 3, 4, 5)] == pytest.approx(
        [0.967, 0.921, 0.852, 0.763], abs=0.0015
    )
