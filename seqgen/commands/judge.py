"""seqgen judge: train and use judges, by a verb of its own for each."""

from __future__ import annotations

from importlib import import_module

from seqgen.errors import UserError

VERBS = {
    "train": "train an n-gram language model on lines of text",
    "score": "log-probability of each line under an n-gram language model",
    "classify": "the label of each line under a trained classifier, and its probability",
}
USAGE = """usage: seqgen judge VERB ... (seqgen judge VERB --help for its options)

{verbs}

examples:
  seqgen judge train captions.txt --order 5 --out captions.arpa
  seqgen judge score captions.arpa < sentences.txt
  seqgen judge classify runs/yelp < sentences.txt"""


def main(arguments: list[str]) -> int:
    """Call the module of the verb: judge_train, judge_score or judge_classify."""
    verbs = "\n".join(f"  {verb:<10} {text}" for verb, text in VERBS.items())
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        if not arguments:
            raise UserError(f"a verb is missing\n{USAGE.format(verbs=verbs)}")
        print(USAGE.format(verbs=verbs))
        return 0
    verb, *rest = arguments
    if verb not in VERBS:
        raise UserError(f"there is no verb {verb!r} of judge; the verbs are: {', '.join(VERBS)}")
    module = import_module(f"seqgen.commands.judge_{verb}")
    return int(module.main(rest))
