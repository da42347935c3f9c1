"""Models compared by whole curves over decoding settings."""
