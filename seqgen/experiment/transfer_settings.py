"""How sentences are transferred, as one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from seqgen.errors import UserError
from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.generators.arithmetic import PRECISIONS

JUDGED = 5  # candidates that a judge chooses from, where no number is given


@dataclass(frozen=True)
class Transfer:
    """How sentences are transferred.

    Attributes:
        to: the wanted style.
        source: the style the sentences are in, where it is known.
        count: candidates of each sentence, the best first; None: 1, or with a judge the width of
            the beam, at least 5.
        temperature: of draws; 0 takes the likeliest word at each place.
        beam: above 1, the candidates are the best of a beam search of this width, at least
            `count`; 1 without a temperature and with several candidates: as wide as they are many.
        seed: of the draws; the same sentence gets the same draws whatever stands beside it.
        batch: sentences decoded at once; it changes no sentence.
        copy_unknown: in place of an unknown word, write the unknown word of the source that
            attention points at.
        keep_right: leave a sentence as it stands where it is in the wanted style already: where
            `source` says so, else where the judge does.
        detokenize: join punctuation to words, and write capitals where the model knows none.
        precision: of the matrix products, "float32" or "bfloat16", with which a sentence may depend
            a little on those decoded at once with it.
        compile: have torch compile a decoding step first, which takes a minute or so.
    """

    to: str
    source: str | None = None
    count: int | None = None
    temperature: float = 0.0
    beam: int = 1
    seed: int = 0
    batch: int = 64
    copy_unknown: bool = False
    keep_right: bool = False
    detokenize: bool = False
    precision: str = "float32"
    compile: bool = False

    def check(self, styles: Mapping[str, int], judge: StyleJudge | None) -> None:
        """Raise UserError for a style that does not exist, and for values out of range or that do
        not go together."""
        self._check_numbers()
        for style in (self.to, self.source):
            if style is not None and style not in styles:
                raise UserError(
                    f"style {style!r} is unknown; there are: {', '.join(styles)}."
                    f"{_near(style, styles)}"
                )
        if judge is not None and self.to not in judge.labels:
            raise UserError(
                f"the judge {judge.name} tells apart {', '.join(judge.labels)}; it cannot say what "
                f"is {self.to!r}"
            )
        if self.keep_right and judge is None and self.source is None:
            raise UserError(
                "keeping sentences that are right already needs someone who says which are: give "
                "a judge, or the style they are in"
            )

    def candidates(self, judged: bool) -> int:
        """How many there are of each sentence."""
        if self.count is not None:
            return self.count
        return max(self.beam, JUDGED) if judged else 1

    def width(self, judged: bool) -> int:
        """Of the beam search; 1: there is none."""
        return self.beam if self.beam > 1 or self.temperature else self.candidates(judged)

    def _check_numbers(self) -> None:
        for name, value in (("count", self.count), ("beam", self.beam), ("batch", self.batch)):
            if value is not None and value < 1:
                raise UserError(f"{name} {value}: must be at least 1")
        if self.precision not in PRECISIONS:
            raise UserError(f"precision {self.precision!r}: there are {', '.join(PRECISIONS)}")
        if not 0 <= self.temperature < math.inf:
            raise UserError(
                f"temperature {self.temperature}: 0 (always the likeliest word) is the least"
            )
        if self.beam > 1 and self.temperature:
            raise UserError(
                f"beam {self.beam} with temperature {self.temperature}: a beam search draws "
                "nothing; leave one of them out"
            )
        if 1 < self.beam < (self.count or 1):
            raise UserError(
                f"count {self.count} with beam {self.beam}: a beam search gives at most "
                f"{self.beam} candidates; widen the beam"
            )


def _near(style: str, styles: Mapping[str, int]) -> str:
    """A hint for a mistyped style, whatever its case."""
    names = {name.casefold(): name for name in styles}
    near = get_close_matches(style.casefold(), names, n=1)
    return f" Did you mean {names[near[0]]!r}?" if near else ""
