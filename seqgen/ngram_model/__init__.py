"""An n-gram language model of our own: train, save, load, score; no torch."""
