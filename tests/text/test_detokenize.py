"""Tokenised sentences put back as people write them."""

from __future__ import annotations

import pytest

from seqgen.text.detokenize import detokenize


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("the food was great , really !", "the food was great, really!"),
        ("it 's small yet it 's home .", "it's small yet it's home."),
        ("i do n't , you ca n't and we wo n't .", "i don't, you can't and we won't."),
        ("they 're sure we 've gone ; i 'd , she 'll", "they're sure we've gone; i'd, she'll"),
        ("it ' s all you ' ve got", "it's all you've got"),
        ("i can not , but you 're gon na", "i cannot, but you're gonna"),
        ("you got me", "you got me"),
        ("good ( very good ) [ here ] .", "good (very good) [here]."),
        ("the `` best '' pizza , ever ...", 'the "best" pizza, ever...'),
        ('she said " no way " and left .', 'she said "no way" and left.'),
        ("$ 5 for 10 % off", "$5 for 10% off"),
        ("great ! ! !", "great!!!"),
        ("what ? ! no .", "what?! no."),
        ("a well - known place", "a well-known place"),
        ("at 5.30 p.m. there", "at 5.30 p.m. there"),
        ("it cost .5 more", "it cost .5 more"),
        ("  spaces   between  ", "spaces between"),
        ("", ""),
        ("don't touch what is right, already.", "don't touch what is right, already."),
    ],
)  # fmt: skip
def test_spaces(tokens: str, text: str) -> None:
    assert detokenize(tokens) == text
    assert detokenize(text) == text  # what is readable stays


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("i think i 'm in , am i ?", "I think I'm in, am I?"),
        ("it was bad ! really ? yes . so there", "It was bad! Really? Yes. So there"),
        ("ok ... then at 5 p.m. sharp", "Ok... then at 5 p.m. sharp"),
        ("`` no '' he said", '"No" he said'),
        ("élan , i.e. verve", "Élan, i.e. verve"),
        ("is pi 3 ? i. said so", "Is pi 3? I. said so"),
        ("! 5 times", "! 5 times"),
    ],
)
def test_capitals(tokens: str, text: str) -> None:
    assert detokenize(tokens, capitals=True) == text
