"""The pure core: formats, arithmetic and decisions.

Belongs here: what can be computed from values alone. Does not belong here: files, sockets,
clocks, environment variables, databases, frameworks. Randomness is passed in.
"""
