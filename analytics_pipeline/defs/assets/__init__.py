"""The assets. Their bodies wire; `defs.steps` computes."""
