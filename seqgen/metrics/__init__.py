"""Metrics: strings or lists of tokens in, numbers out; no torch, nothing else of seqgen."""
