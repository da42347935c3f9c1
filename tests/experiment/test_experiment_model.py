"""A trained model in use: sentences, scores, and mistakes told in words."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from experiment_runs import SENTENCES, sentences, tiny, trained

from seqgen import load as load_lazily
from seqgen.errors import UserError
from seqgen.experiment import drawing as drawing_module
from seqgen.experiment import scoring
from seqgen.experiment.experiment import Machine
from seqgen.experiment.model import TextModel
from seqgen.experiment.reopen import load
from seqgen.experiment.start import start
from seqgen.generators.beam import beam_search
from seqgen.windows import windows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    return trained(folder, "--phases.0.steps", "60", "--evaluate.every", "60").folder


@pytest.fixture(scope="module")
def model(run: Path) -> TextModel:
    return load(run)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    folder = tmp_path_factory.mktemp("labelled")
    files = [sentences(folder, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    styles = ("--corpus.styles", "polite", str(files[0]), "blunt", str(files[1]))
    network = (
        "--generator.kind",
        "transformer",
        "--generator.width",
        "8",
        "--generator.limit",
        "20",
    )
    small = ("--generator.heads", "2", "--generator.layers", "1", "--corpus.train", "none")
    recipe = tiny(folder, *styles, *network, *small)
    return load(start(recipe, folder / "run", Machine(quiet=True, report=False)).folder)


def test_load_is_at_hand_and_gives_a_model_in_evaluation_mode(run: Path) -> None:
    assert load_lazily is load
    opened = load(str(run))
    assert not opened.generator.training and opened.limit == 12


@pytest.mark.parametrize("fixture", ["model", "labelled"])
def test_the_same_seed_gives_the_same_sentences_whatever_the_count(
    fixture: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: TextModel = request.getfixturevalue(fixture)
    many = made.generate(200, seed=3)
    assert len(many) == 200 and len(set(many)) > 20
    for count in (1, 5, 10, 130):
        assert made.generate(count, seed=3) == many[:count]
    monkeypatch.setattr(drawing_module, "BLOCK", 70)
    assert [drawn.text for drawn in made.stream(200, seed=3)] == many
    assert made.generate(200, seed=4) != many


def test_temperature_zero_is_greedy_and_small_ones_come_near(model: TextModel) -> None:
    greedy = model.generate(3, temperature=0)
    assert len(set(greedy)) == 1
    assert set(model.generate(50, temperature=1e-4)) == set(greedy)
    assert len(set(model.generate(50, temperature=1.0))) > 10
    assert set(model.generate(50, top_k=1)) == set(greedy)
    assert set(model.generate(50, top_p=1e-6)) == set(greedy)
    assert len(set(model.generate(50, top_k=2))) > 1


def test_top_k_draws_from_the_likeliest_tokens_only(model: TextModel) -> None:
    first = {text.split()[0] if text else "" for text in model.generate(300, top_k=3)}
    everything = {text.split()[0] if text else "" for text in model.generate(300)}
    assert len(first) <= 3 < len(everything)


def test_a_beam_gives_the_best_sentences(model: TextModel) -> None:
    found = model.generate(4, beam=6, length_penalty=0.0)
    scores = model.score(found)
    assert scores == sorted(scores, reverse=True) and len(set(found)) == 4
    assert scores[0] >= max(model.score(model.generate(50, temperature=0.5)))
    with torch.no_grad():
        beams = beam_search(model.generator, 1, 6, 12, length_penalty=0.0)
    assert scores == pytest.approx(beams.scores[0, :4].tolist(), abs=1e-4)
    assert all(text.startswith("two dogs") for text in model.generate(3, beam=3, prefix="two dogs"))


def test_beams_of_labels_take_turns(labelled: TextModel) -> None:
    apart = [labelled.generate(4, beam=4, label=label) for label in ("blunt", "polite")]
    turns = [text for pair in zip(*apart, strict=True) for text in pair]
    assert apart[0] != apart[1]
    for count in (1, 2, 3, 8):
        assert labelled.generate(count, beam=4) == turns[:count]
    with pytest.raises(UserError, match=r"count 9 with beam 4.*4 sentences for each of 2 labels"):
        labelled.generate(9, beam=4)
    found = labelled.generate(6, beam=3, prefix="a man")
    assert len(found) == 6 and all(text.startswith("a man") for text in found)


@pytest.mark.parametrize("drawing", [{"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.9}])
def test_a_beam_does_not_draw(model: TextModel, drawing: dict[str, float]) -> None:
    with pytest.raises(UserError, match=r"beam 3 with temperature .*: a beam search draws nothing"):
        model.generate(3, beam=3, **drawing)  # type: ignore[arg-type]


def test_sampled_beams_give_any_number(
    labelled: TextModel, model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = labelled.generate(30, sampled_beam=3, seed=1)
    assert len(found) == 30 and 1 < len(set(found)) < len(set(labelled.generate(30, seed=1)))
    named = [labelled.generate(30, sampled_beam=3, seed=1, label=name) for name in labelled.labels]
    assert [named[row % 2][row] for row in range(30)] == found
    begun = model.generate(9, sampled_beam=2, prefix="two dogs")
    assert all(text.startswith("two dogs") for text in begun)
    monkeypatch.setattr(drawing_module, "BLOCK", 7)
    assert labelled.generate(30, sampled_beam=3, seed=1) == found
    with pytest.raises(UserError, match="sampled-beam 3 with beam, temperature"):
        model.generate(2, sampled_beam=3, temperature=0.5)
    with pytest.raises(UserError, match="sampled-beam 0"):
        model.generate(2, sampled_beam=0)


def test_a_wide_beam_is_no_problem(model: TextModel) -> None:
    assert len(model.generate(100, beam=100)) == 100


def test_every_sentence_begins_with_the_prefix(model: TextModel) -> None:
    found = model.generate(40, prefix="a man", seed=1)
    assert all(text.split()[:2] == ["a", "man"] for text in found)
    assert len(set(found)) > 5
    assert model.generate(40, prefix="  ", seed=1) == model.generate(40, seed=1)


def test_a_limit_cuts_and_is_told(model: TextModel) -> None:
    assert max(len(text.split()) for text in model.generate(50, limit=3)) <= 3
    short, long = ([*model.stream(50, limit=limit)] for limit in (3, 12))
    assert sum(drawn.ended for drawn in short) < sum(drawn.ended for drawn in long)
    # What ended within three tokens has at most two words, and is the same with more room.
    for cut, whole in zip(short, long, strict=True):
        assert not cut.ended or (cut == whole and len(cut.text.split()) <= 2)


def test_labels_take_turns_or_are_chosen(labelled: TextModel) -> None:
    with torch.no_grad():
        style = labelled.generator.embedding.style
        before = style.clone()
        style.copy_(torch.randn(style.shape, generator=torch.Generator().manual_seed(0)) * 9)
    try:
        mixed = labelled.generate(40, seed=1)
        for number, name in enumerate(["blunt", "polite"]):
            assert labelled.labels[name] == number
            alone = labelled.generate(40, seed=1, label=name)
            assert alone[number::2] == mixed[number::2]
            assert alone != mixed
    finally:
        with torch.no_grad():
            style.copy_(before)


@torch.no_grad()
def by_hand(model: TextModel, text: str, style: int | None = None) -> float:
    """log p of a sentence, END included, a token at a time."""
    from seqgen.generators.protocol import Condition

    condition = None if style is None else Condition(style=torch.tensor([style]))
    words = model.vocabulary.tokenizer
    ids = [words.token_to_id(word) or model.vocabulary.unknown for word in text.split()]
    state, fed, total = model.generator.start(1, condition), model.vocabulary.begin, 0.0
    for wanted in [*ids, model.vocabulary.end]:
        forced, state = model.generator.advance(torch.tensor([[fed]]), state)
        total += float(model.generator.logits(forced.hidden)[0, 0].log_softmax(0)[wanted])
        fed = wanted
    return total


def test_scores_are_log_probabilities(model: TextModel) -> None:
    texts = [*SENTENCES[:5], "a zebra runs", "horse horse horse"]
    expected = [by_hand(model, text) for text in texts]
    assert model.score(texts) == pytest.approx(expected, rel=1e-5)
    for tokens in (1, 5, 12, 30):  # below the longest sentence, it is read in pieces
        assert model.score(texts, tokens=tokens) == pytest.approx(expected, rel=1e-5)
    assert model.score([]) == []
    assert expected[0] > expected[-1]


def test_without_a_label_scores_are_averaged_over_labels(labelled: TextModel) -> None:
    texts = SENTENCES[:4]
    apart = [labelled.score(texts, label) for label in ("blunt", "polite")]
    for number, label in enumerate(apart):
        expected = [by_hand(labelled, text, number) for text in texts]
        assert label == pytest.approx(expected, rel=1e-5)
    mean = [math.log((math.exp(a) + math.exp(b)) / 2) for a, b in zip(*apart, strict=True)]
    assert labelled.score(texts) == pytest.approx(mean, rel=1e-5)
    assert apart[0] != pytest.approx(apart[1], rel=1e-6)


def test_scores_come_in_the_order_of_the_sentences_in_any_windows(
    model: TextModel, labelled: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*SENTENCES, "a", "two dogs " * 6, *SENTENCES[::-1]]
    for made in (model, labelled):
        alone = [made.score([text])[0] for text in texts]
        assert made.score(texts) == pytest.approx(alone, rel=1e-5)
    monkeypatch.setattr("seqgen.experiment.model.windows", partial(windows, lines=3))
    assert model.score(texts) == pytest.approx(model.score(texts, tokens=20), rel=1e-5)


def test_no_batch_holds_more_tokens_than_asked_for(
    model: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    advance = model.generator.advance

    def counted(tokens: torch.Tensor, state: object) -> object:
        read.append(tokens.numel())
        return advance(tokens, state)

    monkeypatch.setattr(model.generator, "advance", counted)
    model.score([*SENTENCES, "a man " * 40], tokens=24)
    assert max(read) <= 24 and sum(read) < 2 * (81 + sum(len(s.split()) + 1 for s in SENTENCES))


def test_sentences_the_generator_cannot_read_are_named(
    labelled: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, long = "a " * 19, "a " * 20  # and the end, of a limit of 20
    assert len(labelled.score([fits])) == 1
    monkeypatch.setattr("seqgen.experiment.model.windows", partial(windows, lines=2))
    with pytest.raises(scoring.TooLong, match=r"sentences 3, 4: longer than the 20 tokens"):
        labelled.score([fits, fits, long, long, fits])


def test_unknown_words_of_the_prefix_are_told(
    model: TextModel, caplog: pytest.LogCaptureFixture
) -> None:
    assert all(t.startswith("a <unk>") for t in model.generate(3, prefix="a zebra", seed=1))
    assert "the prefix has words this model does not know: 'zebra'" in caplog.text
    caplog.clear()
    model.generate(3, prefix="a man")
    assert caplog.text == ""


MISTAKES = [
    ({"count": 0}, "count 0"),
    ({"temperature": -1.0}, r"temperature -1\.0"),
    ({"temperature": math.nan}, "temperature nan"),
    ({"top_k": -1}, "top-k -1"),
    ({"top_p": 0.0}, r"top-p 0\.0"),
    ({"top_p": 1.5}, r"top-p 1\.5"),
    ({"beam": 0}, "beam 0"),
    ({"beam": 2, "count": 3}, "at most 2 sentences"),
    ({"limit": 0}, "limit 0"),
    ({"prefix": " ".join(["a"] * 12)}, "prefix has 12 tokens, the sentence at most 12"),
    ({"prefix": "a man runs", "limit": 3}, "prefix has 3 tokens"),
    ({"label": "polite"}, "trained without labels"),
]


@pytest.mark.parametrize(("settings", "message"), MISTAKES)
def test_mistakes_are_told(model: TextModel, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        model.generate(**settings)


def test_mistakes_with_labels_and_limits_are_told(model: TextModel, labelled: TextModel) -> None:
    with pytest.raises(UserError, match=r"'polit' is unknown.*blunt, polite.*mean 'polite'"):
        labelled.generate(1, label="polit")
    with pytest.raises(UserError, match="'rude' is unknown"):
        labelled.score(["a man"], "rude")
    with pytest.raises(UserError, match="without labels"):
        model.score(["a man"], "polite")
    with pytest.raises(UserError, match="limit 21: must be at least 1 and at most 20"):
        labelled.generate(1, limit=21)
    assert labelled.generate(2, limit=20)


def test_what_cannot_be_opened_is_told(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a run"):
        load(tmp_path)
    with pytest.raises(UserError, match="no checkpoint of step 7; it has 0, "):
        load(run, 7)


def test_another_tokenizer_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    file = run / "tokenizer.json"
    file.write_text(file.read_text("utf-8").replace('"horse"', '"zebra"'), "utf-8")
    with pytest.raises(UserError, match=r"put the model's own tokenizer\.json back"):
        load(run)
    (run / "corpus.json").write_text("{", "utf-8")
    with pytest.raises(UserError, match=r"corpus\.json is damaged"):
        load(run)
