"""Methods that learn to write sentences again in another style, from unpaired sentences."""
