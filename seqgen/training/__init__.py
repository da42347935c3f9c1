"""The adversarial backbone: players, phases, turns, batches, checkpoints. Nothing here knows text,
pictures or recipes.
"""
