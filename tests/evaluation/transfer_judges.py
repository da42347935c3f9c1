"""Small judges for tests of style transfer: naive Bayes over words, an n-gram model."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


class WordJudge:
    """Naive Bayes with add-one smoothing, uniform over the labels; a StyleJudge."""

    name = "naive-bayes"

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self.labels = list(texts)
        counts = [Counter(w for t in texts[label] for w in t.split()) for label in self.labels]
        kinds = set().union(*counts)
        sizes = [count.total() + len(kinds) for count in counts]
        self.logs = {
            word: np.log([(c[word] + 1) / size for c, size in zip(counts, sizes, strict=True)])
            for word in kinds
        }

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        nothing = np.zeros(len(self.labels))
        rows = [sum((self.logs.get(w, nothing) for w in t.split()), nothing) for t in texts]
        logs = np.array(rows).reshape(len(texts), len(self.labels))
        odds = np.exp(logs - logs.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)
