"""Which method works with which generator: the matrix that the tests walk and README prints."""

from __future__ import annotations

from collections.abc import Mapping

GENERATORS = ("lstm", "gru", "transformer", "relational", "pretrained")

# No method needs more than the two methods of a generator, hence all work with all.
SUPPORT: Mapping[str, tuple[str, ...]] = {
    "teacher-forcing": GENERATORS,
    "scheduled-sampling": GENERATORS,
    "data-as-demonstrator": GENERATORS,
    "professor-forcing": GENERATORS,
    "seqgan": GENERATORS,
    "gumbel-softmax": GENERATORS,
    "inverse-reinforcement": GENERATORS,
    "control-reward": GENERATORS,
}


def table() -> str:
    """The matrix in Markdown: a row a method, a column a generator."""
    rows = [["method", *GENERATORS], ["---", *(":-:" for _ in GENERATORS)]]
    for method, known in SUPPORT.items():
        rows.append([method, *("yes" if generator in known else "" for generator in GENERATORS)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
