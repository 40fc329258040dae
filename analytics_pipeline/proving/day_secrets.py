"""What hides a day's commitments: salts and blinds, all from the day's seed.

Whoever has the seed (the operator, or an auditor it was handed to) can open every commitment again;
nothing else needs to be kept between committing and proving.
"""

from dataclasses import dataclass
from typing import Final

from analytics_pipeline.core.poseidon2 import hash_elements
from analytics_pipeline.core.sampler import Seed

_SALT_LABEL: Final = "viewership/salt/1"


@dataclass(frozen=True)
class DaySecrets:
    """Salts of one revision. **Private**, like the seed they come from."""

    seed: Seed
    revision: int

    @property
    def tally_salt(self) -> int:
        return self._derive(0)

    def rows_salt(self, shard: int) -> int:
        return self._derive(2 * shard + 1)

    def sum_blind(self, shard: int) -> int:
        return self._derive(2 * shard + 2)

    def _derive(self, purpose: int) -> int:
        return hash_elements(_SALT_LABEL, self.seed.value, [self.seed.salt, self.revision, purpose])
