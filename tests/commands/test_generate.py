"""seqgen generate as a user meets it: stdout, stderr, and every mistake in words."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_runs import ROOT, Call, Ended, checkpoint, flip_bit

from seqgen import load


def sentences(done: Ended) -> list[str]:
    assert done.status == 0, done.err
    assert done.out.endswith("\n")
    return done.out[:-1].split("\n")


def test_as_many_lines_as_asked_for_and_the_same_for_the_same_seed(
    seqgen: Call, plain: Path
) -> None:
    first = sentences(seqgen("generate", plain, "--count", "7", "--seed", "3"))
    assert len(first) == 7
    assert first == sentences(seqgen("generate", plain, "--count", "7", "--seed", "3"))
    assert first != sentences(seqgen("generate", plain, "--count", "7", "--seed", "4"))
    assert first[:3] == sentences(seqgen("generate", plain, "--count", "3", "--seed", "3"))
    assert first == load(plain).generate(7, seed=3)


def test_ten_sentences_are_the_default(seqgen: Call, plain: Path) -> None:
    assert len(sentences(seqgen("generate", plain))) == 10


def test_options_reach_the_model(seqgen: Call, plain: Path) -> None:
    model = load(plain)
    greedy = sentences(seqgen("generate", plain, "--temperature", "0", "--count", "2"))
    assert greedy == model.generate(2, temperature=0.0) and greedy[0] == greedy[1]
    cut = ["--temperature", "0.8", "--top-k", "5", "--top-p", "0.9", "--limit", "7"]
    assert sentences(seqgen("generate", plain, *cut)) == model.generate(
        10, temperature=0.8, top_k=5, top_p=0.9, limit=7
    )
    beams = ["--beam", "4", "--count", "3", "--length-penalty", "0.5", "--limit", "9"]
    found = sentences(seqgen("generate", plain, *beams))
    assert found == model.generate(3, beam=4, length_penalty=0.5, limit=9)
    assert len(set(found)) == 3


def test_of_more_draws_the_likeliest_are_written(seqgen: Call, plain: Path) -> None:
    model, share = load(plain), ["--count", "6", "--reject-likelihood", "0.25"]
    found = sentences(seqgen("generate", plain, *share, "--temperature", "0.8"))
    assert found == model.generate(6, reject_likelihood=0.25, temperature=0.8)
    assert found != model.generate(6, temperature=0.8)
    assert set(found) <= set(model.generate(24, temperature=0.8))


def test_a_beam_gives_as_many_sentences_as_it_is_wide_up_to_ten(seqgen: Call, plain: Path) -> None:
    for beam, count in ((2, 2), (3, 3), (12, 10)):
        assert len(sentences(seqgen("generate", plain, "--beam", str(beam)))) == count


def test_unknown_words_of_the_prefix_are_told(
    seqgen: Call, plain: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = sentences(seqgen("generate", plain, "--prefix", "a zebra of zebra yaks"))
    assert "does not know: 'zebra', 'yaks'" in caplog.text
    caplog.clear()
    assert (
        sentences(seqgen("generate", plain, "--prefix", "a zebra of zebra yaks", "--quiet")) == told
    )
    assert caplog.text == ""
    seqgen("generate", plain, "--prefix", "a")
    assert caplog.text == ""


@pytest.mark.parametrize("more", [[], ["--temperature", "0.7"], ["--beam", "10"]])
def test_every_sentence_begins_with_the_prefix(seqgen: Call, plain: Path, more: list[str]) -> None:
    for sentence in sentences(seqgen("generate", plain, "--prefix", "a", *more)):
        assert sentence.split()[0] == "a"


def test_a_label_is_generated_where_there_are_labels(seqgen: Call, labelled: Path) -> None:
    one, other, turns = (
        sentences(seqgen("generate", labelled, "--count", "6", *label))
        for label in (["--label", "admiring"], ["--label", "complaining"], [])
    )
    assert one != other
    assert turns == [(one, other)[row % 2][row] for row in range(6)]


def test_the_best_checkpoint_is_the_default(seqgen: Call, copy: Path) -> None:
    def drawn(*which: str) -> list[str]:
        return sentences(seqgen("generate", copy, *which))

    (copy / "checkpoints" / "best").write_text("step-00000002\n")
    assert drawn() == drawn("--checkpoint", "best") == drawn("--checkpoint", "2")
    assert drawn("--checkpoint", "latest") == drawn("--checkpoint", "6") != drawn()
    (copy / "checkpoints" / "best").unlink()
    assert drawn() == drawn("--checkpoint", "latest")


def test_sentences_the_limit_cut_are_counted_on_stderr(seqgen: Call, plain: Path) -> None:
    drawn = ["generate", plain, "--count", "60"]
    done = seqgen(*drawn, "--limit", "40")
    longer = sentences(seqgen(*drawn, "--limit", "80"))  # those that ended are the same again
    cut = sum(one != other for one, other in zip(sentences(done), longer, strict=True))
    assert 0 < cut < 60
    assert done.err == (
        f"seqgen: {cut} of 60 sentences reached the limit of 40 tokens without ending "
        "(--limit sets it)\n"
    )
    silent = seqgen(*drawn, "--limit", "40", "--quiet")
    assert (silent.out, silent.err) == (done.out, "")


def test_beams_the_limit_cut_are_counted_too(seqgen: Call, plain: Path) -> None:
    done = seqgen("generate", plain, "--count", "2", "--beam", "3", "--limit", "1")
    cut = sum(bool(sentence) for sentence in sentences(done))
    # One token: END makes an empty sentence that ended, a word one that did not.
    assert cut and f"seqgen: {cut} of 2 sentences reached the limit of 1 tokens" in done.err


def test_no_note_where_all_sentences_ended_or_nothing_ends_them(
    seqgen: Call, plain: Path, numbers: Path
) -> None:
    model = load(plain)
    seed = next(s for s in range(999) if next(model.stream(1, seed=s)).ended)
    assert seqgen("generate", plain, "--count", "1", "--seed", str(seed)).err == ""
    done = seqgen("generate", numbers, "--count", "3")
    assert [len(sentence.split()) for sentence in sentences(done)] == [5, 5, 5]
    assert done.err == ""
    assert seqgen("generate", numbers, "--count", "2", "--beam", "2").err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--count", "0"], "count 0: ask for at least 1"),
        (["--count", "some"], "--count: invalid int value: 'some'. seqgen generate --help"),
        (["--temperature", "-1"], "temperature -1.0: 0 (always the likeliest token) is the least"),
        (["--temperature", "nan"], "temperature nan"),
        (["--top-k", "-2"], "top-k -2"),
        (["--top-p", "0"], "top-p 0.0"),
        (["--top-p", "1.5"], "top-p 1.5"),
        (["--beam", "0"], "beam 0: must be 1"),
        (["--beam", "3", "--count", "4"], "count 4 with beam 3: a beam search gives at most 3"),
        (
            ["--beam", "3", "--top-k", "5"],
            "beam 3 with temperature 1.0, top-k 5, top-p 1.0, reject-likelihood 1.0: a beam",
        ),
        (["--beam", "3", "--reject-likelihood", "0.5"], "draws nothing; leave these out"),
        (["--reject-likelihood", "2"], "reject-likelihood 2.0: the share of sentences to keep"),
        (["--beam", "3", "--temperature", "0.5"], "draws nothing; leave these out"),
        (["--seed", "-1"], "--seed: '-1': a whole number of at least 0"),
        (["--limit", "0"], "limit 0: must be at least 1"),
        (["--prefix", "a " * 24], "the prefix has 24 tokens, the sentence at most 24"),
        (["--prefix", "a a", "--limit", "2"], "the prefix has 2 tokens, the sentence at most 2"),
        (["--label", "admiring"], "label 'admiring': this model was trained without labels"),
        (["--device", "nonsense"], "--device nonsense: there is no such device; cpu, cuda"),
        (["--device", "meta"], "--device meta: there is no such device; cpu, cuda"),
        (["--device", "mps"], "--device mps: there is no such device; cpu, cuda"),
        (["--threads", "0"], "--threads 0: at least 1"),
        (["--checkpoint", "newest"], "'newest' is neither best, latest nor a step"),
        (["--cuont", "3"], "unrecognized arguments: --cuont 3. seqgen generate --help"),
        (["more"], "unrecognized arguments: more"),
    ],
    ids=lambda value: " ".join(value)[:24] if isinstance(value, list) else "",
)
def test_mistakes_are_told_in_words(
    seqgen: Call, plain: Path, arguments: list[str], words: str
) -> None:
    done = seqgen("generate", plain, *arguments)
    assert (done.status, done.out) == (2, "")
    assert words in done.err and done.err.startswith("seqgen: ")
    assert "Traceback" not in done.err


def test_a_device_that_is_not_there(seqgen: Call, plain: Path) -> None:
    done = seqgen("generate", plain, "--device", "cuda:99")
    assert done.status == 2 and "--device cuda:99: " in done.err
    assert "Traceback" not in done.err


def test_an_unknown_label_gives_the_near_one(seqgen: Call, labelled: Path) -> None:
    done = seqgen("generate", labelled, "--label", "admring")
    assert done.status == 2
    assert "there are: admiring, complaining. Did you mean 'admiring'?" in done.err


def test_a_step_without_checkpoint_tells_those_there_are(seqgen: Call, plain: Path) -> None:
    done = seqgen("generate", plain, "--checkpoint", "5")
    assert done.status == 2 and "has no checkpoint of step 5; it has 0, 2, 4, 6" in done.err


@pytest.mark.parametrize(
    ("made", "words"), [(False, "there is no run folder"), (True, "is not a run")]
)
def test_no_run(seqgen: Call, tmp_path: Path, made: bool, words: str) -> None:
    folder = tmp_path / "nothing"
    if made:
        folder.mkdir()
    for verb in (["generate", folder], ["score", folder], ["export", folder, tmp_path / "out"]):
        done = seqgen(*verb)
        assert done.status == 2 and str(folder) in done.err and words in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "tokenizer.json",
            b'{"version": "1.0", ',
            "tokenizer.json:1:20: the vocabulary is damaged",
        ),
        ("tokenizer.json", b"{}", "this is no tokenizer"),
        ("tokenizer.json", b"\xff\xfe", "this is no tokenizer"),
        ("tokenizer.json", None, "holds no tokenizer.json"),
        ("tokenizer_config.json", b"\xff", "tokenizer_config.json cannot be read"),
        ("corpus.json", b'{"size": 12', "corpus.json is damaged"),
        ("corpus.json", b"\xff\xfe{", "corpus.json is damaged"),
        ("corpus.json", b"{}", "corpus.json is damaged"),
        ("corpus.json", b"[]", "corpus.json is damaged"),
        (
            "corpus.json",
            b'{"size": null, "vocabulary": "", "labels": {}}',
            "corpus.json is damaged",
        ),
        ("corpus.json", b'{"size": 9, "vocabulary": "", "labels": 3}', "corpus.json is damaged"),
        ("corpus.json", b'{"size": 9, "vocabulary": "", "labels": {"a": 1}}', "numbered from 0"),
        (
            "corpus.json",
            b'{"size": 9, "vocabulary": "x", "labels": {}}',
            "is not the one the model",
        ),
        ("corpus.json", None, "recipe.yaml or corpus.json is missing"),
        ("recipe.yaml", b"about: x\ngenerator: {kind: lstm\n", "recipe.yaml:"),
        ("recipe.yaml", b"about: x\ngenerator: {kind: lstn}\n", "recipe.yaml:2: generator.kind"),
        ("recipe.yaml", b"\xff\xfe", "is not UTF-8 text"),
        ("recipe.yaml", b"", "recipe.yaml:1: the file is empty"),
        ("recipe.yaml", None, "recipe.yaml or corpus.json is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_file_of_the_run_is_named(
    seqgen: Call, copy: Path, name: str, data: bytes | None, words: str
) -> None:
    if data is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(data)
    done = seqgen("generate", copy)
    assert (done.status, done.out) == (2, "")
    assert str(copy) in done.err and words in done.err
    assert "Traceback" not in done.err


def test_another_model_s_tokenizer_is_refused(seqgen: Call, copy: Path, labelled: Path) -> None:
    shutil.copyfile(labelled / "tokenizer.json", copy / "tokenizer.json")
    done = seqgen("generate", copy)
    assert done.status == 2 and "is not the one the model was trained with" in done.err


@pytest.mark.parametrize("name", ["generator.safetensors", "trainer.pt", "manifest.json"])
def test_a_flipped_bit_in_the_checkpoint_asked_for_is_an_error(
    seqgen: Call, copy: Path, name: str
) -> None:
    flip_bit(checkpoint(copy, 4) / name, 0.6)
    done = seqgen("generate", copy, "--checkpoint", "4")
    assert (done.status, done.out) == (1, "")
    assert str(checkpoint(copy, 4)) in done.err
    assert "Traceback" not in done.err


def test_a_flipped_bit_in_the_latest_checkpoint_gives_the_one_before(
    seqgen: Call, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = seqgen("generate", copy, "--checkpoint", "4", "--quiet")
    (copy / "checkpoints" / "best").unlink()
    flip_bit(checkpoint(copy, 6) / "generator.safetensors", 0.9)
    found = seqgen("generate", copy, "--quiet")
    assert found.out == before.out and found.status == 0
    assert "passed over" in caplog.text and "step-00000006" in caplog.text
    for step in (0, 2, 4):
        flip_bit(checkpoint(copy, step) / "generator.safetensors", 0.9)
    done = seqgen("generate", copy)
    assert (done.status, done.out) == (1, "") and "no sound checkpoint" in done.err


def test_what_is_passed_over_is_told_on_stderr_also_without_pytest(copy: Path) -> None:
    """`| head -1` besides: the reader that goes away ends it quietly."""
    (copy / "checkpoints" / "best").unlink()
    flip_bit(checkpoint(copy, 6) / "generator.safetensors", 0.9)
    done = subprocess.run(
        f'"{sys.executable}" -m seqgen generate "{copy}" --count 30000 --limit 3 --quiet '
        "| head -1; echo ${PIPESTATUS[0]}",
        shell=True,
        executable="bash",
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    first, status = done.stdout.splitlines()
    assert first and status == "0"
    [warning] = done.stderr.splitlines()
    assert "passed over" in warning and "step-00000006" in warning


def test_help(seqgen: Call) -> None:
    done = seqgen("generate", "--help")
    assert (done.status, done.err) == (0, "")
    assert "usage: seqgen generate" in done.out and "--temperature" in done.out
