"""Presets: what each measures, its notes, and its bugs behind a switch. Real text: calibration."""

import random

import pytest

from seqgen.metrics.bleu_family.bleu import backward_bleu, bleu, self_bleu
from seqgen.metrics.bleu_family.preset_table import evaluate_preset
from seqgen.metrics.bleu_family.presets import PRESETS
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu, sentence_self_bleu
from seqgen.metrics.real import chosen, drawn

CHANCE = random.Random(5)
WORDS = ["a", "b", "c", "d", "e", "f", "g", "h"]


def draw(count):
    return [" ".join(CHANCE.choices(WORDS, k=CHANCE.randint(4, 9))) for _ in range(count)]


GENERATED, REAL = draw(300), draw(600)


def score(table, name):
    found = table.rows[0].score(name)
    assert found is not None, table.names()
    return found


def test_names_and_sources():
    assert list(PRESETS) == [preset.name for preset in PRESETS.values()]
    assert {
        "texygen-readme",
        "texygen-code",
        "leakgan",
        "irl",
        "relgan",
        "textgan-pytorch",
        "falling-short",
        "style-transformer",
    } <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("old_bugs", [False, True])
def test_every_preset_measures_and_signs(name, old_bugs):
    references = REAL[:300] if PRESETS[name].protocol.aligned else REAL
    table = evaluate_preset(name, GENERATED, references, old_bugs=old_bugs, row="ours")
    alone = PRESETS[name].protocol.aligned
    assert [row.name for row in table.rows] == (["ours"] if alone else ["ours", "real data"])
    assert PRESETS[name].source in table.notes[0]
    repeated = old_bugs and PRESETS[name].with_bugs is not None
    for found in table.rows[0].scores:
        assert 0 <= found.value <= 100
        start = f"preset:{name}|old-bugs:{'yes' if repeated else 'no'}|order:"
        assert found.signature.startswith(start)
    said = "nothing was repeated" in " ".join(table.notes)
    assert said == (old_bugs and not repeated)


def test_texygen_code_takes_500_references_and_500_for_self_bleu():
    generated = GENERATED * 2
    table = evaluate_preset("texygen-code", generated, REAL)
    assert score(table, "bleu-4").value == bleu(generated, REAL[:500]).value
    assert score(table, "self-bleu-4").value == self_bleu(generated[:500]).value
    signature = score(table, "self-bleu-4").signature
    assert "hypotheses:500|references:499|" in signature and "leave-one-out:yes" in signature


def test_relgan_takes_100_and_leaves_the_sentence_out_unless_bugs_are_repeated():
    table = evaluate_preset("relgan", GENERATED, REAL)
    assert score(table, "bleu-3").value == bleu(GENERATED[:100], REAL, 3).value
    values = sentence_self_bleu(GENERATED, (3,))[0, :200]
    assert score(table, "self-bleu-3").value == pytest.approx(values.mean(), abs=1e-12)
    wrong = score(evaluate_preset("relgan", GENERATED, REAL, old_bugs=True), "self-bleu-3")
    assert wrong.value == 1.0
    assert "leave-one-out:no, itself included" in wrong.signature


def test_textgan_pytorch_measures_200_against_the_others_and_rounds():
    table = evaluate_preset("textgan-pytorch", GENERATED, REAL)
    values = sentence_bleu(GENERATED[:200], GENERATED[200:], (2,))
    assert score(table, "self-bleu-2").value == pytest.approx(values.mean(), abs=1e-12)
    rounded = score(
        evaluate_preset("textgan-pytorch", GENERATED, REAL, old_bugs=True), "self-bleu-2"
    )
    assert rounded.value == round(score(table, "self-bleu-2").value, 3)
    assert "decimals:3" in rounded.signature


def test_irl_measures_both_ways_without_smoothing():
    generated, real = draw(1200), draw(1100)
    table = evaluate_preset("irl", generated, real)
    forward = bleu(generated[:1000], real, 2, "none").value
    backward = backward_bleu(generated, real[:1000], 2, "none").value
    assert score(table, "bleu-2").value == forward
    assert score(table, "backward-bleu-2").value == pytest.approx(backward, abs=1e-12)
    harmonic = 2 * forward * backward / (forward + backward)
    assert score(table, "bleu-ha-2").value == pytest.approx(harmonic, abs=1e-12)
    assert table.rows[0].score("self-bleu-2") is None
    signature = score(table, "bleu-ha-2").signature
    assert "hypotheses:1000|references:1100|" in signature
    assert "backward-hypotheses:1200|backward-references:1000|" in signature
    (note,) = (note for note in table.notes if "Not comparable" in note)
    assert "bleu of 5,000 references, here of 1,100; backward-bleu of 5,000 hypotheses" in note


@pytest.mark.parametrize("name", ["leakgan", "irl", "style-transformer"])
def test_old_nltk_inflates(name):
    old, new = (
        evaluate_preset(name, ["a b c x"], ["a b c d"], old_bugs=bugs).rows[0].scores
        for bugs in (True, False)
    )
    values = {s.name: s.value for s in old if s.name.endswith("-4")}
    assert all(s.value < values[s.name] for s in new if s.name in values)
    assert all("smoothing:nltk-before-3.3" in s.signature for s in old)
    assert all("smoothing:none" in s.signature for s in new)


def test_style_transformer_pairs_rows_and_keeps_blank_ones():
    table = evaluate_preset("style-transformer", ["A b c d .", ""], ["a b c d .", "e f"])
    assert score(table, "aligned-bleu-4").value == pytest.approx(50)
    assert not any("blank" in note for note in table.notes)
    with pytest.raises(ValueError, match="2 predictions, but 1"):
        evaluate_preset("style-transformer", ["a", "b"], ["a"])


def test_blank_lines_and_small_sets_are_told():
    table = evaluate_preset("leakgan", ["", *GENERATED, " "], [*REAL, ""])
    assert "3 blank lines were dropped." in table.notes
    assert any("bleu of 2,000 hypotheses, here of 300; bleu of 5,000 ref" in n for n in table.notes)
    assert score(table, "bleu-2").value == bleu(GENERATED, REAL, 2, "none").value


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: evaluate_preset("texygen", GENERATED, REAL), "mean texygen-readme or"),
        (lambda: evaluate_preset("leekgan", GENERATED, REAL), "mean leakgan"),
        (lambda: evaluate_preset("bleurt", GENERATED, REAL), "There are texygen-readme"),
        (lambda: evaluate_preset("relgan", [], REAL), "0 sentences"),
        (lambda: evaluate_preset("relgan", [" "], REAL), "0 sentences"),
        (lambda: evaluate_preset("textgan-pytorch", GENERATED[:200], REAL), "give more"),
        (lambda: evaluate_preset("relgan", GENERATED, [[line] for line in REAL]), "by itself"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()


@pytest.mark.parametrize(
    ("name", "hypotheses", "references", "wanted"),
    [
        ("texygen-readme", 50, 60, "bleu of 9,984 hypotheses, here of 50; bleu of 10,000 references"
         ", here of 60; self-bleu of 9,984 hypotheses, here of 50; self-bleu of 9,983 references"),
        ("relgan", 300, 600, "bleu of 10,000 references, here of 600; self-bleu of 10,000 ref"),
        ("textgan-pytorch", 300, 600, "self-bleu of 10,000 references, here of 100"),
        ("irl-texygen", 300, 600, "self-bleu of 1,000 hypotheses, here of 300"),
        ("style-transformer", 300, 300, "aligned-bleu of 1,000 hypotheses, here of 300"),
    ],
)  # fmt: skip
def test_other_numbers_than_the_protocols_are_told(name, hypotheses, references, wanted):
    table = evaluate_preset(name, GENERATED[:hypotheses], REAL[:references])
    (note,) = (note for note in table.notes if note.startswith("Not comparable"))
    assert wanted in note


def test_the_numbers_of_the_protocol_are_no_note():
    generated, real = ["a b c d e f"] * 9984, ["a b c x e f"] * 9990
    assert not any("Not comparable" in n for n in evaluate_preset("relgan", generated, real).notes)


def test_the_real_row_is_drawn_as_everywhere():
    training = draw(400)
    table = evaluate_preset("texygen-readme", GENERATED, REAL, training, seed=3)
    real = chosen(training, 300, 3)
    alone = evaluate_preset("texygen-readme", real, REAL)
    assert table.rows[1].kind == "real"
    assert table.rows[1].scores == alone.rows[0].scores
    halves = evaluate_preset("texygen-readme", GENERATED, REAL, seed=3)
    assert "300 of the references, drawn with seed 3, against the 300 others" in halves.notes[-1]
    taken = set(drawn(len(REAL), 300, 3).tolist())
    rest = [line for row, line in enumerate(REAL) if row not in taken]
    expected = evaluate_preset("texygen-readme", chosen(REAL, 300, 3), rest)
    assert halves.rows[1].scores == expected.rows[0].scores


def test_collapse_and_copies_are_told():
    notes = " ".join(evaluate_preset("texygen-readme", REAL[:1] * 40, REAL).notes)
    assert "all 40 hypotheses are one and the same sentence" in notes
    assert "100.0% of the 40 hypotheses stand word by word in the references" in notes
