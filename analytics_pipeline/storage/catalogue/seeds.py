"""Seeds: one secret for each (platform, day), made before the day and committed to on chain.

A day's noise and the salts of its commitments follow from its seed (`core.sampler`), so it is kept
like a data key: both halves wrapped under the day's retention key and a wrapping key, the
commitment in clear. It is written once. **A catalogue that loses a seed loses its day**: the chain
takes no other.

When the day is erased the seed goes too: nothing needs it any more, and who has it takes the noise
off the public figures and can try guesses at contributions against the public tally root.

Belongs here: making and keeping. Does not belong here: putting commitments on chain
(`defs.steps.seeds`).
"""

import secrets
import time
from collections.abc import Iterable
from datetime import date
from typing import Protocol

from sqlalchemy import insert, select

from analytics_pipeline.core.canonical import hash_text, parse_hash
from analytics_pipeline.core.day import parse_day
from analytics_pipeline.core.errors import IntegrityError, KeyUnavailable
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.core.sampler import Seed
from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.expiries import check_not_erased
from analytics_pipeline.storage.catalogue.tables import seeds


class Wrapper(Protocol):
    """The part of `storage.keyring.Keyring` that seeds need; this package holds no keys."""

    def wrap(self, platform: str, day: date, data_key: bytes) -> tuple[str, bytes]:
        """(id of the active wrapping key, 32 bytes wrapped)."""

    def unwrap(self, platform: str, day: date, wrapping_key_id: str, wrapped: bytes) -> bytes:
        """Inverse of `wrap`."""


def ensure_seeds(
    catalogue: Catalogue, keyring: Wrapper, platform: str, days: Iterable[date]
) -> dict[date, bytes]:
    """Make the seeds that are missing; one that is there is never made anew.

    Returns:
        day → its commitment, for the chain. Every seed is stored durably before.
    Raises:
        EventsExpired: a day was erased, and its seed with it.
    """
    wanted = sorted(set(days))
    of_platform = seeds.c.platform == platform
    names = [day.isoformat() for day in wanted]
    with catalogue.write(f"seeds/{platform}") as connection:
        query = select(seeds.c.day, seeds.c.commitment).where(of_platform, seeds.c.day.in_(names))
        found = {
            parse_day(row.day): parse_hash(row.commitment, "commitment")
            for row in connection.execute(query)
        }
        for day in wanted:
            if day in found:
                continue
            check_not_erased(connection, platform, day)
            seed = Seed.generate(secrets.randbelow)
            found[day] = to_bytes32(seed.commitment)
            _, value = keyring.wrap(platform, day, to_bytes32(seed.value))
            key_id, salt = keyring.wrap(platform, day, to_bytes32(seed.salt))
            connection.execute(
                insert(seeds).values(
                    platform=platform,
                    day=day.isoformat(),
                    commitment=hash_text(found[day]),
                    wrapping_key_id=key_id,
                    wrapped_value=value,
                    wrapped_salt=salt,
                    created_at_ms=time.time_ns() // 1_000_000,
                )
            )
    return {day: found[day] for day in wanted}


def list_seeds(catalogue: Catalogue, platform: str, days: Iterable[date]) -> dict[date, bytes]:
    """The commitments of those of the days that have a seed."""
    names = sorted(day.isoformat() for day in set(days))
    query = select(seeds.c.day, seeds.c.commitment)
    query = query.where(seeds.c.platform == platform, seeds.c.day.in_(names))
    with catalogue.read() as connection:
        rows = connection.execute(query.order_by(seeds.c.day)).all()
    return {parse_day(row.day): parse_hash(row.commitment, "commitment") for row in rows}


def load_seed(catalogue: Catalogue, keyring: Wrapper, platform: str, day: date) -> Seed:
    """A day's seed: secret.

    Raises:
        KeyUnavailable: the day has none, or a key that wraps it is not there (any more).
        DecryptionFailed: what is stored was altered, or wrapped under another key.
        IntegrityError: it is not the seed of the commitment beside it.
    """
    query = select(seeds).where(seeds.c.platform == platform, seeds.c.day == day.isoformat())
    with catalogue.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise KeyUnavailable(f"{platform} {day} has no seed")
    value, salt = (
        int.from_bytes(keyring.unwrap(platform, day, row.wrapping_key_id, wrapped), "big")
        for wrapped in (row.wrapped_value, row.wrapped_salt)
    )
    seed = Seed(value, salt)
    if hash_text(to_bytes32(seed.commitment)) != row.commitment:
        raise IntegrityError(f"the seed of {platform} {day} is not that of its commitment")
    return seed
