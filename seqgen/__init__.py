"""Text generation with language GANs: recipes, one trainer, interchangeable generators and methods.

Importing seqgen imports no torch; `load` and its friends are fetched when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqgen.experiment.reopen import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

_LATER = {"load": "seqgen.experiment.reopen"}


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module, so that `import seqgen` stays light."""
    if name not in _LATER:
        raise AttributeError(f"module 'seqgen' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
