"""seqgen score as a user meets it: one line out for each line in, whatever the lines hold."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from command_runs import SENTENCES, Call

from seqgen import load

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
        seqgen("score", plain, "--checkpoint", step, given=lines(FIRST)).out for step in "0246"
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
