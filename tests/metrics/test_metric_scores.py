"""The Score record, its signature, and that the package stays light."""

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from seqgen.metrics.score import VERSION, Score, sign


def test_signature_keeps_order_and_ends_with_the_version():
    assert sign({"order": 4, "hypotheses": 10}) == f"order:4|hypotheses:10|version:{VERSION}"


@pytest.mark.parametrize("settings", [{"a:b": 1}, {"a": "b|c"}])
def test_separators_are_refused(settings):
    with pytest.raises(ValueError, match="may not contain"):
        sign(settings)


def test_a_score_prints_its_settings_and_cannot_change():
    score = Score("bleu-4", 0.31034, "order:4")
    assert str(score) == "bleu-4 0.3103 (order:4)"
    with pytest.raises(FrozenInstanceError):
        score.value = 1.0


def test_metrics_import_neither_torch_nor_the_rest_of_seqgen():
    modules = "bleu, diversity, ngrams, score, tokens"
    program = (
        f"import sys; from seqgen.metrics import {modules}\n"
        "print([m for m in sys.modules if m == 'torch' or (m.startswith('seqgen.')"
        " and not m.startswith('seqgen.metrics'))])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
