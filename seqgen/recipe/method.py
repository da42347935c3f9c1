"""What the recipe needs to know of every training method."""

from __future__ import annotations

from typing import ClassVar

from seqgen.recipe.settings import Settings


class MethodSettings(Settings):
    """Base of the settings of all methods: whom it trains, and what it needs."""

    players: ClassVar[tuple[str, ...]] = ("generator",)
    """Whom the method trains, in the order of its turns; `steps` counts the updates of the last."""
    needs: ClassVar[tuple[str, ...]] = ("generator",)
    """The networks of the recipe that the method needs."""
    discriminators: ClassVar[tuple[str, ...]] = ()
    """The kinds of discriminators it works with; none: it has no discriminator."""

    def turns(self, batch: int) -> tuple[str, ...]:
        """The turns of a round, or of a few that repeat, with batches of so many sentences: each
        player once, unless a method says otherwise."""
        return self.players
