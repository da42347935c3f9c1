"""seqgen transfer as a user meets it: one line out for each line in, as soon as it is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from command_runs import MACHINE, ROOT, Call
from copying_generator import LIMIT, WORDS, copying_model

from seqgen import load
from seqgen.commands import waiting_lines
from seqgen.commands.main import main
from seqgen.experiment import reopen, style_judge
from seqgen.experiment.transfer_settings import Transfer

NEXT = dict(zip(WORDS, [*WORDS[1:], WORDS[0]], strict=True))


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a run whose answers are known."""
    monkeypatch.setattr(reopen, "load", lambda folder, checkpoint, device: copying_model())
    return "runs/copying"


def trained(folder: Path, *arguments: str) -> Path:
    assert main(["train", *arguments, *MACHINE, "--runs", str(folder), "--name", "run"]) == 0
    return folder / "run"


def lines(*texts: str, end: str = "\n") -> bytes:
    return "".join(text + end for text in texts).encode()


@pytest.mark.parametrize(
    ("given", "out"),
    [
        (b"", ""),
        (b"\n", "\n"),
        (b"\n\n \t \n", "\n\n\n"),
        (lines("the food", "", "it was"), "the food\n\nit was\n"),
        (lines("the food", "it was")[:-1], "the food\nit was\n"),
        (lines("the food", "") + b" ", "the food\n\n\n"),
        (lines("the food", "it", end="\r\n"), "the food\nit\n"),
        (b"\xef\xbb\xbf" + lines("the food"), "the food\n"),
        (lines("The food was GREAT!"), "the food was great !\n"),
        (lines("the\x85food\u2028it \x0c was"), "the food it was\n"),
    ],
    ids=[
        "nothing", "one blank line", "blank lines", "a blank line between", "no final newline",
        "spaces at the end", "CRLF", "BOM", "raw", "other separators",
    ],
)  # fmt: skip
def test_one_line_out_for_each_line_in(seqgen: Call, copying: str, given: bytes, out: str) -> None:
    assert seqgen("transfer", copying, "--to", "plain", given=given) == (0, out, "")


def test_the_style_decides(seqgen: Call, copying: str) -> None:
    given = ["the food was cold .", "it was bad !"]
    done = seqgen("transfer", copying, "--to", "next", "--from", "plain", given=lines(*given))
    expected = [" ".join(NEXT[word] for word in line.split()) for line in given]
    assert done.out.splitlines() == expected


@pytest.mark.parametrize("batch", ["1", "3", "64"])
def test_the_batch_changes_nothing(seqgen: Call, styled: Path, batch: str) -> None:
    texts = [f"a {word} is on the street" for word in ("man", "dog", "boat", "woman", "cow")]
    given = [*texts, "", *reversed(texts), "What a DOG!"]
    draws = ["--temperature", "1", "--seed", "3", "--batch", batch]
    done = seqgen("transfer", styled, "--to", "admiring", *draws, *MACHINE, given=lines(*given))
    assert done.status == 0
    model = load(styled)
    expected = model.transfer(given, to="admiring", temperature=1.0, seed=3)
    assert done.out.split("\n")[:-1] == expected
    assert len(set(expected)) > 4 and expected[5] == "" and expected[0] == expected[10]


def test_the_python_call_and_the_command_agree_on_a_real_run(seqgen: Call, styled: Path) -> None:
    given = ["a man is happily stirring a pot", "the harbour is ugly"]
    for how in (Transfer("complaining"), Transfer("complaining", beam=3)):
        done = seqgen(
            "transfer", styled, "--to", how.to, "--beam", how.beam, *MACHINE, given=lines(*given)
        )
        assert done.out.splitlines() == [one.text for one in load(styled).transferred(given, how)]


def test_objects(seqgen: Call, copying: str) -> None:
    words = ["--to", "next", "--from", "plain", "--json", "--count", "3"]
    done = seqgen("transfer", copying, *words, given=lines("The food", "", "it zebra"))
    first, blank, other = map(json.loads, done.out.splitlines())
    assert (first["source"], first["from"], first["to"]) == ("The food", "plain", "next")
    assert first["hypothesis"] == first["candidates"][0]["text"] == "food was"
    scores = [candidate["log_probability"] for candidate in first["candidates"]]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True) and scores[0] < 0
    assert {candidate["style_probability"] for candidate in first["candidates"]} == {None}
    assert (blank["source"], blank["hypothesis"], blank["candidates"]) == ("", "", [])
    assert (first["unknown"], other["unknown"]) == ([], ["zebra"])
    alone = seqgen("transfer", copying, "--to", "next", "--json", given=b"it\n").out
    assert [one["text"] for one in json.loads(alone)["candidates"]] == ["waiter"]


def test_evaluate_reads_the_objects(seqgen: Call, copying: str, tmp_path: Path) -> None:
    done = seqgen("transfer", copying, "--to", "plain", "--json", given=lines("the food", "it was"))
    (tmp_path / "rows.jsonl").write_text(done.out)
    measured = seqgen("evaluate", "--pairs", tmp_path / "rows.jsonl", "--json", "--no-intervals")
    assert measured.status == 0, measured.err
    assert "source" in measured.out


def test_several_candidates_need_json_or_a_judge(seqgen: Call, copying: str) -> None:
    done = seqgen("transfer", copying, "--to", "next", "--count", "3", given=b"it\n")
    assert (done.status, done.out) == (2, "")
    assert "--count 3 without --json: one line in is one line out" in done.err


def test_a_judge_reranks(
    seqgen: Call, copying: str, monkeypatch: pytest.MonkeyPatch, judge_run: Path
) -> None:
    words = ["--to", "next", "--temperature", "2", "--count", "40", "--rerank", judge_run]
    given = lines("food was cold")
    objects = seqgen("transfer", copying, *words, "--json", given=given)
    assert objects.err.startswith("seqgen: run@") and "accuracy 1.0000" in objects.err
    shown = json.loads(objects.out)
    judge = style_judge.open_judge(judge_run)
    column = list(judge.labels).index("next")
    texts = [candidate["text"] for candidate in shown["candidates"]]
    expected = judge.probabilities(texts)[:, column]
    found = [candidate["style_probability"] for candidate in shown["candidates"]]
    assert found == pytest.approx(expected, abs=2e-6) and len(set(found)) > 3
    assert seqgen("transfer", copying, *words, "--quiet", given=given) == (
        0,
        f"{shown['hypothesis']}\n",
        "",
    )
    kept = [*words[:2], "--rerank", judge_run, "--keep-right", "--quiet"]
    done = seqgen("transfer", copying, *kept, given=lines("Bad, BAD!", "great great"))
    assert done.out.splitlines()[0] == "Bad, BAD!" and done.out.splitlines()[1] != "great great"


@pytest.fixture(scope="session")
def judge_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge for which "bad" and "waiter" are next, "great" and "food" plain."""
    folder = tmp_path_factory.mktemp("judge")
    styled = []
    for style, words in (("plain", ("great", "food")), ("next", ("bad", "waiter"))):
        texts = [f"{one} {other} it" for one in words for other in words] * 8
        (folder / f"{style}.txt").write_text("".join(f"{text}\n" for text in texts))
        styled += [style, str(folder / f"{style}.txt")]
    less = ["--phases.0.steps", "40", "--batch", "8", "--evaluate.every", "40", "--no-report"]
    return trained(folder, "judge/linear", "--corpus.styles", *styled, *less)


def test_sentences_in_the_style_already(seqgen: Call, copying: str) -> None:
    kept = ["--to", "next", "--from", "next", "--keep-right"]
    assert seqgen("transfer", copying, *kept, given=b"The food!\n").out == "The food!\n"
    assert seqgen("transfer", copying, *kept[:4], given=b"The food!\n").out == "food was the\n"
    done = seqgen("transfer", copying, "--to", "next", "--keep-right", given=b"it\n")
    assert (done.status, done.out) == (2, "") and "give a judge" in done.err


def test_unknown_words_are_told_once_and_counted(seqgen: Call, copying: str) -> None:
    given = lines("the food", "zebra", "it quagga zebra", "was")
    done = seqgen("transfer", copying, "--to", "plain", "--batch", "1", given=given)
    assert done.out == "the food\n<unk>\nit <unk> <unk>\nwas\n"
    first, last = done.err.splitlines()
    assert first == "seqgen: line 2 of the output has a word the model does not know"
    assert (
        last
        == "seqgen: 2 of 4 lines have unknown words (--copy-unknown writes those of the source)"
    )
    quiet = seqgen("transfer", copying, "--to", "plain", "--quiet", given=given)
    assert quiet.err.splitlines() == [first]
    done = seqgen("transfer", copying, "--to", "plain", "--copy-unknown", given=given)
    assert (done.out, done.err) == ("the food\nzebra\nit quagga zebra\nwas\n", "")


def test_long_lines_are_cut_and_told(seqgen: Call, copying: str) -> None:
    given = lines("it " * (LIMIT - 1), "it " * LIMIT, "it", "it " * 10_000)
    done = seqgen("transfer", copying, "--to", "plain", given=given)
    longest = " ".join(["it"] * (LIMIT - 1))
    assert done.out.splitlines() == [longest, longest, "it", longest]
    assert done.err.splitlines() == [
        f"seqgen: line 2 is longer than the {LIMIT} tokens the model reads and was cut",
        f"seqgen: 2 of 4 lines were longer than the {LIMIT} tokens the model reads and were cut",
    ]
    assert seqgen("transfer", copying, "--to", "plain", "--quiet", given=given).err == ""


def test_readable_output(seqgen: Call, copying: str) -> None:
    done = seqgen("transfer", copying, "--to", "plain", "--detokenize", given=b"the food was BAD !")
    assert done.out == "The food was bad!\n"


def test_bytes_that_are_no_text_end_it_after_the_lines_before(seqgen: Call, copying: str) -> None:
    done = seqgen("transfer", copying, "--to", "plain", given=b"the food\nit \xff\nwas\n")
    assert (done.status, done.out) == (2, "the food\n")
    assert "standard input:2:3: byte 0xff is not UTF-8" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: --to"),
        (["--to", "nxet"], "style 'nxet' is unknown; there are: plain, next, second. Did you mean"),
        (["--to", "next", "--from", "plan"], "Did you mean 'plain'"),
        (["--to", "next", "--batch", "0"], "batch 0: must be at least 1"),
        (["--to", "next", "--beam", "2", "--temperature", "1"], "draws nothing"),
        (["--to", "next", "--device", "tpu"], "--device tpu"),
        (["--to", "next", "--precision", "half"], "choose from 'float32', 'bfloat16'"),
        (["--to", "next", "--threads", "0"], "--threads 0"),
        (["--to", "next", "--rerank", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_are_told_before_a_line_is_read(
    seqgen: Call, copying: str, words: list[str], message: str
) -> None:
    done = seqgen("transfer", copying, *words, given=b"the food\n")
    assert (done.status, done.out) == (2, "")
    assert message in done.err and done.err.count("\n") == 1


def test_bfloat16(seqgen: Call, copying: str) -> None:
    arguments = ("transfer", copying, "--to", "next", "--precision", "bfloat16")
    done = seqgen(*arguments, given=b"the food\n\n")
    assert done.out == f"{NEXT['the']} {NEXT['food']}\n\n"


def test_a_run_that_reads_no_source_is_refused(seqgen: Call, labelled: Path) -> None:
    done = seqgen("transfer", labelled, "--to", "admiring", given=b"the food\n")
    assert (done.status, done.out) == (2, "")
    assert "this model cannot transfer: it writes sentences without reading any" in done.err
    assert done.err.count("\n") == 1


def test_pieces_of_any_size_make_the_same_lines() -> None:
    data = b"one\n\ntwo three\r\n" + 3 * b"long " + b"\nno end"
    for size in (1, 2, 5, 100):
        pieces = [data[place : place + size] for place in range(0, len(data), size)]
        assert b"".join(waiting_lines._split(pieces)) == data
        assert list(waiting_lines._split(pieces)) == data.splitlines(keepends=True)


def test_a_batch_fills_up_with_the_lines_that_wait() -> None:
    queue: Queue[Any] = Queue()
    for number in range(5):
        queue.put(str(number))
    end = waiting_lines._End(None)
    assert waiting_lines._waiting(queue, 3) == (["0", "1", "2"], None)
    assert waiting_lines._waiting(queue, 3) == (["3", "4"], None)
    queue.put("5")
    queue.put(end)
    assert waiting_lines._waiting(queue, 3) == (["5"], end)


# ---- as a process, with pipes


PROGRAM = """
import sys
from copying_generator import copying_model
from seqgen.commands.main import main
from seqgen.experiment import reopen

reopen.load = lambda folder, checkpoint, device: copying_model()
sys.exit(main(["transfer", "run", "--to", "plain", *sys.argv[1:]]))
"""


@pytest.fixture
def process() -> Iterator[Any]:
    """Starts the command on the model whose answers are known; kills what is left of it."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.wait()


@pytest.mark.timeout(60)
def test_the_first_line_comes_out_before_the_last_goes_in(process: Any) -> None:
    done = process("--batch", "64")
    for text in ("the food", "", "it was bad"):  # one at a time, as in a conversation
        done.stdin.write(f"{text}\n".encode())
        done.stdin.flush()
        assert done.stdout.readline() == f"{text}\n".encode()
    done.stdin.write(lines(*["great"] * 500))
    out, err = done.communicate()
    assert (done.returncode, out, err) == (0, lines(*["great"] * 500), b"")


@pytest.mark.timeout(60)
def test_when_nobody_reads_on_it_ends_quietly_though_input_is_still_open(process: Any) -> None:
    done = process("--batch", "4")
    done.stdin.write(lines("the food"))
    done.stdin.flush()
    assert done.stdout.readline() == b"the food\n"
    done.stdout.close()
    done.stdin.write(lines("it was", "bad"))
    done.stdin.flush()  # and no end of input
    assert done.wait() == 0
    assert done.stderr.read() == b""


@pytest.mark.slow
def test_without_a_compiler_compiling_is_refused(
    process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    done = process("--compile")
    out, err = done.communicate(lines("the food"))
    assert (done.returncode, out) == (2, b"")
    assert b"torch cannot compile for cpu here, which takes a C++ compiler" in err
    assert b"no-such-compiler" in err and b"Traceback" not in err
