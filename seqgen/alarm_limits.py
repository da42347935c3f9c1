"""From where on a figure of a training says that it has gone wrong, and how the warning begins; for
the warnings in training and those of the report. They are wide on purpose, and no test of
significance.
"""

ALWAYS_RIGHT = 0.995
"""Accuracy from which a discriminator counts as always right."""
CHANCE = 0.02
"""How near 0.5 an accuracy counts as guessing."""
REWARD_SPREAD = 1e-3
"""Standard deviation of rewards, which lie in 0 to 1, below which they rank nothing."""
ENTROPY_LEFT = 0.25
"""Share of a generator's first entropy below which it has collapsed."""
LAST_LINES = 5
"""How many of the last lines of the journal a discriminator or a reward is judged by."""


def always_right(player: str) -> str:
    """How the warning of a discriminator that is always right begins; by it the report finds those
    the run gave already."""
    return f"the {player} is always right"


def guesses(player: str) -> str:
    """The same of a discriminator that guesses."""
    return f"the {player} guesses"


def rewards_alike(figure: str) -> str:
    """The same of rewards without variance, by the name of their deviation."""
    return f"rewards without variance: {figure}"
