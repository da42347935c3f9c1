"""Curves from a sweep over decoding settings, of a model made up by hand."""

from __future__ import annotations

import io
import random

import pytest

from seqgen.errors import UserError
from seqgen.evaluation.decoding_settings import TEMPERATURES, Decoding, decodings, setting
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import cost, measuring, sweep
from seqgen.metrics.bleu_family.bleu import bleu, self_bleu
from seqgen.metrics.score import Score, sign

WORDS = [*map(str, range(16))]


def draw(count: int, decoding: Decoding) -> list[str]:
    """Of few words at low temperatures."""
    source = random.Random(7)
    some = WORDS[: max(2, round(6 * decoding.temperature * decoding.reject_likelihood))]
    return [" ".join(source.choices(some, k=6)) for _ in range(count)]


REFERENCES = draw(80, Decoding(1.2))


def test_settings_are_one_after_the_other_and_none_twice() -> None:
    found = decodings([0.5, 1.0, 0.5], [5, 0], [0.9, 1.0], [1, 3], [0.5, 1.0])
    expected = [("temperature", 0.5), ("temperature", 1.0), ("top-k", 5.0), ("top-p", 0.9)]
    assert [setting(one) for one in found] == [*expected, ("beam", 3.0), ("reject-likelihood", 0.5)]
    assert [setting(one)[1] for one in decodings()] == list(TEMPERATURES) and len(TEMPERATURES) == 9


@pytest.mark.parametrize(
    "given",
    [{"reject_likelihood": [0.0]}, {"beam": [0]}, {"temperatures": [-1.0]}, {"top_k": [-1]}],
)
def test_values_out_of_range_are_refused(given: dict[str, list[float]]) -> None:
    with pytest.raises(UserError):
        decodings(**given)  # type: ignore[arg-type]


def test_a_setting_that_changes_two_things_belongs_to_no_curve() -> None:
    for decoding in (Decoding(0.5, top_k=3), Decoding(beam=4)):
        with pytest.raises(UserError, match="a point of a curve changes one setting"):
            setting(decoding)


def test_a_curve_has_the_scores_of_each_setting() -> None:
    settings = decodings([0.5, 1.0], reject_likelihood=[0.5])
    curve = sweep("model", draw, measuring(REFERENCES), settings, 60)
    assert curve.name == "model" and len(curve.points) == 3
    for point, decoding in zip(curve.points, settings, strict=True):
        texts = draw(60, decoding)
        assert (point.family, point.value) == setting(decoding)
        assert point.figures["bleu-5"] == bleu(texts, REFERENCES, 5).value
        assert point.figures["self-bleu-5"] == self_bleu(texts, 5).value
    assert curve.points[0].figures["self-bleu-5"] > curve.points[1].figures["self-bleu-5"]
    assert curve.signatures["bleu-5"] == bleu(draw(60, Decoding()), REFERENCES, 5).signature


def test_parts_are_measured_like_the_whole() -> None:
    curve = sweep("model", draw, measuring(REFERENCES), [Decoding()], 60, parts=4)
    texts = draw(60, Decoding())
    assert len(curve.parts) == 4 and not sweep("m", draw, measuring(REFERENCES), [], 60).parts
    for number, part in enumerate(curve.parts):
        [point] = part.points
        assert point.figures["bleu-5"] == bleu(texts[number::4], REFERENCES, 5).value
        assert point.figures["self-bleu-5"] == self_bleu(texts[number::4], 5).value
    mean = sum(part.points[0].figures["bleu-5"] for part in curve.parts) / 4
    assert mean == pytest.approx(curve.points[0].figures["bleu-5"])


def test_language_scores_are_measured_on_request() -> None:
    language = LanguageScores(REFERENCES[:40], REFERENCES[40:])
    curve = sweep("m", draw, measuring(REFERENCES, language), [Decoding(0.5), Decoding()], 30)
    for point in curve.points:
        assert set(point.figures) == {"bleu-5", "self-bleu-5", "lm-score", "reverse-lm-score"}
    low, plain = (point.figures["reverse-lm-score"] for point in curve.points)
    assert low > plain  # two words alone tell little of the real sentences


def test_points_of_other_counts_or_signatures_are_refused() -> None:
    def fewer(count: int, decoding: Decoding) -> list[str]:
        return draw(count - (decoding.temperature > 1), decoding)

    with pytest.raises(ValueError, match=r"temperature 1\.5: 19 sentences instead of 20"):
        sweep("m", fewer, measuring(REFERENCES), [Decoding(), Decoding(1.5)], 20)

    def of_themselves(texts: list[str]) -> dict[str, Score]:
        return {"s": Score("s", 0.0, sign({"first": texts[0].split()[0]}))}

    def named(count: int, decoding: Decoding) -> list[str]:
        return [f"{decoding.temperature:g}"] * count

    with pytest.raises(ValueError, match="cannot be compared"):
        sweep("m", named, of_themselves, [Decoding(), Decoding(1.5)], 20)


def test_progress_is_told_of_the_work_of_each_point() -> None:
    assert cost(Decoding(reject_likelihood=0.25), 100) == 500
    assert cost(Decoding(reject_likelihood=0.25), 100, parts=4) == 600
    assert cost(Decoding(sampled_beam=3), 100) == 400 and cost(Decoding(0.7), 100) == 200
    said = io.StringIO()
    settings = decodings([0.5], reject_likelihood=[0.25])
    with Progress(700 * 2, seconds=0.0, stream=said) as progress:
        sweep("model", draw, measuring(REFERENCES), settings, 100, progress)
        assert progress.done == 700 and progress.remaining(14.0) == 14.0
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("14%, about ") and lines[0].endswith("after model, temperature 0.5")
    assert lines[1].startswith("50%, about ") and "reject-likelihood 0.25" in lines[1]


def test_quiet_progress_says_nothing() -> None:
    said = io.StringIO()
    with Progress(10, quiet=True, seconds=0.0, stream=said) as progress:
        progress.advance(5, "a point")
    assert said.getvalue() == "" and progress.remaining(3.0) == 3.0
