"""Language GANs: a generator of sentences against a discriminator, by policy gradients or relaxed
tokens."""
