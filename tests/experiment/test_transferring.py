"""Sentences in another style: of a generator whose answers are known, and of a real network whose
answers must not depend on the company."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from copying_generator import LIMIT, STYLES, SURE, WORDS, Copying, copying_model

from seqgen.errors import UserError
from seqgen.experiment import transferring
from seqgen.experiment.model import TextModel
from seqgen.experiment.transfer_settings import Transfer
from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Condition, Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.metrics.arrays import Floats
from seqgen.text.vocabulary import Vocabulary

MODEL = copying_model()
NEXT = dict(zip(WORDS, [*WORDS[1:], WORDS[0]], strict=True))


@dataclass
class WordJudge:
    """Says "next" of a sentence the more surely the more of some words are in it."""

    words: Sequence[str]
    labels: Sequence[str] = ("plain", "next")
    name: str = "word-judge"
    asked: list[str] = field(default_factory=list)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        shares = [sum(word in self.words for word in text.split()) / 10 for text in texts]
        return np.array([[1 - share, share] for share in shares]).reshape(-1, 2)


def real_network(limit: int = 12, seed: int = 4) -> TextModel:
    """A Style Transformer with random weights and clear opinions."""
    torch.manual_seed(seed)
    vocabulary = MODEL.vocabulary
    specials = Specials(vocabulary.begin, 2, vocabulary.pad)
    network = StyleTransformer(
        len(vocabulary), specials, styles=3, width=16, heads=2, layers=2, limit=limit
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.8)
        assert network.head.bias is not None
        network.head.bias[:4] = torch.tensor([-99.0, -99.0, 1.0, -1.0])  # no PAD, no BEGIN
    return TextModel(network.eval(), vocabulary, limit, STYLES)


def sentences(count: int, seed: int = 1) -> list[str]:
    """Of one to nine words, some of them blank and some with an unknown word."""
    stream = np.random.default_rng(seed)
    drawn = [
        " ".join(stream.choice([*WORDS, "zebra"], stream.integers(0, 10))) for _ in range(count)
    ]
    assert "" in drawn and any("zebra" in sentence for sentence in drawn)
    return drawn


def test_each_word_is_transferred() -> None:
    given = ["the food was cold .", "it was bad !"]
    assert MODEL.transfer(given, to="plain") == given
    found = MODEL.transfer(given, to="next")
    assert found == [" ".join(NEXT[word] for word in sentence.split()) for sentence in given]
    assert found != given


def test_blank_sentences_stay_blank_and_the_order_stays() -> None:
    given = ["", "food !", " \t", "the .", "", "it"]
    assert MODEL.transfer(given, to="plain", batch=2) == ["", "food !", "", "the .", "", "it"]
    assert MODEL.transfer([], to="plain") == []
    assert MODEL.transferred(["", " "], Transfer("plain"))[0].candidates == ()


def test_raw_text_is_put_into_the_vocabulary_s_form() -> None:
    assert MODEL.transfer(["The food was GREAT!"], to="plain") == ["the food was great !"]
    assert MODEL.transfer(["The  food\twas GREAT!"], to="next") == MODEL.transfer(
        ["the food was great !"], to="next"
    )


@pytest.mark.parametrize(
    "how",
    [
        Transfer("next"),
        Transfer("second", temperature=1.0, count=3, seed=5),
        Transfer("plain", beam=3, count=2),
        Transfer("next", count=2, copy_unknown=True),
    ],
    ids=["greedy", "draws", "beam", "copied"],
)
def test_an_answer_does_not_depend_on_the_company(how: Transfer) -> None:
    model, given = real_network(), sentences(150)
    expected = model.transferred(given, replace(how, batch=64))
    texts = {one.text for one in expected}
    assert len(texts) > 20  # not all the same, which any batch would give
    for size in (1, 7, 256):
        part = given if size > 1 else given[:20]
        assert model.transferred(part, replace(how, batch=size)) == expected[: len(part)]
    order = np.random.default_rng(2).permutation(len(given))
    shuffled = model.transferred([given[place] for place in order], how)
    assert shuffled == [expected[place] for place in order]


def test_a_longer_line_beside_it_does_not_matter_to_the_network() -> None:
    model = real_network()
    alone, longer = "it was cold", " ".join(["food"] * 11)
    with_others = model.transferred([longer, alone, longer], Transfer("next"))
    assert with_others[1] == model.transferred([alone], Transfer("next"))[0]


def test_draws_belong_to_the_sentence_and_the_seed() -> None:
    given = ["the food was great !"] * 2 + ["it was cold ."]
    drawn = MODEL.transferred(given, Transfer("plain", temperature=1.0, count=30))
    assert drawn[0] == drawn[1]
    assert len({one.text for one in drawn[0].candidates}) > 5
    again = MODEL.transferred(given, Transfer("plain", temperature=1.0, count=30))
    assert again == drawn
    other = MODEL.transferred(given, Transfer("plain", temperature=1.0, count=30, seed=1))
    assert [one.candidates for one in other] != [one.candidates for one in drawn]


def test_draws_come_as_often_as_their_probability() -> None:
    drawn = MODEL.transferred(["food"], Transfer("plain", temperature=2.0, count=4000))[0]
    share = np.mean([one.text.split()[:1] == ["food"] for one in drawn.candidates])
    others = len(MODEL.vocabulary) - 1
    assert share == pytest.approx(math.exp(SURE / 2) / (math.exp(SURE / 2) + others), abs=0.03)


def test_log_probabilities_are_those_of_the_tokens() -> None:
    others = len(MODEL.vocabulary) - 1
    sure = SURE - math.log(math.exp(SURE) + others)
    found = MODEL.transferred(["food was cold ."], Transfer("next", beam=3, count=3))[0]
    first, *rest = [one.log_probability for one in found.candidates]
    assert first == pytest.approx(sure, abs=1e-6)
    # The others have one word more before END: of six tokens one that it does not want.
    assert rest == pytest.approx([sure - SURE / 6] * 2, abs=1e-6)


def test_scores_of_a_real_network_are_those_of_reading_its_answers() -> None:
    model = real_network()
    found = model.transferred(["the food was bad ."], Transfer("next", temperature=1.0, count=4))[0]
    scores = [one.log_probability for one in found.candidates]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) > 1
    source = model.vocabulary.encode(["the food was bad ."])
    condition = Condition(source.ids, source.mask, torch.tensor([1]))
    whole = [one for one in found.candidates if one.ended and not one.unknown]
    assert whole
    for one in whole:
        answer = model.vocabulary.encode([one.text])
        with torch.no_grad():
            hidden = teacher_force(model.generator, answer, condition).hidden
            expected = model.generator.log_probability(hidden, answer.ids).mean()
        assert one.log_probability == pytest.approx(float(expected), abs=1e-5)


def test_greedy_is_a_beam_of_one_and_several_candidates_are_a_beam() -> None:
    given = sentences(20)
    for model in (MODEL, real_network()):
        several = model.transferred(given, Transfer("next", count=3))
        assert several == model.transferred(given, Transfer("next", count=3, beam=3))
        assert all(len(one.candidates) == 3 for one in several if one.source)
    assert all(len({c.text for c in one.candidates}) == 3 for one in several if one.source)
    greedy = MODEL.transfer(given, to="next")
    assert greedy == [one.text for one in MODEL.transferred(given, Transfer("next", count=3))]


def test_a_judge_chooses() -> None:
    judge, given = WordJudge(["waiter"]), ["food was cold"]
    alone = MODEL.transferred(given, Transfer("next", temperature=2.0, count=60))[0]
    chosen = MODEL.transferred(given, Transfer("next", temperature=2.0, count=60), judge)[0]
    assert {one.text for one in chosen.candidates} == {one.text for one in alone.candidates}
    found = [one.text.split().count("waiter") for one in chosen.candidates]
    assert found[0] > 0 and "waiter" not in alone.text
    assert [one.style_probability for one in chosen.candidates] == [n / 10 for n in found]
    orders = [
        math.log(max(one.style_probability or 0.0, 1e-12)) + (one.log_probability or 0.0)
        for one in chosen.candidates
    ]
    assert orders == sorted(orders, reverse=True)
    assert MODEL.transfer(given, "next", temperature=2.0, count=60, judge=judge) == [chosen.text]


def test_with_a_judge_and_no_count_there_are_five_candidates_or_those_of_the_beam() -> None:
    judge = WordJudge(["great"])
    assert len(MODEL.transferred(["food"], Transfer("next"), judge)[0].candidates) == 5
    beam = Transfer("next", beam=6)
    assert len(MODEL.transferred(["food"], beam, judge)[0].candidates) == 6


def test_sentences_that_are_right_are_kept_as_they_stand() -> None:
    judge, given = WordJudge(WORDS), ["The food WAS great, it was bad!", "food", ""]
    how = Transfer("next", keep_right=True, count=1)
    found = MODEL.transferred(given, how, judge)
    assert [one.kept for one in found] == [True, False, False]
    assert [one.text for one in found] == [given[0], NEXT["food"], ""]
    assert judge.asked[0] == "the food was great , it was bad !"  # in the form the model writes
    assert MODEL.transfer(given, "next", source="next", keep_right=True) == given
    moved = MODEL.transfer(given, "next", source="plain", keep_right=True, judge=judge)
    assert moved[0] != given[0]
    with pytest.raises(UserError, match="give a judge, or the style they are in"):
        MODEL.transfer(given, "next", keep_right=True)


def test_unknown_words_are_shown_told_and_copied() -> None:
    given = ["the Zebra was great Quagga !", "the food"]
    found = MODEL.transferred(given, Transfer("plain"))
    assert found[0].text == "the <unk> was great <unk> !"
    assert found[0].unknown == ("zebra", "quagga") and found[1].unknown == ()
    assert [one.candidates[0].unknown for one in found] == [True, False]
    copied = MODEL.transferred(given, Transfer("plain", copy_unknown=True))
    assert [one.text for one in copied] == ["the zebra was great quagga !", "the food"]
    assert not copied[0].candidates[0].unknown


def test_a_source_that_spells_the_unknown_word_is_told_though_it_is_copied() -> None:
    vocabulary = Vocabulary.train(["the food was"], "word")
    model = TextModel(Copying(vocabulary).eval(), vocabulary, LIMIT, STYLES)
    found = model.transferred(["the <unk> zebra"], Transfer("plain", copy_unknown=True))[0]
    assert found.text == "the <unk> zebra" and found.candidates[0].unknown


def test_copying_looks_at_unknown_words_only() -> None:
    def look_back(model: TextModel) -> Any:
        advance = model.generator.advance

        def advanced(tokens: torch.Tensor, state: Any) -> Any:
            forced, after = advance(tokens, state)
            # Mostly on the first word, which is known; of the unknown ones mostly on the last.
            weights = torch.arange(forced.extras["attention"].shape[-1]).float()
            weights[0] = 100.0
            forced.extras["attention"].copy_(weights.expand_as(forced.extras["attention"]))
            return forced, after

        return advanced

    model = copying_model()
    plain = model.generator.advance
    model.generator.advance = lambda tokens, state: _cloned(plain(tokens, state))  # type: ignore
    model.generator.advance = look_back(model)  # type: ignore[method-assign]
    given = ["the zebra was quagga ."]
    assert model.transfer(given, "plain", copy_unknown=True) == ["the quagga was quagga ."]


def _cloned(result: Any) -> Any:
    forced, state = result
    forced.extras["attention"] = forced.extras["attention"].clone()
    return forced, state


def test_copying_needs_attention() -> None:
    class Blind(type(MODEL.generator)):  # type: ignore[misc]
        def advance(self, tokens: Any, state: Any) -> Any:
            forced, after = super().advance(tokens, state)
            forced.extras.clear()
            return forced, after

    model = TextModel(Blind(MODEL.vocabulary).eval(), MODEL.vocabulary, LIMIT, STYLES)
    assert model.transfer(["food"], "plain", copy_unknown=True) == ["food"]
    with pytest.raises(UserError, match="this generator shows none"):
        model.transfer(["zebra"], "plain", copy_unknown=True)


def test_a_real_network_copies_where_it_looks() -> None:
    model = real_network()
    with torch.no_grad():  # it writes nothing but unknown words
        assert isinstance(model.generator, StyleTransformer)
        model.generator.head.bias[3] = 1000.0  # type: ignore[index]
    [shown] = model.transferred(["the zebra was"], Transfer("next"))
    assert set(shown.text.split()) == {"<unk>"} and not shown.candidates[0].ended
    [copied] = model.transferred(["the zebra was"], Transfer("next", copy_unknown=True))
    assert set(copied.text.split()) == {"zebra"}
    assert len(copied.text.split()) == len(shown.text.split()) == 12


def test_long_sentences_are_cut_and_keep_their_end() -> None:
    exact, longer = " ".join(["food"] * (LIMIT - 1)), " ".join(["food"] * (LIMIT + 5))
    found = MODEL.transferred([exact, longer], Transfer("plain"))
    assert [one.text for one in found] == [exact] * 2
    assert [one.cut for one in found] == [False, True]
    assert [one.candidates[0].ended for one in found] == [True, True]


def test_the_generator_s_own_limit_counts_too() -> None:
    model = replace(copying_model(limit=5), limit=50)
    assert model.transfer(["food " * 9], to="plain") == ["food food food food"]


def test_readable_output() -> None:
    given = ["the FOOD was great !"]
    assert MODEL.transfer(given, "plain", detokenize=True) == ["The food was great!"]


def test_characters_are_copied_one_by_one() -> None:
    vocabulary = Vocabulary.train(["abc ab a"], "character")
    model = TextModel(Copying(vocabulary).eval(), vocabulary, LIMIT, STYLES)
    assert model.transfer(["ab xa"], "plain") == ["ab <unk>a"]
    assert model.transfer(["ab xa"], "plain", copy_unknown=True) == ["ab xa"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"to": "Nxet"}, r"style 'Nxet' is unknown; there are: plain, next, second. Did you mean"),
        ({"to": "PLAIN"}, "Did you mean 'plain'"),
        ({"to": "next", "source": "plane"}, "Did you mean 'plain'"),
        ({"to": "next", "count": 0}, "count 0: must be at least 1"),
        ({"to": "next", "batch": 0}, "batch 0"),
        ({"to": "next", "beam": 0}, "beam 0"),
        ({"to": "next", "precision": "half"}, "precision 'half': there are float32, bfloat16"),
        ({"to": "next", "temperature": -1.0}, "temperature -1.0: 0"),
        ({"to": "next", "temperature": math.nan}, "temperature nan"),
        ({"to": "next", "temperature": 0.5, "beam": 2}, "a beam search draws nothing"),
        ({"to": "next", "count": 3, "beam": 2}, "at most 2 candidates"),
        ({"to": "second", "judge": WordJudge([])}, "word-judge tells apart plain, next; it cannot"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MODEL.transfer(["food"], **settings)


def test_bfloat16_rewrites_nearly_all_alike() -> None:
    model, given = real_network(), sentences(150)
    expected = model.transferred(given, Transfer("next"))
    found = model.transferred(given, Transfer("next", precision="bfloat16"))
    assert found != expected  # scores are rounded
    pairs = zip(found, expected, strict=True)
    best = [(ours.candidates[0], one.candidates[0]) for ours, one in pairs if one.candidates]
    alike = [(ours, one) for ours, one in best if ours.text == one.text]
    assert len(alike) > 0.6 * len(best)
    off = [abs(ours.log_probability - one.log_probability) for ours, one in alike]
    assert np.mean(off) < 0.05 and max(off) < 0.3


def test_a_machine_without_bfloat16_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(transferring, "has_bfloat16", lambda device: False)
    assert MODEL.transfer(["food"], to="plain", precision="bfloat16") == ["food"]
    assert [record.message for record in caplog.records] == [
        "this cpu has no bfloat16 arithmetic: float32 is faster here"
    ]


def test_a_failure_to_compile_is_told_before_a_sentence_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(function: object, **settings: object) -> None:
        raise RuntimeError("backend raised:\nno compiler\nand much more")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(UserError, match=r"compiling. It said: backend raised: no compiler$"):
        MODEL.transferring(Transfer("next", compile=True))


@pytest.mark.slow
def test_compiled_steps_rewrite_alike() -> None:
    model, given = real_network(), sentences(100)
    expected = model.transfer(given, to="next", batch=64)
    assert model.transfer(given, to="next", batch=64, compile=True) == expected
    assert "advance" not in vars(model.generator)


def test_a_generator_that_reads_no_source_is_refused() -> None:
    specials = Specials(MODEL.vocabulary.begin, 2, 0)
    generator: Generator = Recurrent(len(MODEL.vocabulary), specials, width=4, hidden=4, styles=3)
    with pytest.raises(UserError, match=r"cannot transfer.*seqgen train style/style-transformer"):
        TextModel(generator, MODEL.vocabulary, LIMIT, STYLES).transfer(["food"], to="next")
