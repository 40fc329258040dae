"""Seeds: made once, kept wrapped, the same for ever."""

import multiprocessing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics_pipeline.core.errors import DecryptionFailed, IntegrityError, KeyUnavailable
from analytics_pipeline.core.field import to_bytes32
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    ensure_seeds,
    list_seeds,
    load_seed,
    open_catalogue,
    rewrap_data_keys,
)
from analytics_pipeline.storage.catalogue.tables import seeds
from analytics_pipeline.storage.keyring import Keyring

DAYS = [date(2026, 1, 5) + timedelta(days=number) for number in range(4)]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keys")


def test_a_seed_is_made_once(catalogue: Catalogue, keyring: Keyring) -> None:
    """Asking again, for more days or for fewer, changes none; every day and platform has its own,
    and each is the one its commitment says."""
    first = ensure_seeds(catalogue, keyring, "demo", DAYS[:2])
    more = ensure_seeds(catalogue, keyring, "demo", [DAYS[3], *DAYS])
    assert list(more) == DAYS
    assert {day: more[day] for day in first} == first
    other = ensure_seeds(catalogue, keyring, "other", DAYS)
    assert len({*more.values(), *other.values()}) == 2 * len(DAYS)
    assert list_seeds(catalogue, "demo", DAYS[1:]) == {day: more[day] for day in DAYS[1:]}
    assert list_seeds(catalogue, "third", DAYS) == {}
    for day, commitment in more.items():
        seed = load_seed(catalogue, keyring, "demo", day)
        assert to_bytes32(seed.commitment) == commitment
        assert seed == load_seed(catalogue, keyring, "demo", day)
    with pytest.raises(KeyUnavailable, match="has no seed"):
        load_seed(catalogue, keyring, "demo", DAYS[0] - timedelta(days=1))


def test_rotation_takes_seeds_along(catalogue: Catalogue, keyring: Keyring) -> None:
    """Both halves move to the new wrapping key: the old one opens nothing any more."""
    ensure_seeds(catalogue, keyring, "demo", DAYS)
    before = [load_seed(catalogue, keyring, "demo", day) for day in DAYS]
    old = keyring.active_wrapping_key_id
    keyring.rotate()
    assert rewrap_data_keys(catalogue, keyring) == len(DAYS)
    assert rewrap_data_keys(catalogue, keyring) == 0
    (keyring.directory / "private" / "wrapping" / f"{old}.json").unlink()
    keyring.reload()
    assert [load_seed(catalogue, keyring, "demo", day) for day in DAYS] == before
    assert ensure_seeds(catalogue, keyring, "demo", DAYS)[DAYS[0]] == to_bytes32(
        before[0].commitment
    )


def test_no_secret_half_is_in_the_file(tmp_path: Path, keyring: Keyring) -> None:
    """SQLite: the commitment is there to be found, seed and salt are not."""
    folder = tmp_path / "catalogue"
    catalogue = open_catalogue(f"sqlite:///{folder / 'catalogue.sqlite'}")
    [commitment] = ensure_seeds(catalogue, keyring, "demo", DAYS[:1]).values()
    seed = load_seed(catalogue, keyring, "demo", DAYS[0])
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert commitment.hex().encode() in content
    for secret in (seed.value, seed.salt):
        assert to_bytes32(secret) not in content
        assert to_bytes32(secret).hex().encode() not in content
    assert str(seed.value) not in repr(seed)


@pytest.mark.parametrize(
    ("column", "error"),
    [
        ("wrapped_salt", DecryptionFailed),
        ("wrapped_value", DecryptionFailed),
        ("commitment", IntegrityError),
    ],
)
def test_an_altered_seed_is_told(
    catalogue: Catalogue, keyring: Keyring, column: str, error: type[Exception]
) -> None:
    """Whoever writes the catalogue can lose a seed, not replace it."""
    ensure_seeds(catalogue, keyring, "demo", DAYS[:1])
    value: Any = "0x" + "11" * 32 if column == "commitment" else bytes(40)
    with catalogue.write() as connection:
        connection.execute(seeds.update().values({column: value}))
    with pytest.raises(error):
        load_seed(catalogue, keyring, "demo", DAYS[0])


def test_exchanged_halves_make_no_seed(catalogue: Catalogue, keyring: Keyring) -> None:
    """Wrapped under the right keys, and yet not what was committed to; another day's half does not
    even unwrap."""
    ensure_seeds(catalogue, keyring, "demo", DAYS[:2])
    with catalogue.write() as connection:
        of_second = connection.execute(
            seeds.select().where(seeds.c.day == DAYS[1].isoformat())
        ).one()
        connection.execute(seeds.update().values(wrapped_salt=of_second.wrapped_salt))
    with pytest.raises(DecryptionFailed, match="retention key"):
        load_seed(catalogue, keyring, "demo", DAYS[0])
    with catalogue.write() as connection:
        connection.execute(seeds.update().values(wrapped_salt=seeds.c.wrapped_value))
    with pytest.raises(IntegrityError, match="not that of its commitment"):
        load_seed(catalogue, keyring, "demo", DAYS[0])


def _make(url: str, keys: Path, barrier: Any, results: Any) -> None:
    catalogue, keyring = open_catalogue(url), Keyring(keys)
    barrier.wait()
    results.put(ensure_seeds(catalogue, keyring, "demo", DAYS))


def test_processes_that_make_seeds_at_once_make_the_same(
    catalogue_url: str, keyring: Keyring
) -> None:
    """One of them makes them, the others find them."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(3, timeout=60), context.Queue()
    arguments = (catalogue_url, keyring.directory, barrier, results)
    processes = [context.Process(target=_make, args=arguments, daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert found[0] == found[1] == found[2]
