"""After erasure nothing decrypts: held against the stored bytes, and against a backup of everything
but the retention keys, with the keys folder as it is afterwards."""

import base64
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap
from sqlalchemy import select

from analytics_pipeline.core.errors import DecryptionFailed, KeyUnavailable
from analytics_pipeline.core.segment import SegmentHeader, open_segment
from analytics_pipeline.core.unixfs import cid_of_bytes
from analytics_pipeline.defs.steps import events
from analytics_pipeline.defs.steps.expiry import destroy_day
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    Segment,
    list_segments,
    load_seed,
    open_catalogue,
    wrapped_data_key,
)
from analytics_pipeline.storage.catalogue.tables import data_keys, seeds
from analytics_pipeline.storage.ipfs import open_store
from analytics_pipeline.storage.raw_day import load_raw_day, raw_day_key
from analytics_pipeline.storage.segments import load_segment
from tests.defs.publishing import publish
from tests.defs.support import DAYS, Deployment, build_sessions, leave_out_bb, store_tally

FIRST, SECOND, _ = DAYS


@dataclass(frozen=True)
class Erased:
    """A deployment with `FIRST` erased, and a copy of its home from before, without the retention
    keys; ``retention_key`` is the one that was destroyed, ``wrapped`` every wrapped row of its."""

    home: Path
    backup: Path
    stores: Stores
    retention_key: bytes
    wrapped: list[bytes]
    data_keys: list[bytes]

    def catalogue(self) -> Catalogue:
        """The backup's: main file and write-ahead log, as they lay on disk."""
        return open_catalogue(f"sqlite:///{self.backup / 'catalogue.sqlite'}")


@pytest.fixture
def erased(
    deployment: Deployment, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Erased:
    leave_out_bb(stores, monkeypatch)
    home, platform = stores.settings.home, stores.platform
    for number, day in enumerate((FIRST, SECOND, FIRST)):
        deployment.send(build_sessions(day, 5, seed=number), tag=f"{number}")
        deployment.seal()
    for day in (FIRST, SECOND):
        events.load_day(stores, day)
        store_tally(stores, day, viewers=500)
    publish(stores, FIRST, SECOND)
    retention_key = stores.keyring.retention.load(platform, FIRST)
    keys = [
        stores.keyring.unwrap(
            platform, FIRST, *wrapped_data_key(stores.catalogue, segment.segment_id)
        )
        for segment in list_segments(stores.catalogue, platform, FIRST)
    ]
    assert len(keys) == 2
    with stores.catalogue.read() as connection:  # also keeps the log from being moved to the file
        wrapped = [
            value
            for table in (data_keys, seeds)
            for row in connection.execute(select(table).where(table.c.day == FIRST.isoformat()))
            for value in row._mapping.values()
            if isinstance(value, bytes)
        ]
        backup = tmp_path / "backup"
        shutil.copytree(home, backup, ignore=shutil.ignore_patterns("keys", "dagster"))
    assert len(wrapped) == 4
    destroy_day(stores, FIRST, "retention")
    return Erased(home, backup, stores, retention_key, wrapped, keys)


def secrets_left(keys: Path) -> list[bytes]:
    """Every secret in the keys folder, whatever it is for."""
    found = []
    for path in keys.rglob("*"):
        if path.suffix == ".key":
            found.append(path.read_bytes())
        elif path.suffix == ".json" and b'"secret"' in path.read_bytes():
            text = path.read_bytes().split(b'"secret":"')[1].split(b'"')[0]
            found.append(base64.b64decode(text))
    return found


def test_a_backup_opens_no_segment(erased: Erased) -> None:
    """Catalogue, log and IPFS from before, keys from after: the erased day's segments and seed do
    not open, the other day's do, so the backup is a good one."""
    keyring, platform = erased.stores.keyring, erased.stores.platform
    with (
        closing(erased.catalogue()) as catalogue,
        open_store(str(erased.backup / "ipfs")) as content,
    ):
        for segment in list_segments(catalogue, platform, FIRST):
            assert wrapped_data_key(catalogue, segment.segment_id)[1] in erased.wrapped
            with pytest.raises(KeyUnavailable, match="destroyed"):
                load_segment(catalogue, content, keyring, segment)
        with pytest.raises(KeyUnavailable, match="destroyed"):
            load_seed(catalogue, keyring, platform, FIRST)
        [other] = list_segments(catalogue, platform, SECOND)
        assert load_segment(catalogue, content, keyring, other).height > 0
        assert load_seed(catalogue, keyring, platform, SECOND)


def test_no_secret_that_is_left_unwraps_a_backup(erased: Erased) -> None:
    """Not by the program's own refusal only: every secret is tried on every wrapped row, twice."""
    left = secrets_left(erased.home / "keys")
    assert len(left) >= 4
    assert erased.retention_key not in left

    def unwrap(key: bytes, wrapped: bytes) -> bytes | None:
        try:
            return aes_key_unwrap(key, wrapped)
        except InvalidUnwrap:
            return None

    outer = [inner for key in left for row in erased.wrapped if (inner := unwrap(key, row))]
    assert len(outer) == len(erased.wrapped), "the wrapping key takes the outer layer off"
    assert not any(unwrap(key, inner) for key in left for inner in outer)
    data = [key for inner in outer if (key := unwrap(erased.retention_key, inner))]
    assert set(erased.data_keys) < set(data), "with the retention key it would have"


def test_the_raw_layer_of_a_backup_does_not_open(erased: Erased) -> None:
    """Its key follows from the retention key: the root secret alone gives nothing."""
    secret = erased.stores.keyring.storage_key("raw")
    raw, platform = erased.backup / "raw", erased.stores.platform
    tried = [secret, *secrets_left(erased.home / "keys")]
    tried += [raw_day_key(secret, key, platform, FIRST) for key in (bytes(32), *tried)]
    for key in tried:
        with pytest.raises(DecryptionFailed):
            load_raw_day(raw, platform, FIRST, key)
    key = raw_day_key(secret, erased.retention_key, platform, FIRST)
    assert load_raw_day(raw, platform, FIRST, key).height > 0, "the file itself is sound"


def test_nothing_that_opens_the_day_is_in_any_file(erased: Erased) -> None:
    """Database, write-ahead log, free pages, keys, blocks, warehouse, Dagster: every file of the
    deployment is searched for the retention key, the data keys and what is wrapped of them."""
    erased.stores.close()
    needles = [erased.retention_key, *erased.wrapped, *erased.data_keys]
    spelled = [form for n in needles for form in (n, n.hex().encode(), base64.b64encode(n))]
    files = [path for path in erased.home.rglob("*") if path.is_file()]
    assert {"catalogue.sqlite", "warehouse.duckdb"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [needle for needle in spelled if needle in content], path
    before = (erased.backup / "catalogue.sqlite").read_bytes()
    log = erased.backup / "catalogue.sqlite-wal"
    before += log.read_bytes() if log.exists() else b""
    assert all(row in before for row in erased.wrapped), "the search would have found them"


def test_blocks_that_stay_are_noise(erased: Erased) -> None:
    """Whoever kept the segments has ciphertext; no key of the deployment opens it."""
    stores = erased.stores
    for segment in list_segments(stores.catalogue, stores.platform, FIRST):
        assert not stores.content.is_pinned(segment.cid)
        envelope = stores.content.get(segment.cid)  # until somebody collects garbage
        assert cid_of_bytes(envelope) == segment.cid
        for key in secrets_left(erased.home / "keys"):
            with pytest.raises(DecryptionFailed):
                _open(envelope, segment, key)
        assert any(_opens(envelope, segment, key) for key in erased.data_keys)


def _open(envelope: bytes, segment: Segment, key: bytes) -> bytes:
    header = SegmentHeader(
        **{name: getattr(segment, name) for name in SegmentHeader.__dataclass_fields__}
    )
    return open_segment(envelope, header, data_key=key, key_commitment=segment.key_commitment)


def _opens(envelope: bytes, segment: Segment, key: bytes) -> bool:
    try:
        return bool(_open(envelope, segment, key))
    except DecryptionFailed:
        return False


def test_the_warehouse_keeps_no_page_of_before(erased: Erased) -> None:
    """The file is written anew: no block of the old one is in it, nor left beside it."""
    old = (erased.backup / "warehouse.duckdb").read_bytes()
    new = (erased.home / "warehouse.duckdb").read_bytes()
    blocks = {new[at : at + 4096] for at in range(12288, len(new), 4096)} - {bytes(4096)}
    assert blocks
    assert not [at for at in range(12288, len(old), 4096) if old[at : at + 4096] in blocks]
    left = [name for name in os.listdir(erased.home) if "warehouse.duckdb" in name]
    assert left == ["warehouse.duckdb"]
