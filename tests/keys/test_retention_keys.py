"""Retention keys: made once, destroyed for good."""

import multiprocessing
import os
import signal
import stat
from datetime import date, timedelta
from pathlib import Path

import pytest

from analytics_pipeline.core.errors import InvalidInput, KeyUnavailable
from analytics_pipeline.storage import retention_keys
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.retention_keys import RetentionKeys

DAY = date(2026, 3, 1)
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def keys(tmp_path: Path) -> RetentionKeys:
    return RetentionKeys(tmp_path / "private" / "retention")


def test_a_day_has_one_key_of_its_own(keys: RetentionKeys) -> None:
    """The same for every handle, another for every platform and day; for its owner alone."""
    key = keys.ensure("demo", DAY)
    assert len(key) == 32
    assert RetentionKeys(keys.folder).ensure("demo", DAY) == keys.load("demo", DAY) == key
    others = [keys.ensure("demo", DAY + timedelta(days=1)), keys.ensure("rival", DAY)]
    assert len({key, *others}) == 3
    assert keys.days("demo") == [DAY, DAY + timedelta(days=1)]
    assert keys.days("rival") == [DAY]
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.folder.iterdir()} == {0o600}
    assert key.hex() not in repr(keys)


def test_a_destroyed_key_is_gone(keys: RetentionKeys) -> None:
    """Its bytes are zeros before its name goes (a second link shows them); the next one differs."""
    key = keys.ensure("demo", DAY)
    [path] = keys.folder.iterdir()
    link = keys.folder.parent / "second-link"
    os.link(path, link)
    assert keys.destroy("demo", DAY)
    assert link.read_bytes() == bytes(32)
    assert not keys.destroy("demo", DAY)
    assert keys.days("demo") == []
    with pytest.raises(KeyUnavailable, match="destroyed"):
        keys.load("demo", DAY)
    assert keys.ensure("demo", DAY) != key


def test_a_cut_between_overwriting_and_unlinking(keys: RetentionKeys) -> None:
    """Zeros are never used as a key, and destroying again finishes."""
    keys.ensure("demo", DAY)
    [path] = keys.folder.iterdir()
    path.write_bytes(bytes(32))
    for use in (keys.load, keys.ensure):
        with pytest.raises(KeyUnavailable, match="destroyed"):
            use("demo", DAY)
    assert keys.destroy("demo", DAY)
    assert list(keys.folder.iterdir()) == []


def test_what_a_killed_maker_left_goes_too(
    keys: RetentionKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before and after the link is made: the hidden file is overwritten with the key."""
    for step, made in (("link", False), ("unlink", True)):
        child = FORK.Process(target=_make_and_die, args=(keys, step))
        child.start()
        child.join(30)
        assert child.exitcode == -signal.SIGKILL
        hidden = [path for path in keys.folder.iterdir() if path.name.startswith(".")]
        assert len(hidden) == 1
        assert bool(keys.days("demo")) is made
        assert hidden[0].read_bytes() != bytes(32)
        keys.destroy("demo", DAY)
        assert list(keys.folder.iterdir()) == []


def _make_and_die(keys: RetentionKeys, step: str) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "link":
        retention_keys.os.link = die  # type: ignore[attr-defined]
    else:
        retention_keys.Path.unlink = die  # type: ignore[attr-defined]
    keys.ensure("demo", DAY)


def _ensure(folder: Path, results: "multiprocessing.SimpleQueue[bytes]") -> None:
    results.put(RetentionKeys(folder).ensure("demo", DAY))


def test_of_many_makers_one_wins(keys: RetentionKeys) -> None:
    """Processes that need the key at the same moment get the same one."""
    results = FORK.SimpleQueue()
    children = [FORK.Process(target=_ensure, args=(keys.folder, results)) for _ in range(8)]
    for child in children:
        child.start()
    assert len({results.get() for _ in children}) == 1
    for child in children:
        child.join(30)
    assert len(list(keys.folder.iterdir())) == 1


def test_malformed_files_and_names_are_refused(keys: RetentionKeys) -> None:
    """Too short, readable by others, a platform that would leave the folder."""
    keys.ensure("demo", DAY)
    [path] = keys.folder.iterdir()
    path.chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        keys.load("demo", DAY)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(KeyUnavailable, match="32 bytes"):
        keys.load("demo", DAY)
    for platform in ("", "a/b", "../x", "é"):
        with pytest.raises(InvalidInput, match="platform"):
            keys.ensure(platform, DAY)
    assert keys.ensure("..", DAY)
    assert all(path.parent == keys.folder for path in keys.folder.rglob("*"))


def test_rotation_needs_no_retention_key(tmp_path: Path) -> None:
    """What is wrapped of an erased day is moved like the rest, and stays as useless as it was."""
    keyring = Keyring.create(tmp_path / "keys")
    wrapped = keyring.wrap("demo", DAY, bytes(range(32)))
    keyring.retention.destroy("demo", DAY)
    keyring.rotate()
    moved = keyring.rewrap(*wrapped)
    assert moved[0] != wrapped[0]
    with pytest.raises(KeyUnavailable, match="destroyed"):
        keyring.unwrap("demo", DAY, *moved)
