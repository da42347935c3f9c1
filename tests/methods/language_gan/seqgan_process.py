"""One process of a SeqGAN training, alone or under torchrun: writes what it drew and learned."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from method_models import LIMIT, SPECIALS, VOCABULARY, batches, players, weights
from torch import Tensor

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.generators.recurrent import Recurrent
from seqgen.methods.language_gan.rewards import Judged
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences
from seqgen.training import distributed
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer

ROUNDS = 6


class Recording(SeqGAN):
    """Keeps the sentences that are rewarded, by their row numbers."""

    def judged(self, sentences: Sentences, stream: Stream) -> Judged:
        self.drawn = getattr(self, "drawn", [])
        for row, ids, length in zip(
            sentences.numbers.tolist(), sentences.ids, sentences.lengths.tolist(), strict=True
        ):
            self.drawn.append((row, ids[:length].tolist()))
        return super().judged(sentences, stream)


def method() -> Recording:
    """Without dropout, whose masks are each process's own."""
    torch.manual_seed(0)
    generator = Recurrent(VOCABULARY, SPECIALS, width=6, hidden=8)
    judge = HighwayConvolution(VOCABULARY, width=8, widths=(1, 2, 3), channels=6, dropout=0.0)
    return Recording(
        generator, judge, limit=LIMIT, rollouts=3, discriminator_steps=2, baseline="moving",
        rollout_decay=0.5, entropy=0.05, anchor=0.1, likelihood_every=2,
    )  # fmt: skip


def main(folder: Path) -> None:
    distributed.start("cpu")
    rank, world = distributed.rank(), distributed.world()
    made = method()
    data = batches(8, rank=rank, world=world)
    Trainer([Phase(made, ROUNDS)], players(made), data, seed=4).train()
    found: dict[str, Tensor] = weights(made)
    torch.save({"drawn": made.drawn, "weights": found}, folder / f"process-{rank}-of-{world}.pt")
    distributed.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
