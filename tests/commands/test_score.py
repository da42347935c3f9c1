"""seqgen score as a user meets it: one line out for each line in, whatever the lines hold."""

from __future__ import annotations

import io
import math
import sys
from functools import partial
from pathlib import Path

import pytest
from command_runs import MACHINE, SENTENCES, Call

from seqgen import load
from seqgen.commands import score
from seqgen.commands.main import main
from seqgen.windows import windows

FIRST, SECOND = SENTENCES[:2]


def lines(*texts: str, end: str = "\n") -> bytes:
    return "".join(text + end for text in texts).encode()


def test_each_line_gets_its_log_probability(seqgen: Call, plain: Path) -> None:
    done = seqgen("score", plain, given=lines(*SENTENCES[:6]))
    assert (done.status, done.err) == (0, "")
    found = [float(line) for line in done.out.splitlines()]
    assert found == pytest.approx(load(plain).score(SENTENCES[:6]), abs=5.1e-5)
    assert all(math.isfinite(value) and value < 0 for value in found)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (b"", ""),
        (b"\n", "."),
        (b"\n\n  \n\t\n", "...."),
        (lines(FIRST, "", SECOND), "x.x"),
        (lines(FIRST, SECOND)[:-1], "xx"),
        (lines(FIRST, "") + b" ", "x.."),
        (lines(FIRST, "", SECOND, end="\r\n"), "x.x"),
        (b"\xef\xbb\xbf" + lines(FIRST, SECOND), "xx"),
        (lines(f"{FIRST} \u2028 \x85 \x0b \x0c {SECOND}", SECOND), "xx"),
        (lines(f"{FIRST} \x00", "\u4f60\u597d"), "xx"),
    ],
    ids=[
        "nothing", "one blank line", "blank lines", "a blank line between", "no final newline",
        "spaces at the end", "CRLF", "BOM", "other separators", "NUL and unknown words",
    ],
)  # fmt: skip
def test_one_line_out_for_each_line_in(seqgen: Call, plain: Path, given: bytes, shape: str) -> None:
    done = seqgen("score", plain, given=given)
    assert (done.status, done.err) == (0, "")
    assert "".join("x" if line else "." for line in done.out.split("\n")[:-1]) == shape
    assert done.out.count("\n") == len(shape)


def test_line_ends_and_byte_order_marks_are_not_scored(seqgen: Call, plain: Path) -> None:
    expected = seqgen("score", plain, given=lines(FIRST, SECOND)).out
    assert seqgen("score", plain, given=lines(FIRST, SECOND, end="\r\n")).out == expected
    assert seqgen("score", plain, given=lines(FIRST, SECOND)[:-1]).out == expected
    assert seqgen("score", plain, given=b"\xef\xbb\xbf" + lines(FIRST, SECOND)).out == expected


def test_what_generate_writes_can_be_scored(seqgen: Call, plain: Path) -> None:
    drawn = seqgen("generate", plain, "--count", "9", "--quiet").out
    done = seqgen("score", plain, given=drawn.encode())
    assert len(done.out.splitlines()) == 9
    assert all(math.isfinite(float(line)) for line in done.out.splitlines())


def test_the_first_scores_come_before_the_last_lines_are_read(
    plain: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[int] = []

    class Watched(io.BytesIO):
        def __next__(self) -> bytes:
            shown.append(capsys.readouterr().out.count("\n"))
            return super().__next__()

    monkeypatch.setattr(score, "windows", partial(windows, lines=4))
    given = Watched(lines(*SENTENCES[:9], "", FIRST))
    monkeypatch.setattr(sys, "stdin", type("Input", (), {"buffer": given, "isatty": bool}))
    assert main(["score", str(plain), "--threads", "1"]) == 0
    # Before each of the 11 lines and the end: what has come out since the line before.
    assert shown == [0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0]
    assert capsys.readouterr().out.count("\n") == 3


def test_lines_too_long_for_the_model_are_named(
    seqgen: Call, tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = "--generator.kind transformer --generator.width 8 --generator.heads 2 --batch 8"
    short = "--generator.layers 1 --generator.limit 24 --corpus.limit 24 --phases.0.steps 2"
    run = tmp_path / "run"
    words = [*small.split(), *short.split(), "--corpus.train", str(corpus), "--name", "run"]
    words += ["--evaluate.samples", "4", "--runs", str(tmp_path)]
    assert seqgen("train", "text/mle-lstm", *words, *MACHINE).status == 0
    given = [FIRST, "", "a " * 24, SECOND, "", FIRST, "a " * 23, "a " * 30]
    done = seqgen("score", run, given=lines(*given))
    assert (done.status, done.out) == (2, "")
    assert "standard input, lines 3, 8: longer than the 24 tokens this model can read" in done.err
    monkeypatch.setattr(
        score, "windows", partial(windows, lines=4)
    )  # a window that is fine comes out before
    done = seqgen("score", run, given=lines(*[FIRST, ""] * 2, *given))
    assert done.status == 2 and len(done.out.splitlines()) == 4
    assert "lines 7: longer" in done.err


def test_labels(seqgen: Call, labelled: Path) -> None:
    def scores(*label: str) -> list[float]:
        done = seqgen("score", labelled, *label, given=lines(*SENTENCES[:4]))
        assert done.status == 0
        return [float(line) for line in done.out.splitlines()]

    one, other = scores("--label", "admiring"), scores("--label", "complaining")
    mean = [math.log((math.exp(a) + math.exp(b)) / 2) for a, b in zip(one, other, strict=True)]
    assert scores() == pytest.approx(mean, abs=2e-4) and one != other


def test_a_checkpoint_can_be_chosen(seqgen: Call, plain: Path) -> None:
    found = {
        seqgen("score", plain, "--checkpoint", step, given=lines(*SENTENCES)).out for step in "0246"
    }
    assert len(found) == 4


@pytest.mark.parametrize(
    ("given", "arguments", "words"),
    [
        (lines(FIRST) + b"ab \xff\n", [], "standard input:2:3: byte 0xff is not UTF-8"),
        (b"\xef\xbb\xbf\xe9", [], "standard input:1:3: byte 0xe9 is not UTF-8"),
        (b"a\n\n\xe2\x82", [], "standard input:3:0: byte 0xe2 is not UTF-8"),
        (lines(FIRST), ["--label", "rude"], "this model was trained without labels"),
        (lines(FIRST), ["--threads", "-1"], "--threads -1: at least 1"),
        (lines(FIRST), ["--device", "tpu"], "--device tpu: there is no such device"),
        (lines(FIRST), ["--seed", "1"], "unrecognized arguments: --seed 1. seqgen score --help"),
    ],
)
def test_mistakes_are_told_in_words(
    seqgen: Call, plain: Path, given: bytes, arguments: list[str], words: str
) -> None:
    done = seqgen("score", plain, *arguments, given=given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and done.err.startswith("seqgen: ")
    assert "Traceback" not in done.err


def test_an_unknown_label_gives_the_near_one(seqgen: Call, labelled: Path) -> None:
    done = seqgen("score", labelled, "--label", "complain", given=lines(FIRST))
    assert done.status == 2 and "Did you mean 'complaining'?" in done.err


def test_a_word_a_vocabulary_without_unknown_lacks_is_named(seqgen: Call, numbers: Path) -> None:
    good = seqgen("score", numbers, given=b"1 2 3 4 5\n\n0 0 0 0 0\n")
    assert [bool(line) for line in good.out.splitlines()] == [True, False, True]
    done = seqgen("score", numbers, given=b"1 2 3 4 5\n1 2 horse 4 5\n")
    assert (done.status, done.out) == (2, "") and "the word 'horse' is not among" in done.err
