"""Nothing a run leaves behind holds plaintext events, viewers or secrets."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import list_releases, load_seed
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.raw_day import load_raw_day, raw_day_key
from tests.e2e.conftest import Deployment


def files_left(home: Path) -> Iterator[Path]:
    """Every file of the deployment but the private keys themselves."""
    private = home / "keys" / "private"
    return (path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(private))


def find(home: Path, needles: list[bytes]) -> list[str]:
    """Which needle stands in which file."""
    return [
        f"{needle[:24]!r} in {path.relative_to(home)}"
        for path in files_left(home)
        for data in [path.read_bytes()]
        for needle in needles
        if needle in data
    ]


def test_the_search_finds_what_is_there(deployment: Deployment) -> None:
    """A video id is public and stands in the catalogue: the search must see it."""
    assert find(deployment.home, [b"video-0001"])


def test_no_session_address_or_browser_anywhere(deployment: Deployment) -> None:
    """Session ids, addresses, user agents: not on disk, in logs or in Dagster's storage."""
    needles = {session.session_id.encode() for session in deployment.sessions}
    needles |= {session.viewer.address.encode() for session in deployment.sessions}
    needles |= {session.viewer.user_agent.encode() for session in deployment.sessions}
    assert find(deployment.home, sorted(needles)) == []


def test_no_pseudonym_outside_the_queue(deployment: Deployment) -> None:
    """Pseudonyms leave the queue with their batches and then stand in encrypted files only."""
    keyring = Keyring(deployment.settings.keys_dir)
    secret = keyring.storage_key("raw")
    viewers: set[str] = set()
    for day in sorted((deployment.settings.raw_dir / "demo").glob("*.parquet")):
        key = raw_day_key(secret, keyring.retention.load("demo", _day(day)), "demo", _day(day))
        frame = load_raw_day(deployment.settings.raw_dir, "demo", _day(day), key)
        viewers |= set(frame["viewer"])
    assert len(viewers) > 50
    needles = [viewer.encode() for viewer in viewers] + [bytes.fromhex(v) for v in viewers]
    assert find(deployment.home, needles) == []


def test_no_key_outside_its_file(deployment: Deployment) -> None:
    """Storage keys, as bytes and as hexadecimal text, stand in no file at all."""
    keyring = Keyring(deployment.settings.keys_dir)
    keys = [keyring.storage_key(purpose) for purpose in ("raw", "warehouse", "video-selection")]
    assert find(deployment.home, keys + [key.hex().encode() for key in keys]) == []


def test_no_seed_anywhere(deployment: Deployment) -> None:
    """With it anybody takes the noise off the published figures: wrapped in the catalogue, and in
    no file as it is."""
    stores = Stores(deployment.settings)
    days = {release.day for release in list_releases(stores.catalogue, stores.platform)}
    assert len(days) == 3
    needles = []
    for day in sorted(days):
        seed = load_seed(stores.catalogue, stores.keyring, stores.platform, day)
        for secret in (seed.value, seed.salt):
            as_bytes = secret.to_bytes(32, "big")
            needles += [as_bytes, as_bytes[::-1], as_bytes.hex().encode(), str(secret).encode()]
        commitment = seed.commitment.to_bytes(32, "big").hex().encode()
        assert find(deployment.home, [commitment])
    stores.close()
    assert find(deployment.home, needles) == []


@pytest.mark.parametrize("member", [rb'"session_id": ?\\?"', rb'"at_ms": ?\d'])
def test_no_event_json(deployment: Deployment, member: bytes) -> None:
    """No decoded event was written anywhere, not even to a log. Names of columns are, and dbt's
    manifest has the made-up rows of unit tests."""
    assert re.search(member, b'{"session_id":"x","at_ms":1}')
    left = [path for path in files_left(deployment.home) if re.search(member, path.read_bytes())]
    assert {path.name for path in left} <= {"manifest.json"}


def _day(path: Path) -> date:
    return date.fromisoformat(path.stem)
