"""Rewritten sentences against their sources: the factors of one joint score, and baselines."""
