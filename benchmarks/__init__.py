"""Benchmarks: each is a module to run, prints a table or `--json`, and carries its own baseline.

Belongs here: measuring what the project does through its real interfaces. Does not belong here:
assertions (tests) or figures (`docs/`).
"""
