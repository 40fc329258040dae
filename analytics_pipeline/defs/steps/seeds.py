"""Seeds of coming days: committed to on chain before those days have any data.

Whatever the operator learns of a day later, the seed its noise follows from was fixed before.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.core.errors import ReleaseConflict
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import ensure_seeds, list_seeds, require_events

#: Every run commits to the seeds of today and of this many days after it.
SEED_DAYS_AHEAD: Final = 7


def commit_seeds(
    stores: Stores, days: Iterable[date], ahead: int = SEED_DAYS_AHEAD
) -> dict[date, bytes]:
    """Commit to the seeds of the given days and of the coming ones, those that are not on chain.

    Returns:
        day → commitment to its seed.
    Raises:
        EventsExpired: a day was erased, and its seed with it.
        ReleaseConflict: the chain has a seed that the catalogue does not: no other was made.
        ChainError: the chain refused or could not be reached; running again continues.
    """
    today = utc_day(datetime.now(UTC))
    wanted = {*days, *(today + timedelta(days=offset) for offset in range(ahead + 1))}
    on_chain = {day: stores.registry.seed_of(stores.platform, day) for day in sorted(wanted)}
    known = list_seeds(stores.catalogue, stores.platform, wanted)
    for day, seed in on_chain.items():
        if seed is not None and known.get(day) != seed:
            require_events(
                stores.catalogue, stores.platform, day
            )  # an erased day has none any more
            raise ReleaseConflict(
                f"{day}: the chain has a seed of the day and the catalogue "
                f"{'another' if day in known else 'none'}; a day has one, for ever: restore the "
                "catalogue that made it"
            )
    commitments = ensure_seeds(stores.catalogue, stores.keyring, stores.platform, wanted)
    if None in on_chain.values():
        stores.publisher.commit_seeds(stores.platform, commitments)
    return commitments
