"""seqgen train as a user meets it: runs, resuming, signals, and every mistake in words."""

from __future__ import annotations

import itertools
import math
import shlex
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from command_runs import (
    LABELLED,
    MACHINE,
    SENTENCES,
    TINY,
    Call,
    assert_same_training,
    checkpoint,
    figures,
    flip_bit,
    process,
    steps,
    write_corpus,
)

from seqgen.commands.train import table
from seqgen.recipe.files import read


def mle(corpus: Path | str, *more: str) -> list[str]:
    """The arguments of a tiny training on a file."""
    return ["train", "text/mle-lstm", *TINY, "--corpus.train", str(corpus), *MACHINE, *more]


def test_it_tells_what_came_out_and_what_to_do_next(
    seqgen: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = seqgen(*mle(corpus))
    assert (done.status, done.err) == (0, "")
    for words in (
        "sentences of step 6:\n",
        "figure                  last",
        "\nbest checkpoint: step ",
        "\nrun folder: runs/mle-lstm\n",
        "\n  seqgen generate runs/mle-lstm --count 10\n",
    ):
        assert words in done.out
    assert steps(tmp_path / "runs" / "mle-lstm") == [0, 2, 4, 6]


def test_figures_and_sentences_say_of_which_step_they_are(seqgen: Call, tmp_path: Path) -> None:
    run = ["train", *LABELLED, *MACHINE, "--runs", str(tmp_path), "--name", "run"]
    assert "test (step 6)" in seqgen(*run[:-1], "other", "--evaluate.select", "none").out
    assert seqgen(*run).status == 0
    (tmp_path / "run" / "checkpoints" / "best").write_text("step-00000003\n")
    seen = {}
    for name, more in (("again", []), ("longer", ["--phases.0.steps", "7"])):
        done = seqgen("train", "--resume", tmp_path / "run", *more, *MACHINE)
        assert done.status == 0, done.err
        first = done.out.splitlines()
        best = next(line.split()[-1] for line in first if line.startswith("best checkpoint: step"))
        assert f"test (step {best})" in done.out
        seen[name] = (first[0], best, first[1].strip())
    # Nothing was left to train the first time: the sentences are those of the checkpoint used.
    assert seen["again"][0] == f"sentences of step {seen['again'][1]}:"
    assert seen["longer"][0] == "sentences of step 7:"
    assert (tmp_path / "run/samples/step-00000007.txt").read_text().startswith(seen["longer"][2])


def test_an_exported_model_cannot_be_resumed(seqgen: Call, plain: Path, tmp_path: Path) -> None:
    assert seqgen("export", plain, tmp_path / "model").status == 0
    before = sorted(tmp_path.rglob("*"))
    done = seqgen("train", "--resume", tmp_path / "model", *MACHINE)
    assert (done.status, done.out) == (2, "")
    assert "this is an exported model" in done.err and "resume the run it was" in done.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "give a smaller --batch, or more"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't"), "give a smaller --batch"),
        (RuntimeError("CUDA error: device-side assert triggered\nCompile"), "was not finite"),
    ],
)
def test_failures_of_the_device_are_told_in_words(
    seqgen: Call,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    problem: RuntimeError,
    words: str,
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr("seqgen.training.trainer.Trainer.train", fail)
    done = seqgen(*mle(corpus, "--runs", str(tmp_path)))
    assert (done.status, done.out) == (1, "")
    assert words in done.err and "Traceback" not in done.err and "Compile" not in done.err


def test_other_failures_are_shown_as_faults(
    seqgen: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("seqgen.training.trainer.Trainer.train", fail)
    done = seqgen(*mle(corpus, "--runs", str(tmp_path)))
    assert done.status == 1 and "Traceback" in done.err and "a fault in seqgen" in done.err


def test_progress_goes_to_stderr_unless_quiet(
    seqgen: Call, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0, 60)  # a minute passes with every look at it
    monkeypatch.setattr(
        "seqgen.training.progress.time", SimpleNamespace(monotonic=lambda: next(clock))
    )
    loud = [word for word in mle(corpus, "--runs", str(tmp_path)) if word != "--quiet"]
    done = seqgen(*loud, "--name", "loud")
    assert [line.partition(",")[0] for line in done.err.splitlines()] == [
        f"step {step} of 6" for step in range(1, 7)
    ]
    assert "step 3 of 6" not in done.out
    assert seqgen(*loud, "--quiet", "--name", "quiet").err == ""


def test_paths_may_have_spaces_other_letters_and_a_tilde(
    seqgen: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "meine S\u00e4tze.txt")
    train = mle("~/meine S\u00e4tze.txt", "--corpus.valid", "./meine S\u00e4tze.txt")
    done = seqgen(*train, "--runs", "~/L\u00e4ufe \u8dd1", "--name", "erster 'Lauf'")
    assert done.status == 0, done.err
    run = "~/L\u00e4ufe \u8dd1/erster 'Lauf'"
    [command] = [line for line in done.out.splitlines() if "seqgen generate" in line]
    assert shlex.split(command)[2] == run.removeprefix("~/")
    assert seqgen("generate", run, "--count", "2", "--quiet").status == 0
    assert seqgen("train", "--resume", run, *MACHINE).status == 0
    assert read(str(Path(run).expanduser() / "recipe.yaml")).name == "erster 'Lauf'"


def test_seeds_make_a_run_each(seqgen: Call, corpus: Path, tmp_path: Path) -> None:
    done = seqgen(*mle(corpus, "--runs", str(tmp_path), "--seeds", "1,2"))
    assert done.status == 0 and done.out.count("run folder: ") == 2
    names = ["mle-lstm-seed1", "mle-lstm-seed2"]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == names
    assert [read(str(tmp_path / name / "recipe.yaml")).seed for name in names] == [1, 2]
    drawn = [seqgen("generate", tmp_path / name, "--quiet").out for name in names]
    assert drawn[0] != drawn[1]
    # A folder that is taken is told before anything is trained.
    done = seqgen(*mle(corpus, "--runs", str(tmp_path), "--seeds", "3,2"))
    assert done.status == 2 and "mle-lstm-seed2 exists already" in done.err
    assert sorted(folder.name for folder in tmp_path.iterdir()) == names


def test_a_run_can_start_from_another_one_s_weights(
    seqgen: Call, corpus: Path, plain: Path, tmp_path: Path
) -> None:
    done = seqgen(*mle(corpus, "--runs", str(tmp_path), "--init", str(plain)))
    assert done.status == 0
    begin = checkpoint(tmp_path / "mle-lstm", 0) / "generator.safetensors"
    best = (plain / "checkpoints" / "best").read_text().strip()
    found = (plain / "checkpoints" / best / "generator.safetensors").read_bytes()
    assert begin.read_bytes() == found


def test_deterministic_operations_on_request(
    seqgen: Call, corpus: Path, plain: Path, tmp_path: Path
) -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        assert seqgen(*mle(corpus, "--deterministic", "--runs", str(tmp_path))).status == 0
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert_same_training(checkpoint(tmp_path / "mle-lstm", 6), checkpoint(plain, 6))


WITHOUT_RUNS = [
    (
        ["quickstrat"],
        "there is no recipe and no file 'quickstrat'; did you mean quickstart or style/quickstart?",
    ),
    (["text/mle-lsmt"], "did you mean text/mle-lstm or "),
    (["nonsense"], "seqgen recipes list shows all"),
    ([], "name one recipe (seqgen recipes list), or --resume RUN"),
    (["--batch", "3", "quickstart"], "the recipe comes before its settings"),
    (["quickstart", "quickstart"], "unrecognized arguments: quickstart"),
    (["quickstart", "--generator.hiden", "3"], "--generator.hiden: unknown setting; did you mean"),
    (["quickstart", "--generator.kind", "lstn"], "did you mean lstm?"),
    (["quickstart", "--batch", "none"], "--batch: "),
    (["quickstart", "--batch", "0"], "--batch: 0 given; must be greater than 0"),
    (["quickstart", "--batch", "3", "4"], "--batch: takes one value, 2 given"),
    (["quickstart", "--phases.1.steps", "3"], "phases has 1 entries, counted from 0 to 0"),
    (["quickstart", "--evaluate.patience", "x"], "--evaluate.patience: "),
    (["quickstart", "--name", "a/b"], "--name: 'a/b' given; it names a folder"),
    (["quickstart", "--name", ""], "--name: '' given; it names a folder"),
    (["quickstart", "--seeds", "1,x"], "--seeds 1,x: give whole numbers, such as 1,2,3"),
    (["quickstart", "--seeds", ""], "--seeds : give whole numbers"),
    (["quickstart", "--seeds", "1,1"], "--seeds 1,1: give different numbers, 0 or above"),
    (["quickstart", "--seeds", "2,-1"], "--seeds 2,-1: give different numbers, 0 or above"),
    (["quickstart", "--seeds"], "--seeds: expected one argument. seqgen train --help"),
    (["quickstart", "--device", "nonsense"], "--device nonsense: there is no such device"),
    (["quickstart", "--threads", "0"], "--threads 0: at least 1"),
    (["quickstart", "--threads", "two"], "--threads: invalid int value: 'two'"),
    (["quickstart", "--init", "nothing"], "there is no run folder"),
    (["quickstart", "--resume", "runs/x"], "name one recipe, or --resume RUN"),
    (["--resume", "nothing"], "--resume nothing: there is no run (no recipe.yaml in it)"),
    (["--resume", "runs/x", "--init", "y"], "--resume goes with neither --init nor --seeds"),
    (["--resume", "runs/x", "--seeds", "1"], "--resume goes with neither --init nor --seeds"),
    (["text/mle-lstm", "--corpus.train", "-", "--seeds", "1,2"], "standard input can be read once"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), WITHOUT_RUNS, ids=[" ".join(case[0])[:40] for case in WITHOUT_RUNS]
)
def test_mistakes_of_the_command_line_leave_nothing_behind(
    seqgen: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = seqgen("train", *arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and done.err.startswith("seqgen: ")
    assert "Traceback" not in done.err
    if "--init" not in arguments:
        assert list(tmp_path.iterdir()) == []


def test_all_mistakes_are_told_at_once(seqgen: Call) -> None:
    done = seqgen("train", "quickstart", "--batch", "-2", "--evalute.every", "3", "--seed", "x")
    assert done.status == 2
    for words in ("has 3 problems", "--batch: ", "did you mean evaluate?", "--seed: "):
        assert words in done.err


def test_a_recipe_without_its_corpus_says_what_to_put_where(seqgen: Call) -> None:
    done = seqgen("train", "text/mle-lstm")
    assert (done.status, done.out) == (2, "")
    for words in (
        "a text file with one sentence a line",
        "seqgen train text/mle-lstm --corpus.train my.txt\n",
        "--corpus.styles negative a.txt positive b.txt",
    ):
        assert words in done.err


TABLE = b"text,stars\na man,1\na dog,2\n"
BAD_CORPORA = [
    ({"my.txt": b""}, ["my.txt"], "0 sentences in my.txt"),
    ({"my.txt": b"\n  \n\r\n"}, ["my.txt"], "0 sentences in my.txt"),
    ({"my.txt": b"a man\n"}, ["my.txt"], "holding out 0.05 leaves no row to train on"),
    ({"my.txt": b"a man\nb \xff\n"}, ["my.txt"], "my.txt:2:2: byte 0xff is not UTF-8"),
    ({"my.txt": b"a"}, ["mine.txt"], "there is no file mine.txt; did you mean 'my.txt'?"),
    ({}, ["no/my.txt"], "there is no file no/my.txt: the folder no does not exist"),
    ({"in/my.txt": b"a"}, ["in"], "in is a folder; name a file in it (my.txt)"),
    ({"my.zip": b"PK"}, ["my.zip"], "my.zip is no text file"),
    ({"my.txt.gz": b"no gzip"}, ["my.txt.gz"], "my.txt.gz is not a sound gzip file"),
    ({"my.csv": TABLE}, ["my.csv", "--corpus.text", "txt"], "did you mean 'text'?"),
    ({"my.csv": TABLE}, ["my.csv", "--corpus.label", "star"], "there is no column 'star'"),
    ({"my.csv": b"a,b\n1,2\n"}, ["my.csv"], "there is no column 'text'; there are: a, b"),
    ({"my.txt": b"a"}, ["my.txt", "--corpus.label", "star"], "plain lines have no columns"),
    ({"my.jsonl": b'{"text": 3}\n'}, ["my.jsonl"], "my.jsonl:1: 'text' is 3, not a string"),
    ({"my.jsonl": b'{"text": "a"}\n\n{"text"\n'}, ["my.jsonl"], "my.jsonl:3:1: this is not JSON"),
    ({"my.txt": b"a b"}, ["my.txt", "--corpus.valid", "m.txt"], "there is no file m.txt"),
    ({"my.txt": b"a b"}, ["my.txt", "--corpus.test", "m.txt"], "there is no file m.txt"),
    ({"my.txt": b"a b"}, ["my.txt", "--corpus.valid", "-"], "standard input (-) can only be"),
    ({"my.txt": b"a b"}, ["my.txt", "-"], "standard input (-) can only be"),
    ({"my.txt": b"a b"}, ["my.txt", "--corpus.valid", "last:9"], "there are only 1"),
]


@pytest.mark.parametrize(
    ("files", "given", "words"), BAD_CORPORA, ids=[case[2][:40] for case in BAD_CORPORA]
)
def test_a_corpus_that_cannot_be_used(
    seqgen: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, bytes],
    given: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, data in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)
    arguments = ["train", "text/mle-lstm", *TINY, "--corpus.train", *given, *MACHINE]
    done = seqgen(*arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and done.err.startswith("seqgen: ")
    assert "Traceback" not in done.err
    # Nothing that was half made stands in the way of the next try.
    right = write_corpus(tmp_path / "right.txt")
    assert seqgen(*mle(right, "--phases.0.steps", "1")).status == 0


def test_a_taken_folder_is_left_as_it_is(seqgen: Call, corpus: Path, copy: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in copy.rglob("*") if file.name != ".lock"}
    done = seqgen(*mle(corpus, "--runs", str(copy.parent), "--name", copy.name))
    assert (done.status, done.out) == (2, "")
    assert f"{copy} exists already; resume that run, or choose another name" in done.err
    assert {f: f.stat().st_mtime_ns for f in copy.rglob("*") if f.name != ".lock"} == before


def test_resuming_a_finished_run_trains_nothing(seqgen: Call, copy: Path) -> None:
    before = (copy / "metrics.jsonl").read_text()
    done = seqgen("train", "--resume", copy, *MACHINE)
    assert (done.status, done.err) == (0, "") and "run folder: " in done.out
    assert steps(copy) == [0, 2, 4, 6] and (copy / "metrics.jsonl").read_text() == before


def test_a_longer_run_equals_one_that_was_long_from_the_start(
    seqgen: Call, corpus: Path, copy: Path, tmp_path: Path
) -> None:
    longer = ["--phases.0.steps", "11"]
    assert seqgen("train", "--resume", copy, *longer, "--name", "other", *MACHINE).err == ""
    assert seqgen(*mle(corpus, *longer, "--runs", str(tmp_path), "--name", "other")).status == 0
    for step in (8, 10, 11):
        assert_same_training(checkpoint(copy, step), checkpoint(tmp_path / "other", step))
    one, other = (read(str(run / "recipe.yaml")) for run in (copy, tmp_path / "other"))
    assert one == other


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["--generator.hidden", "9"], "may change only phases.0.steps, evaluate, save and name"),
        (["--seed", "2", "--batch", "4"], "these differ too: batch, seed"),
        (["--corpus.limit", "9"], "these differ too: corpus.limit"),
        (["--generator.hiden", "9"], "--generator.hiden: unknown setting"),
        (["--evaluate.select", "bleu"], "was chosen by likelihood, which cannot be compared"),
        (["--name", "a/b"], "it names a folder"),
        (["--phases.0.steps", "0"], "must be greater than 0"),
    ],
)
def test_other_changes_to_a_resumed_run_are_refused(
    seqgen: Call, copy: Path, changes: list[str], words: str
) -> None:
    recipe = (copy / "recipe.yaml").read_text()
    done = seqgen("train", "--resume", copy, *changes, *MACHINE)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and "Traceback" not in done.err
    assert (copy / "recipe.yaml").read_text() == recipe and steps(copy) == [0, 2, 4, 6]


def test_what_an_extension_does_to_the_rate_is_told(
    seqgen: Call, corpus: Path, tmp_path: Path
) -> None:
    cosine = ["--players.generator.schedule.kind", "cosine", "--runs", str(tmp_path)]
    assert seqgen(*mle(corpus, *cosine)).err == ""
    extend = ["train", "--resume", tmp_path / "mle-lstm", "--threads", "1", "--phases.0.steps"]
    done = seqgen(*extend, "8")
    assert done.status == 0 and "schedule cosine (generator) now spans" in done.err
    assert seqgen(*extend, "10", "--quiet").err == ""
    refused = seqgen(*extend, "12", "--batch", "4")
    assert refused.status == 2 and "schedule" not in refused.err


def test_a_changed_corpus_is_noticed(seqgen: Call, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "my.txt")
    assert seqgen(*mle(corpus, "--runs", str(tmp_path))).status == 0
    write_corpus(corpus, [*SENTENCES[1:], SENTENCES[0]])
    done = seqgen("train", "--resume", tmp_path / "mle-lstm", *MACHINE)
    assert done.status == 2 and "the corpus is not the one this run began with" in done.err
    corpus.unlink()
    done = seqgen("train", "--resume", tmp_path / "mle-lstm", *MACHINE)
    assert done.status == 2 and f"there is no file {corpus}" in done.err
    write_corpus(corpus)
    assert seqgen("train", "--resume", tmp_path / "mle-lstm", *MACHINE).status == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recipe.yaml", "recipe.yaml"),
        ("tokenizer.json", "tokenizer.json"),
        ("corpus.json", "corpus.json is damaged"),
    ],
)
@pytest.mark.parametrize("how", ["cut", "bytes"])
def test_a_damaged_file_of_the_run_is_named(
    seqgen: Call, copy: Path, name: str, words: str, how: str
) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: len(data) // 2] + (b"" if how == "cut" else b"\xff\x00"))
    done = seqgen("train", "--resume", copy, *MACHINE)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and "Traceback" not in done.err


def test_a_damaged_checkpoint_is_passed_over(
    seqgen: Call, copy: Path, plain: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flip_bit(checkpoint(copy, 6) / "generator.safetensors", 0.9)
    flip_bit(checkpoint(copy, 4) / "trainer.pt")
    assert seqgen("train", "--resume", copy, *MACHINE).status == 0
    assert "step-00000006" in caplog.text and "step-00000004" in caplog.text
    for step in (4, 6):
        assert_same_training(checkpoint(copy, step), checkpoint(plain, step))
    assert figures(copy) == figures(plain)


def test_without_a_sound_checkpoint_nothing_can_be_resumed(seqgen: Call, copy: Path) -> None:
    for step in steps(copy):
        flip_bit(checkpoint(copy, step) / "generator.safetensors", 0.9)
    done = seqgen("train", "--resume", copy, *MACHINE)
    assert (done.status, done.out) == (1, "")
    assert "has no sound checkpoint" in done.err and "Traceback" not in done.err
    for step in steps(copy):
        checkpoint(copy, step).rename(copy / f"away-{step}")
    done = seqgen("train", "--resume", copy, *MACHINE)
    assert done.status == 2 and "ended before its first checkpoint" in done.err


def test_a_loss_that_is_not_finite_ends_with_status_1(
    seqgen: Call, corpus: Path, tmp_path: Path
) -> None:
    wild = ["--generator.tie", "false", "--generator.initial", "1e38", "--runs", str(tmp_path)]
    done = seqgen(*mle(corpus, *wild))
    assert (done.status, done.out) == (1, "")
    assert "step 1, phase 'teacher-forcing', player 'generator'" in done.err
    assert "Traceback" not in done.err
    assert steps(tmp_path / "mle-lstm") == [0]


def test_figures_of_any_size_keep_their_columns() -> None:
    made = table({"last": {"nll": 20.5, "perplexity": 8e8}, "real data": {"nll": math.nan}})
    assert made.splitlines() == [
        "figure                  last     real data",
        "nll                  20.5000           n/a",
        "perplexity             8e+08",
    ]
    made = table({"last": {"nll": 1.0}, "test (step 1000000)": {"nll": 2.0}})
    assert made.splitlines() == [
        "figure                  last  test (step 1000000)",
        "nll                   1.0000               2.0000",
    ]
    said = table({"last": {"grammar-nll": math.nan}}).splitlines()
    assert said[1:] == [
        "grammar-nll              n/a",
        "n/a: grammar-nll has no value where no sentence was grammatical",
    ]


def test_sentences_from_a_pipe_are_kept_for_resuming(
    seqgen: Call, corpus: Path, plain: Path, tmp_path: Path
) -> None:
    command = mle("-", "--runs", str(tmp_path), "--name", "run")
    with corpus.open("rb") as file:
        piped = process(*command, stdin=file)
        out, err = piped.communicate(timeout=120)
    assert piped.returncode == 0 and "run folder: " in out
    assert all(line.startswith("WARNING: ") for line in err.splitlines())  # of unknown words
    run = tmp_path / "run"
    assert_same_training(checkpoint(run, 6), checkpoint(plain, 6))
    done = seqgen("train", "--resume", run, "--phases.0.steps", "8", *MACHINE, given=b"other\n")
    assert done.status == 0 and steps(run)[-1] == 8
    for given, words in ((b"", "0 sentences in "), (b"a\xff\n" * 9, ":1:1: byte 0xff")):
        done = seqgen(*command[:-1], "other", given=given)
        assert done.status == 2 and words in done.err
    assert seqgen(*command[:-1], "other", given=corpus.read_bytes()).status == 0
    assert_same_training(checkpoint(tmp_path / "other", 6), checkpoint(plain, 6))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_training_after_saving(
    seqgen: Call, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    command = ["train", *LABELLED, *MACHINE, "--evaluate.every", "40", "--runs", str(tmp_path)]
    command += ["--phases.0.steps", "400"]
    stopped = process(*command, "--name", "stopped")
    wait_for_evaluation(tmp_path / "stopped")
    stopped.send_signal(number)
    out, err = stopped.communicate(timeout=60)
    assert (stopped.returncode, out) == (status, "")
    last = steps(tmp_path / "stopped")[-1]
    run = tmp_path / "stopped"
    *warnings, message = err.splitlines()
    assert all(line.startswith("WARNING: ") for line in warnings)  # of unknown words
    assert message == (
        f"seqgen: stopped by signal {int(number)} after step {last} and saved in {run}; "
        "resume continues it"
    )
    assert 0 < last < 400
    assert seqgen("train", "--resume", run, *MACHINE).status == 0
    assert seqgen(*command, "--name", "straight").status == 0
    assert_same_training(checkpoint(run, 400), checkpoint(tmp_path / "straight", 400))


def wait_for_evaluation(run: Path) -> None:
    """Until the journal has a figure, which is after the first steps."""
    journal, end = run / "metrics.jsonl", time.monotonic() + 120
    while not (journal.is_file() and "evaluation" in journal.read_text()):
        assert time.monotonic() < end, "training did not begin"
        time.sleep(0.02)


def test_help_names_the_options(seqgen: Call) -> None:
    done = seqgen("train", "--help")
    assert (done.status, done.err) == (0, "")
    for word in ("--resume", "--init", "--seeds", "--name", "--device", "seqgen recipes show"):
        assert word in done.out
