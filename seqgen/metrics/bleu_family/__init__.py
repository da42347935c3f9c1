"""BLEU in its forms, and the protocols of the literature that use it."""
