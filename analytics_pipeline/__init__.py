"""Private, verifiable viewership analytics for decentralised video."""

__version__ = "0.1.0"
