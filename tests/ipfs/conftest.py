"""Fixtures of the IPFS tests."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from analytics_pipeline.core import unixfs, unixfs_reader
from analytics_pipeline.storage.ipfs import Deadlines, EmbeddedStore
from tests.ipfs.hostile_node import HostileNode, hostile_node

#: Short enough for tests, long enough for a busy machine.
FAST = Deadlines(
    connect_seconds=2, idle_seconds=0.4, total_seconds=5, attempts=3, first_retry_seconds=0.01
)


def keystream(seed: str, size: int) -> bytes:
    """The bytes Kubo's own tests add: ChaCha20 keystream under SHA-256 of the seed."""
    key = hashlib.sha256(seed.encode()).digest()
    return Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(size))


@pytest.fixture
def store(tmp_path: Path) -> EmbeddedStore:
    """An empty embedded store."""
    return EmbeddedStore(tmp_path / "ipfs")


@pytest.fixture
def node() -> Iterator[HostileNode]:
    """A node that is honest until told otherwise."""
    with hostile_node() as node:
        yield node


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same layout in miniature, so that small inputs make deep trees."""
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 16)
    monkeypatch.setattr(unixfs_reader, "CHUNK_BYTES", 16)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 3)
