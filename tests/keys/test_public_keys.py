"""The public half of the keys: all that the internet-facing process may read."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.storage.public_keys import (
    PublicKeyEntry,
    active_public_key,
    build_public_key,
    load_public_keys,
    parse_public_key,
    write_public_key,
)


def entry(key_id: str, status: str = "active") -> PublicKeyEntry:
    key = X25519PrivateKey.generate().public_key()
    return PublicKeyEntry(key_id, key, datetime(2025, 1, 1, tzinfo=UTC), status)


def test_file_has_the_documented_members():
    """A key file holds exactly the five members other programs read."""
    fields = json.loads(build_public_key(entry("batch-000001-00000000")))
    assert set(fields) == {"key_id", "algorithm", "public_key", "created_at", "status"}
    assert fields["algorithm"] == "X25519"
    assert fields["created_at"] == "2025-01-01T00:00:00Z"


def test_round_trip(tmp_path: Path):
    """What is written is what is read."""
    written = entry("batch-000001-00000000")
    write_public_key(tmp_path, written)
    read = load_public_keys(tmp_path)[written.key_id]
    assert read.public_bytes == written.public_bytes
    assert (read.created_at, read.status) == (written.created_at, written.status)


def test_newest_active_key_is_used(tmp_path: Path):
    """Of two active keys, which a rotation cut short leaves, the newer one is in force."""
    for name in ("batch-000001-ffffffff", "batch-000002-00000000"):
        write_public_key(tmp_path, entry(name))
    write_public_key(tmp_path, entry("batch-000003-00000000", "retired"))
    assert active_public_key(tmp_path).key_id == "batch-000002-00000000"


def test_a_rotation_between_listing_and_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The folder was listed without the new key, and then the old one is retired already."""
    old, new = entry("batch-000001-00000000"), entry("batch-000002-00000000")
    write_public_key(tmp_path, old)
    read = Path.read_bytes

    def read_after_a_rotation(path: Path) -> bytes:
        monkeypatch.setattr(Path, "read_bytes", read)
        write_public_key(tmp_path, new)
        write_public_key(tmp_path, replace(old, status="retired"))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_after_a_rotation)
    assert active_public_key(tmp_path).key_id == new.key_id


def test_no_key_is_a_clear_error(tmp_path: Path):
    """Without a key the error says which command makes one."""
    assert load_public_keys(tmp_path) == {}
    with pytest.raises(KeyUnavailable, match="keys create"):
        active_public_key(tmp_path)


def test_file_under_another_name_is_refused(tmp_path: Path):
    """A key file renamed to another id does not pass for that id."""
    write_public_key(tmp_path, entry("batch-000001-00000000"))
    (tmp_path / "public/batch-000001-00000000.json").rename(tmp_path / "public/other.json")
    with pytest.raises(KeyUnavailable, match="holds key"):
        load_public_keys(tmp_path)


@pytest.mark.parametrize(
    ("member", "value"),
    [("public_key", "AAAA"), ("public_key", "%"), ("status", "old"), ("algorithm", "P-256")],
)
def test_wrong_member_is_named(member: str, value: str):
    """The error names the member that is wrong."""
    fields = json.loads(build_public_key(entry("batch-000001-00000000")))
    with pytest.raises(KeyUnavailable, match=member):
        parse_public_key(json.dumps({**fields, member: value}).encode())


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes):
    """Whatever the bytes, parsing them ends in the named error."""
    with pytest.raises(KeyUnavailable):
        parse_public_key(data)
