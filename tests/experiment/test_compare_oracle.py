"""Runs on a synthetic oracle compared: checkpoints of one run side by side, in its plane."""

from __future__ import annotations

from pathlib import Path

import pytest
from experiment_runs import QUIET, trained

from seqgen.errors import UserError
from seqgen.evaluation.likelihood import likelihood
from seqgen.evaluation.truth import OracleTruth
from seqgen.experiment.compare import compare
from seqgen.experiment.comparison import Comparison
from seqgen.experiment.entries import open_entry
from seqgen.experiment.real_sentences import real_sentences
from seqgen.experiment.reopen import load
from seqgen.experiment.run_groups import open_groups
from seqgen.experiment.synthetic import open_oracle
from seqgen.recipe.data import OracleCorpus
from seqgen.text.encoded import Encoded
from seqgen.training.run import Run

ORACLE = (
    "--corpus", "{kind: oracle, vocabulary: 30, length: 6, count: 60, valid: 40}",
    "--vocabulary", "null", "--phases.0.steps", "60", "--save", "{every: 20, keep: 5}",
    "--evaluate.every", "20",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oracle")
    assert QUIET.quiet
    for seed in ("1", "2"):
        trained(folder, *ORACLE, "--seed", seed, name=f"mle-seed{seed}")
    return folder


@pytest.fixture(scope="module")
def found(runs: Path) -> Comparison:
    asked = [runs / f"mle-seed{seed}@{at}" for at in ("20", "latest") for seed in (1, 2)]
    return compare(asked, count=50, multipliers=(2.0, 0.7, 1.0, 1.25, 1.5))


def test_a_checkpoint_of_each_run_is_a_model_of_its_own(found: Comparison) -> None:
    names = ["mle@step 20 (2 runs)", "mle@latest (2 runs)"]
    rows = [row for row in found.table.rows if row.kind == "system"]
    assert [row.name for row in rows] == names
    assert found.plane is not None and [c.name for c in found.plane.curves] == names
    early, late = (row.score("nll").value for row in rows)  # type: ignore[union-attr]
    assert late < early  # trained longer


def test_the_line_goes_over_the_multipliers_and_through_the_rows_of_the_table(
    found: Comparison,
) -> None:
    assert found.plane is not None
    for curve, row in zip(
        found.plane.curves, [r for r in found.table.rows if r.kind == "system"], strict=True
    ):
        assert [1 / point.value for point in curve.points] == pytest.approx(
            [0.7, 1.0, 1.25, 1.5, 2.0]
        )
        plain = curve.points[1].figures
        for name in ("nll", "oracle-nll"):
            assert plain[name] == pytest.approx(row.score(name).value, rel=1e-5)  # type: ignore[union-attr]
        assert curve.points[-1].figures["oracle-nll"] < plain["oracle-nll"]  # colder: likelier
        assert "oracle-nll-deviation" in plain and len(curve.runs) == 2
        own = row.score(f"nll@oracle-{plain['oracle-nll']:.3f}")
        assert own is not None and own.value == pytest.approx(plain["nll"])


def test_the_oracles_own_figure_is_that_of_its_held_out_sentences(
    found: Comparison, runs: Path
) -> None:
    oracle = open_oracle(OracleCorpus(vocabulary=30))
    model = load(runs / "mle-seed1")
    texts = real_sentences(Run.open(runs / "mle-seed1"), "valid")
    data = Encoded.build(texts, model.vocabulary, 6)
    assert found.plane is not None
    assert found.plane.entropy == pytest.approx(likelihood(oracle, data).nats)
    sentences = model.vocabulary.encode(texts)
    nats = OracleTruth(oracle, batch=7).nats(sentences)
    assert nats.shape == (40,)
    assert float(nats.sum()) / (40 * 6) == pytest.approx(found.plane.entropy)


def test_without_settings_of_their_own_there_is_the_plane_alone(found: Comparison) -> None:
    assert list(found.curves) == []
    words, verdict = found.sentences.values()
    assert any("At temperature 1, mle@latest (2 runs)" in one for one in words)
    assert any("mle@step 20 (2 runs)" in one for one in verdict)


def test_a_checkpoint_is_named_behind_the_run_and_a_folder_may_have_an_at(
    runs: Path, tmp_path: Path
) -> None:
    assert open_entry(f"{runs}/mle-seed1@step-00000040").checkpoint == 40
    assert open_entry(f"{runs}/mle-seed1@best").name == "mle-seed1@best"
    assert open_entry(runs / "mle-seed1").checkpoint is None
    (tmp_path / "a@best").symlink_to(runs / "mle-seed1")
    assert open_entry(tmp_path / "a@best").checkpoint is None
    with pytest.raises(UserError, match="'last' is no checkpoint"):
        open_entry(f"{runs}/mle-seed1@last")
    with pytest.raises(UserError, match="given twice"):
        open_groups([f"{runs}/mle-seed1@best", runs / "mle-seed1", f"{runs}/mle-seed1@best"])
    groups = open_groups(
        [f"{runs}/mle-seed{seed}@{at}" for seed in (1, 2) for at in ("best", "40")]
    )
    assert [group.label for group in groups] == ["mle@best (2 runs)", "mle@step 40 (2 runs)"]
