"""Other sentences for source sentences: greedy, drawn or by a beam, each source by itself.

What a source is turned into depends on the source, the style and the seed alone: every source is
padded to the same width, no product runs on fewer than 64 rows, and the random numbers of a draw
belong to the words of its source. (On the CPU in float32, as all decoding here.)
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.generators.arithmetic import products_in
from seqgen.generators.beam import beam_search
from seqgen.generators.choose import Choose, Greedy, Sample
from seqgen.generators.compiled import compiled
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.steps import FEWEST_ROWS
from seqgen.generators.style_transformer import StyleTransformer, attending
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

SCORED_ROWS = 16 * FEWEST_ROWS  # read at once; of 64 rows or a multiple, whatever was decoded


@dataclass(frozen=True)
class Rewritten:
    """Candidates of each source, `count` of them side by side.

    Attributes:
        tokens: ids (rows, count, time), PAD after END.
        lengths: (rows, count) int64, END included.
        ended: (rows, count) bool, False where the limit cut a candidate.
        real: (rows, count) bool, False where a beam has found fewer sentences than asked for.
        log_probability: (rows, count) float64, nats a token, END included; None where not asked
            for.
        attention: (rows, count, time, source time); None where not asked for.
    """

    tokens: Tensor
    lengths: Tensor
    ended: Tensor
    real: Tensor
    log_probability: Tensor | None = None
    attention: Tensor | None = None


@dataclass(frozen=True)
class Rewriting:
    """How sources are decoded.

    Attributes:
        generator: a network that reads a source.
        style: the number of the wanted style.
        count: candidates of each source.
        temperature: of draws; 0 takes the likeliest token.
        beam: above 1, the candidates are the best of a beam search of this width.
        seed: of the draws.
        scored: whether log-probabilities are wanted.
        attended: whether attention is wanted.
        precision: of the matrix products, "float32" or "bfloat16".
        compile: whether torch compiles the steps.
    """

    generator: Generator
    style: int
    count: int = 1
    temperature: float = 0.0
    beam: int = 1
    seed: int = 0
    scored: bool = False
    attended: bool = False
    precision: str = "float32"
    compile: bool = False

    def __call__(self, sources: Sentences) -> Rewritten:
        """Decode candidates for sources, ids (rows, time); they have at most `time` tokens.

        Raises:
            UserError: attention was asked for, and the generator has none to show.
        """
        sources = sources.to(self.generator.device)
        device = self.generator.device
        with torch.no_grad(), evaluating(self.generator), products_in(self.precision, device):
            with compiled(self.generator, self.compile):
                decoded, real = self._searched(sources) if self.beam > 1 else self._decoded(sources)
            scores, attention = self._read(sources, decoded)
        shape = (len(sources), self.count)
        return Rewritten(
            decoded.tokens.view(*shape, -1),
            decoded.lengths.view(shape),
            decoded.ended.view(shape),
            real,
            None if scores is None else scores.view(shape),
            None if attention is None else attention.view(*shape, *attention.shape[1:]),
        )

    def _decoded(self, sources: Sentences) -> tuple[Decoded, Tensor]:
        """Of the likeliest tokens or of draws."""
        rows = torch.arange(len(sources), device=sources.ids.device)
        copies = rows.repeat_interleave(self.count)
        choose: Choose = Sample(self.temperature) if self.temperature else Greedy()
        decoded = decode(
            self.generator, choose, len(copies), sources.ids.shape[1],
            stream=Stream.of(self.seed, "transfer"), rows=self._keys(sources),
            condition=self._condition(sources.select(copies)),
        )  # fmt: skip
        return decoded, torch.ones(len(rows), self.count, dtype=torch.bool, device=rows.device)

    def _searched(self, sources: Sentences) -> tuple[Decoded, Tensor]:
        """Of a beam search; few sources are filled up, as `decode` does it."""
        rows, width, device = len(sources), self.beam, sources.ids.device
        fewest = -(-FEWEST_ROWS // width)
        filled = torch.arange(max(rows, fewest), device=device).clamp(max=rows - 1)
        beams = beam_search(
            self.generator, len(filled), width, sources.ids.shape[1],
            condition=self._condition(sources.select(filled)),
        )  # fmt: skip
        ranked = torch.arange(rows * width, device=device).view(rows, width)
        best = ranked[:, : self.count].flatten()
        found = beams.decoded
        kept = Decoded(found.tokens[best], found.lengths[best], found.ended[best], found.fed[best])
        return kept, beams.scores[:rows, : self.count].isfinite()

    def _read(self, sources: Sentences, decoded: Decoded) -> tuple[Tensor | None, Tensor | None]:
        """Log-probabilities a token (rows,) and attention (rows, time, source time) of decoded
        candidates, where they are wanted."""
        if not (self.scored or self.attended):
            return None, None
        count = len(decoded.lengths)
        rows = torch.arange(-(-count // FEWEST_ROWS) * FEWEST_ROWS, device=decoded.lengths.device)
        parts = torch.split(rows.clamp(max=count - 1), SCORED_ROWS)
        read = [self._read_part(sources, decoded, part) for part in parts]
        scores = torch.cat([scores for scores, _ in read])[:count] if self.scored else None
        if not self.attended:
            return scores, None
        return scores, torch.cat([shown for _, shown in read if shown is not None])[:count]

    def _read_part(
        self, sources: Sentences, decoded: Decoded, part: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        candidates = Sentences(decoded.tokens[part], decoded.lengths[part])
        condition = self._condition(sources.select(part // self.count))
        with self._attending():
            forced = teacher_force(self.generator, candidates, condition)
        found = self.generator.log_probability(forced.hidden, candidates.ids) * candidates.mask
        scores = found.double().sum(1) / candidates.lengths.clamp(min=1)
        if not self.attended:
            return scores, None
        if "attention" not in forced.extras:
            raise UserError(
                "unknown words are copied where attention points, and this generator shows none: "
                "leave copying out"
            )
        return scores, forced.extras["attention"]

    def _attending(self) -> AbstractContextManager[None]:
        wanted = self.attended and isinstance(self.generator, StyleTransformer)
        return attending(cast(StyleTransformer, self.generator)) if wanted else nullcontext()

    def _condition(self, sources: Sentences) -> Condition:
        style = torch.full_like(sources.lengths, self.style)
        return Condition(tokens=sources.ids, mask=sources.mask, style=style)

    def _keys(self, sources: Sentences) -> Tensor:
        """What the random numbers of each candidate belong to, (rows * count,) int64: the words of
        its source, the style and its place, so that other lines change nothing."""
        if not self.temperature:
            return torch.arange(len(sources) * self.count, device=sources.ids.device)
        rows, lengths = sources.ids.cpu().numpy(), sources.lengths.tolist()
        words = (row[:length].tobytes() for row, length in zip(rows, lengths, strict=True))
        keys = [_digest(source, self.style, n) for source in words for n in range(self.count)]
        return torch.tensor(keys, device=sources.ids.device)


def _digest(source: bytes, *numbers: int) -> int:
    found = hashlib.blake2b(source, digest_size=8, key=repr(numbers).encode()).digest()
    return int.from_bytes(found, "little", signed=True)
