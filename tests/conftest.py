"""Settings of all tests: property tests have no deadline, for machines are busy at times."""

from hypothesis import settings

settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")
