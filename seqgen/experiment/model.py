"""A trained text model, ready to use: sentences out, log-probabilities of sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from seqgen.errors import UserError
from seqgen.evaluation.decoding_settings import PLAIN, Decoding
from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.experiment import scoring
from seqgen.experiment.drawing import Drawing
from seqgen.experiment.drawing import Drawn as Drawn
from seqgen.experiment.rewriters import require_writer
from seqgen.experiment.transfer_settings import Transfer
from seqgen.experiment.transferring import Transferred, Transferring
from seqgen.generators.protocol import Generator
from seqgen.text.sentences import Sentences
from seqgen.text.vocabulary import Vocabulary
from seqgen.windows import windows

_log = logging.getLogger("seqgen")


@dataclass(frozen=True)
class TextModel:
    """A generator with its vocabulary.

    Attributes:
        generator: the network, in evaluation mode.
        vocabulary: strings <-> ids.
        limit: the most tokens of a sentence, END included.
        labels: label names and their numbers; empty where the model was trained without.
    """

    generator: Generator
    vocabulary: Vocabulary
    limit: int
    labels: Mapping[str, int] = field(default_factory=dict)

    def generate(
        self,
        count: int = 1,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        beam: int = 1,
        length_penalty: float = 1.0,
        reject_likelihood: float = 1.0,
        sampled_beam: int = 1,
        prefix: str = "",
        label: str | None = None,
        seed: int = 0,
        limit: int | None = None,
    ) -> list[str]:
        """`count` sentences. Nothing is cut off by default: top_k 0 and top_p 1 draw from the whole
        distribution.

        Args:
            count: how many.
            temperature: above 0; below 1 sharpens. 0 means greedy.
            top_k: draw from the k likeliest tokens; 0 from all.
            top_p: draw from the smallest set of tokens that holds this mass; 1 from all.
            beam: above 1, the `count` best sentences of a beam search of this width instead of
                draws; it goes with no temperature, top_k or top_p.
            length_penalty: exponent of the length that beam scores are divided by.
            reject_likelihood: the share of the drawn sentences that is kept, the likeliest a token
                under the model itself; 0.5 draws twice `count`. It goes with no beam.
            sampled_beam: above 1, each sentence is the best of a beam of its own of this width,
                whose continuations are drawn; it goes with none of the above.
            prefix: what every sentence begins with; a word not in the vocabulary is a warning.
            label: the label to generate, for a model trained with labels; None takes turns (of
                beams: the best of each label, then the second best of each, ...).
            seed: of the draws; the same seed gives the same sentences.
            limit: the most tokens; None for what the model was trained with.

        Raises:
            UserError: a value out of range, an unknown label, a prefix that is too long.
        """
        decoding = Decoding(
            temperature=temperature, top_k=top_k, top_p=top_p, beam=beam,
            length_penalty=length_penalty, reject_likelihood=reject_likelihood,
            sampled_beam=sampled_beam,
        )  # fmt: skip
        drawn = self.draw(count, decoding, seed=seed, prefix=prefix, label=label, limit=limit)
        return [one.text for one in drawn]

    def draw(
        self,
        count: int,
        decoding: Decoding = PLAIN,
        *,
        seed: int = 0,
        prefix: str = "",
        label: str | None = None,
        limit: int | None = None,
    ) -> list[Drawn]:
        """`generate` with the decoding as one value, and what became of each sentence."""
        return list(
            self.stream(count, decoding, seed=seed, prefix=prefix, label=label, limit=limit)
        )

    def stream(
        self,
        count: int,
        decoding: Decoding = PLAIN,
        *,
        seed: int = 0,
        prefix: str = "",
        label: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Drawn]:
        """`draw`, a block at a time; the sentences do not depend on the size of the blocks. Under
        rejection the first comes when all are drawn."""
        require_writer(self.generator)
        if count < 1:
            raise UserError(f"count {count}: ask for at least 1 sentence")
        decoding.check()
        time = self._time(limit)
        drawing = Drawing(
            self.generator, self.vocabulary, time, seed, self._prefix(prefix, time),
            None if label is None else self._number(label),
        )  # fmt: skip
        yield from drawing.sentences(count, decoding)

    def score(
        self, texts: Sequence[str], label: str | None = None, tokens: int = scoring.TOKENS
    ) -> list[float]:
        """Log-probability in nats of each sentence, END included; labels are averaged over where
        none is given.

        Args:
            texts: the sentences.
            label: the label they are scored under, for a model trained with labels.
            tokens: how many are scored at once; fewer take less memory, and the same figures.

        Raises:
            UserError: an unknown label; a sentence the vocabulary cannot spell.
            TooLong: sentences longer than the generator can read.
        """
        require_writer(self.generator)
        styles: Sequence[int] = range(self.generator.styles) if label is None else ()
        if label is not None:
            styles = [self._number(label)]
        found: list[float] = []
        for window in windows(texts):
            try:
                found += scoring.scores(self.generator, self.vocabulary, window, styles, tokens)
            except scoring.TooLong as problem:
                numbers = [len(found) + number for number in problem.numbers]
                raise scoring.TooLong(numbers, problem.limit) from None
        return found

    def transfer(
        self,
        sentences: Sequence[str],
        to: str,
        *,
        source: str | None = None,
        count: int | None = None,
        temperature: float = 0.0,
        beam: int = 1,
        seed: int = 0,
        batch: int = 64,
        copy_unknown: bool = False,
        keep_right: bool = False,
        detokenize: bool = False,
        precision: str = "float32",
        compile: bool = False,
        judge: StyleJudge | None = None,
    ) -> list[str]:
        """Each sentence in another style; "" for a blank one. Sentences may be raw: they are put
        into the vocabulary's form first.

        Args:
            sentences: in any style; what becomes of one does not depend on the others.
            to: the wanted style, a label of the model.
            source: the style they are in, where it is known.
            count: candidates of each, of which the best is returned: the likeliest a token, or by
                the judge; None: 1, or with a judge the width of the beam, at least 5.
            temperature: of draws; 0 takes the likeliest word at each place.
            beam: above 1, the width of a beam search; several candidates without a temperature
                come from a beam in any case.
            seed: of the draws.
            batch: sentences decoded at once.
            copy_unknown: in place of an unknown word, write the unknown word of the source that
                attention points at.
            keep_right: leave sentences as they stand that are in the wanted style already, which
                `source` says, else the judge.
            detokenize: join punctuation to words, and write capitals where the model knows none.
            precision: of the matrix products, "float32" or "bfloat16", which is faster on machines
                that have it; sentences may then differ a little, and depend on their company.
            compile: have torch compile a decoding step first.
            judge: a classifier of styles, such as `seqgen.experiment.style_judge.open_judge` opens;
                candidates are ordered by the sum of its log-probability of the style and of their
                own log-probability a token.

        Raises:
            UserError: a generator that reads no source, an unknown style, a value out of range, a
                sentence the vocabulary cannot spell.
        """
        how = Transfer(
            to, source, count, temperature, beam, seed, batch, copy_unknown, keep_right, detokenize,
            precision, compile,
        )  # fmt: skip
        return [found.text for found in self.transferred(sentences, how, judge, scored=False)]

    def transferred(
        self,
        sentences: Sequence[str],
        how: Transfer,
        judge: StyleJudge | None = None,
        scored: bool = True,
    ) -> list[Transferred]:
        """`transfer` with the settings as one value, all candidates, and what became of each
        sentence; without `scored`, log-probabilities are left out where nothing needs them."""
        return self.transferring(how, judge, scored)(sentences)

    def transferring(
        self, how: Transfer, judge: StyleJudge | None = None, scored: bool = True
    ) -> Transferring:
        """`transferred` as a function of sentences, for those that come little by little; what is
        wrong with the settings is said now."""
        return Transferring(
            self.generator, self.vocabulary, self.limit, self.labels, how, judge, scored
        )

    def _number(self, label: str) -> int:
        if not self.labels:
            raise UserError(f"label {label!r}: this model was trained without labels")
        if label not in self.labels:
            near = get_close_matches(label, self.labels, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UserError(
                f"label {label!r} is unknown; there are: {', '.join(self.labels)}.{hint}"
            )
        return self.labels[label]

    def _time(self, limit: int | None) -> int:
        time = self.limit if limit is None else limit
        most = self.generator.limit
        if time < 1 or (most is not None and time > most):
            raise UserError(
                f"limit {time}: must be at least 1" + (f" and at most {most}" if most else "")
            )
        return time

    def _prefix(self, prefix: str, time: int) -> Sentences | None:
        if not prefix.strip():
            return None
        if unknown := self.vocabulary.unknown_words(prefix):
            _log.warning(
                "the prefix has words this model does not know: %s", ", ".join(map(repr, unknown))
            )
        ids = self.vocabulary.encode([prefix])
        ended = 0 if self.vocabulary.end is None else 1
        given = Sentences(ids.ids[:, : ids.ids.shape[1] - ended], ids.lengths - ended)
        if given.ids.shape[1] >= time:
            raise UserError(
                f"the prefix has {given.ids.shape[1]} tokens, the sentence at most {time}"
            )
        return given.to(self.generator.device)
