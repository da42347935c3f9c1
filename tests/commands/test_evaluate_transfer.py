"""seqgen evaluate of style transfer: files line by line, JSON rows, judges, refusals."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_runs import MACHINE, Call

from seqgen.commands.main import main
from seqgen.experiment.style_judge import open_judge
from seqgen.metrics.bleu_family.aligned import sentence_aligned_bleu
from seqgen.ngram_model.model import NgramModel
from seqgen.text.grammar import Grammar

JUDGE = shlex.split(
    "judge/linear --corpus.count 2000 --corpus.valid 50 --corpus.test 100 --batch 32 "
    "--phases.0.steps 150 --evaluate.every 150 --classifier.width 8 --classifier.buckets 2000"
)
BY_LABEL: dict[str, list[str]] = {"admiring": [], "complaining": []}
for sentence, label in Grammar.default().sample(80, seed=7):
    BY_LABEL[str(label)].append(sentence)
COMPLAINING, ADMIRING = (BY_LABEL[label][:20] for label in ("complaining", "admiring"))


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A style judge and a language judge."""
    folder = tmp_path_factory.mktemp("judges")
    assert main(["train", *JUDGE, *MACHINE, "--runs", str(folder), "--name", "run"]) == 0
    NgramModel.train([*COMPLAINING, *ADMIRING], order=2).save(folder / "lm.arpa")
    return folder / "run", folder / "lm.arpa"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two directions of sources, references, and outputs that copy every other source."""
    for number, (source, other) in enumerate([(COMPLAINING, ADMIRING), (ADMIRING, COMPLAINING)]):
        half = [own if row % 2 else new for row, (own, new) in enumerate(zip(source, other))]  # noqa: B905
        for name, lines in {
            "in": source, "r0": other, "r1": [line.upper() for line in other], "out": half,
            "twin": source,
        }.items():  # fmt: skip
            text = "".join(f"{line}\n" for line in lines)
            (tmp_path / f"{name}.{number}").write_text(text, "utf-8")
    return tmp_path


def directions(files: Path, *, references: bool = True) -> list[str]:
    """The options of both directions."""
    found = []
    for number, label in enumerate(("admiring", "complaining")):
        found += ["--hypotheses", f"{files}/out.{number}", "--sources", f"{files}/in.{number}"]
        found += ["--to", label]
        if references:
            found += ["--aligned-references", f"{files}/r0.{number}", f"{files}/r1.{number}"]
    return found


def measured(out: str) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Row -> score -> value of what --json printed, and the notes."""
    table: dict[str, Any] = json.loads(out)
    rows = {
        row["name"]: {score["name"]: score["value"] for score in row["scores"]}
        for row in table["rows"]
    }
    return rows, table["notes"]


def test_two_directions_with_both_judges(
    seqgen: Call, files: Path, judges: tuple[Path, Path]
) -> None:
    style, language = judges
    done = seqgen(
        "evaluate", *directions(files), "--style-judge", style, "--language-judge", language,
        "--compare-with", f"{files}/twin.0", f"{files}/twin.1", "--json", *MACHINE,
    )  # fmt: skip
    assert done.status == 0, done.err
    rows, notes = measured(done.out)
    assert list(rows) == [
        "out", "twin", "human (reference 0)", "copy-source", "random-target", "copy-plus-phrase",
    ]  # fmt: skip
    assert rows["twin"] == rows["copy-source"]
    judge = open_judge(style)
    assert f"style judge {judge.about()}" == notes[0]
    assert (
        rows["copy-source"]["accuracy"]
        < rows["out"]["accuracy"]
        < rows["random-target"]["accuracy"]
    )
    assert rows["copy-source"]["source-bleu"] == pytest.approx(100)
    assert rows["copy-plus-phrase"]["joint"] < 5
    outputs = [
        *(files / "out.0").read_text().splitlines(),
        *(files / "out.1").read_text().splitlines(),
    ]
    references = [[*ADMIRING, *COMPLAINING]]
    expected = sentence_aligned_bleu(outputs, references)[0].mean() * 100
    assert rows["out"]["reference-bleu"] == pytest.approx(expected)
    assert any(note.startswith("out against twin: joint ") for note in notes)


def test_without_judges_it_says_what_is_left_out_and_needs_no_torch(
    files: Path, judges: tuple[Path, Path]
) -> None:
    code = (
        "import sys; from seqgen.commands.main import main; status = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(status)"
    )
    options = [*directions(files), "--language-judge", str(judges[1])]
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", *options], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "no style judge: accuracy, geometric-mean, harmonic-mean and joint" in done.stdout
    assert "judge-perplexity" in done.stdout
    assert "copy-plus-phrase" in done.stdout


def test_pairs_give_what_files_give(
    seqgen: Call, files: Path, judges: tuple[Path, Path], tmp_path: Path
) -> None:
    options = ["--style-judge", judges[0], "--json", *MACHINE]
    by_files = seqgen("evaluate", *directions(files), *options)
    lines = {
        name: [line for n in (0, 1) for line in (files / f"{name}.{n}").read_text().splitlines()]
        for name in ("in", "r0", "r1", "out")
    }
    targets = ["admiring"] * 20 + ["complaining"] * 20
    rows = [
        {"source": s, "to": to, "references": [a, b], "hypothesis": h}
        for s, to, a, b, h in zip(
            lines["in"], targets, lines["r0"], lines["r1"], lines["out"], strict=True
        )
    ]
    pairs, bare = tmp_path / "rows.jsonl", tmp_path / "bare.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = seqgen("evaluate", "--pairs", pairs, *options)
    assert own.status == 0, own.err
    assert list(measured(own.out)[0].values()) == list(measured(by_files.out)[0].values())
    bare.write_text("".join(json.dumps({**row, "hypothesis": None}) + "\n" for row in rows))
    done = seqgen("evaluate", "--pairs", bare)
    assert done.status == 2 and f"{bare}:1: None is no string" in done.err
    for row in rows:
        del row["hypothesis"]
    bare.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "out.txt").write_text("".join(f"{line}\n" for line in lines["out"]))
    other = seqgen("evaluate", "--pairs", bare, "--hypotheses", tmp_path / "out.txt", *options)
    assert list(measured(other.out)[0].values()) == list(measured(by_files.out)[0].values())


def test_another_number_of_lines_is_refused_with_both_counts(seqgen: Call, files: Path) -> None:
    for name in ("out.1", "r1.1"):
        kept = (files / name).read_text()
        (files / name).write_text(kept + "one more\n")
        done = seqgen("evaluate", *directions(files))
        assert (done.status, done.out) == (2, "")
        assert f"{files}/{name} has 21 lines, but its sources {files}/in.1 have 20" in done.err
        (files / name).write_text(kept)


def test_blank_outputs_are_rows_like_others_and_never_right(
    seqgen: Call, files: Path, judges: tuple[Path, Path]
) -> None:
    for number in (0, 1):
        (files / f"out.{number}").write_text("\n" * 19 + "a\n")
    done = seqgen("evaluate", *directions(files), "--style-judge", judges[0], "--json", *MACHINE)
    assert done.status == 0, done.err
    assert measured(done.out)[0]["out"]["accuracy"] <= 5


def test_the_preset_cuts_as_the_style_transformer_did(seqgen: Call, files: Path) -> None:
    (files / "out.0").write_text("".join(f"it's fine {row}\n" for row in range(20)))
    signed = []
    for more in ([], ["--preset", "style-transformer"], ["--tokenizer", "character"]):
        done = seqgen("evaluate", *directions(files), *more, "--json")
        (score,) = (
            score
            for score in json.loads(done.out)["rows"][0]["scores"]
            if score["name"] == "reference-bleu"
        )
        signed.append(score["signature"])
        notes = " ".join(json.loads(done.out)["notes"])
        assert ("Measured as the evaluator of Style Transformer" in notes) == ("--preset" in more)
        wanted = (
            "the protocol wants aligned-bleu of 1,000 hypotheses, here of 40; aligned-bleu of 1 r"
        )
        assert (wanted in notes) == ("--preset" in more)
    assert "tokenizer:whitespace+lowercase" in signed[0]
    assert "tokenizer:nltk+lowercase" in signed[1]
    assert signed[1].startswith("preset:style-transformer|old-bugs:no|order:4|")
    assert "tokenizer:character+lowercase" in signed[2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--compare-with", "{files}/twin.0"], "1 files for 2 directions"),
        (["--preset", "leakgan"], "the only preset is style-transformer"),
        (["--preset", "style-transformer", "--tokenizer", "nltk"], "a tokenizer of its own"),
        (["--tokenizer", "moses"], "--tokenizer moses: there are whitespace, nltk, character"),
        (["--old-bugs"], "--old-bugs without --preset"),
        (["--real", "{files}/none.txt"], "none.txt"),
        (["--language-judge", "{files}/in.0"], "in.0"),
        (["--compare-with", "-", "-"], "standard input can only be read once"),
        (["--threads", "1"], "--threads without a judge that is a network"),
        (["--device", "cuda"], "--device without a judge that is a network"),
        (["--language-judge", "{arpa}", "--threads", "0"], "--threads without a judge that is a"),
    ],
)
def test_what_does_not_go_together_is_refused(
    seqgen: Call, files: Path, judges: tuple[Path, Path], more: list[str], message: str
) -> None:
    words = [part.format(files=files, arpa=judges[1]) for part in more]
    done = seqgen("evaluate", *directions(files), *words)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_standard_input_can_be_one_of_the_files(seqgen: Call, files: Path) -> None:
    options = directions(files)
    plain = seqgen("evaluate", *options, "--json")
    given = (files / "out.0").read_bytes()
    options[options.index(f"{files}/out.0")] = "-"
    piped = seqgen("evaluate", *options, "--json", given=given)
    assert list(measured(piped.out)[0].values()) == list(measured(plain.out)[0].values())


def test_a_style_the_judge_does_not_know_is_refused(
    seqgen: Call, files: Path, judges: tuple[Path, Path]
) -> None:
    options = directions(files)
    options[options.index("admiring")] = "polite"
    done = seqgen("evaluate", *options, "--style-judge", judges[0], *MACHINE)
    assert (done.status, done.out) == (2, "")
    assert f"--to polite: {judges[0]} tells apart admiring, complaining" in done.err


def test_unequal_numbers_of_references_are_refused(seqgen: Call, files: Path) -> None:
    options = directions(files)
    del options[-1]
    done = seqgen("evaluate", *options)
    assert (done.status, done.out) == (2, "")
    assert "--aligned-references with 2 and 1 files" in done.err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (['{"source": "a"}'], ":1: there is no key 'to'; there are: 'source'. Expected"),
        (['{"sorce": "a", "to": "x"}'], "'sorce', 'to'; did you mean 'sorce'?"),
        (
            ['{"source": "a", "to": "x", "reference": ["b"]}'],
            ":1: there is no key 'references'; there are: 'source', 'to', 'reference'; did you",
        ),
        (["[1]"], ":1: expected an object such as"),
        (["{"], ":1: this is not JSON"),
        ([], "has no rows"),
        (['{"source": "a", "to": "x", "references": "b"}'], ":1: references is a list"),
        (['{"source": "a", "to": "x", "references": [1]}'], ":1: 1 is no string"),
        (
            ['{"source": "a", "to": "x", "references": ["b"]}', '{"source": "a", "to": "x"}'],
            ":2: 0 references, the first row has 1: give every row as many",
        ),
        (
            ['{"source": "a", "to": "x", "hypothesis": "b"}', '{"source": "a", "to": "x"}'],
            ":2: either every row has a hypothesis, or none",
        ),
        (['{"source": "a", "to": "x"}'], "has no sentences to measure"),
    ],
)
def test_bad_pairs_are_refused(seqgen: Call, tmp_path: Path, rows: list[str], message: str) -> None:
    pairs = tmp_path / "rows.jsonl"
    pairs.write_text("\n".join(rows))
    done = seqgen("evaluate", "--pairs", pairs)
    assert (done.status, done.out) == (2, "")
    assert f"{pairs}:" in done.err or f"{pairs} " in done.err
    assert message in done.err


def test_a_run_beside_hypotheses_is_refused_with_what_to_do(
    seqgen: Call, files: Path, plain: Path
) -> None:
    done = seqgen("evaluate", plain, *directions(files))
    assert (done.status, done.out) == (2, "")
    assert "leave --hypotheses out" in done.err and "--compare-with F" in done.err


def test_files_of_columns_and_of_other_bytes(seqgen: Call, files: Path, tmp_path: Path) -> None:
    plain = seqgen("evaluate", *directions(files), "--json")
    lines = (files / "out.0").read_text().splitlines()
    table = tmp_path / "out.0.jsonl"
    table.write_text("".join(json.dumps({"said": line}) + "\n" for line in lines))
    options = directions(files)
    options[options.index(f"{files}/out.0")] = str(table)
    assert "--text COLUMN" in seqgen("evaluate", *options).err
    done = seqgen("evaluate", *options, "--text", "said", "--json")
    assert list(measured(done.out)[0].values()) == list(measured(plain.out)[0].values())
    pairs = tmp_path / "rows.jsonl"
    pairs.write_bytes(b'{"source": "a \xff b", "to": "x", "hypothesis": "a b"}\n')
    assert "--encoding-errors replace" in seqgen("evaluate", "--pairs", pairs).err
    done = seqgen("evaluate", "--pairs", pairs, "--encoding-errors", "ignore", "--json")
    assert done.status == 0, done.err


def test_a_classifier_alone_takes_no_options_of_sentences(
    seqgen: Call, judges: tuple[Path, Path]
) -> None:
    assert seqgen("evaluate", judges[0], *MACHINE).status == 0
    done = seqgen("evaluate", judges[0], "--temperature", "0.5", *MACHINE)
    assert (done.status, done.out) == (2, "")
    assert "--temperature: " in done.err and "is a classifier, which writes no" in done.err
