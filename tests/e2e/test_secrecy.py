"""Nothing a run leaves behind holds plaintext events, viewers or secrets."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.raw_day import load_raw_day
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
    key = Keyring(deployment.settings.keys_dir).storage_key("raw")
    viewers: set[str] = set()
    for day in sorted((deployment.settings.raw_dir / "demo").glob("*.parquet")):
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


@pytest.mark.parametrize("magic", [b'"session_id":', b'"at_ms":'])
def test_no_event_json(deployment: Deployment, magic: bytes) -> None:
    """No decoded event was written anywhere, not even to a log."""
    left = [hit for hit in find(deployment.home, [magic]) if "manifest.json" not in hit]
    assert left == []


def _day(path: Path) -> date:
    return date.fromisoformat(path.stem)
