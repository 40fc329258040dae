"""HTTP mechanics that the ingestion API and the read API share: problems, limits, addresses,
running a server.

Does not belong here: what a request means, which each API says for itself.
"""
