"""The package as it is imported: every public name, and nothing heavy."""

import subprocess
import sys

import seqgen.metrics
from seqgen.metrics import bleu, self_bleu

HEAVY = ("torch", "transformers", "nltk", "sacrebleu", "sklearn", "scipy", "mauve", "matplotlib")


def test_every_public_name_exists():
    assert sorted(set(seqgen.metrics.__all__)) == sorted(seqgen.metrics.__all__)
    for name in seqgen.metrics.__all__:
        assert hasattr(seqgen.metrics, name), name


def test_a_name_of_function_and_module_is_the_function():
    program = (
        "import seqgen.metrics.bleu_family.bleu, seqgen.metrics.bleu_family.sentence_bleu\n"
        "from seqgen.metrics import bleu, sentence_bleu\n"
        "print(bleu(['a b c d'], ['a b c d']).value, sentence_bleu(['a'], ['b']).sum())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split() == ["1.0", "0.0"], result.stderr


def test_keyword_names_of_hugging_face():
    generated, real = ["a b c d", "a b c e"], ["a b c d e"]
    assert bleu(predictions=generated, references=real) == bleu(generated, real)
    assert self_bleu(predictions=generated) == self_bleu(generated)


def test_importing_and_measuring_loads_nothing_heavy():
    program = (
        "import sys\nfrom seqgen.metrics import bleu, self_bleu\n"
        "bleu(['a b'], ['a b']), self_bleu(['a', 'b'])\n"
        f"print([m for m in sys.modules if m in {HEAVY} or (m.startswith('seqgen.')"
        " and not m.startswith('seqgen.metrics'))])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
