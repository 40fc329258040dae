"""The private keys: permissions, rotation, and that no secret slips out."""

import base64
import json
import multiprocessing
import pickle
import stat
import traceback
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from analytics_pipeline.core.batch import hpke_info, seal_payload
from analytics_pipeline.core.errors import DecryptionFailed, KeyUnavailable
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.public_keys import active_public_key, load_public_keys

DATA_KEY = bytes(range(32))
DAY = date(2025, 1, 1)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    Keyring.create(tmp_path / "keys")
    return tmp_path / "keys"


def secrets_of(keys: Path) -> list[str]:
    files = (keys / "private").rglob("*.json")
    return [json.loads(path.read_bytes())["secret"] for path in files]


def sealed_batch(keys: Path, payload: bytes = b"payload") -> tuple[str, bytes, bytes]:
    public = active_public_key(keys)
    info = hpke_info("demo", public.key_id, "b" * 16)
    return public.key_id, info, seal_payload(payload, public.public_key, info)


def test_only_the_owner_can_read_private_keys(keys: Path):
    """Private folders are 0700, their files 0600; public files are readable."""
    private = keys / "private"
    folders = [private, *(path for path in private.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    files = [path for path in private.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(p.stat().st_mode) for p in (keys / "public").iterdir()} == {0o644}


def test_readable_private_key_is_refused(keys: Path):
    """A private key others can read is not used, and the error says what to do."""
    (keys / "private/root.json").chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        Keyring(keys)


def test_create_is_idempotent_and_repairs(keys: Path):
    """Creating again changes no key, and publishes a public key that was lost."""
    before = sorted(secrets_of(keys))
    (public,) = (keys / "public").glob("*.json")
    content = public.read_bytes()
    public.unlink()
    Keyring.create(keys)
    assert sorted(secrets_of(keys)) == before
    assert public.read_bytes() == content


def test_creating_at_once_makes_one_set(tmp_path: Path):
    """Processes that start together on an empty folder agree on one root, one key of each kind."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=Keyring.create, args=(tmp_path / "keys",)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    keyring = Keyring(tmp_path / "keys")
    assert (len(keyring.batch_key_ids), len(keyring.wrapping_key_ids)) == (1, 1)


def test_missing_keys_are_a_clear_error(tmp_path: Path):
    """Without keys the error says which command makes them."""
    with pytest.raises(KeyUnavailable, match="keys create"):
        Keyring(tmp_path)


def test_opens_what_the_public_key_sealed(keys: Path):
    """A batch sealed with nothing but the public file opens."""
    assert Keyring(keys).open_batch(*sealed_batch(keys)) == b"payload"


def test_every_part_of_a_batch_is_bound(keys: Path):
    """Other info, an altered byte, a truncation: DecryptionFailed, not garbage."""
    keyring = Keyring(keys)
    key_id, info, sealed = sealed_batch(keys)
    flipped = bytes([sealed[-1] ^ 1])
    for bad_info, bad in [
        (info + b"x", sealed),
        (info, sealed[:-1] + flipped),
        (info, b"\0" * 32 + sealed[32:]),
        (info, sealed[:47]),
        (info, b""),
    ]:
        with pytest.raises(DecryptionFailed):
            keyring.open_batch(key_id, bad_info, bad)
    with pytest.raises(KeyUnavailable):
        keyring.open_batch("batch-999999-00000000", info, sealed)


def test_rotation_keeps_the_old_keys(keys: Path):
    """After two rotations old batches open and old data keys unwrap; new ones use the new keys."""
    keyring = Keyring(keys)
    old_batch, old_wrapped = sealed_batch(keys), keyring.wrap("demo", DAY, DATA_KEY)
    first = keyring.rotate()
    second = keyring.rotate()
    assert first != second
    assert keyring.open_batch(*old_batch) == b"payload"
    assert keyring.unwrap("demo", DAY, *old_wrapped) == DATA_KEY
    assert active_public_key(keys).key_id == second[0] == keyring.batch_key_ids[-1]
    assert keyring.wrap("demo", DAY, DATA_KEY)[0] == second[1] == keyring.active_wrapping_key_id
    statuses = [key.status for key in load_public_keys(keys).values()]
    assert statuses == ["retired", "retired", "active"]


def test_wrapping_is_rfc_3394(keys: Path):
    """Wrapped data keys are AES-KW in AES-KW, so any implementation can unwrap them."""
    key_id, wrapped = Keyring(keys).wrap("demo", DAY, DATA_KEY)
    file = json.loads((keys / f"private/wrapping/{key_id}.json").read_bytes())
    assert len(wrapped) == 48
    inner = aes_key_unwrap(base64.b64decode(file["secret"]), wrapped)
    retention_key = (keys / f"private/retention/{DAY}.demo.key").read_bytes()
    assert aes_key_unwrap(retention_key, inner) == DATA_KEY


def test_rewrap_changes_the_wrapping_only(keys: Path):
    """Re-wrapping moves a data key to the new wrapping key and keeps the data key."""
    keyring = Keyring(keys)
    old = keyring.wrap("demo", DAY, DATA_KEY)
    keyring.rotate()
    new = keyring.rewrap(*old)
    assert new[0] != old[0]
    assert keyring.unwrap("demo", DAY, *new) == DATA_KEY
    with pytest.raises(DecryptionFailed):
        keyring.unwrap("demo", DAY, new[0], old[1])


def test_altered_wrapped_key_is_refused(keys: Path):
    """AES-KW is authenticated: no flipped byte yields a key."""
    keyring = Keyring(keys)
    key_id, wrapped = keyring.wrap("demo", DAY, DATA_KEY)
    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 0x80
        with pytest.raises(DecryptionFailed):
            keyring.unwrap("demo", DAY, key_id, bytes(altered))
    with pytest.raises(KeyUnavailable):
        keyring.unwrap("demo", DAY, "wrap-999999-00000000", wrapped)


def test_another_process_learns_of_a_rotation(keys: Path):
    """A running keyring unwraps with a wrapping key that another process made."""
    running = Keyring(keys)
    wrapped = (rotated := Keyring(keys)).rotate() and rotated.wrap("demo", DAY, DATA_KEY)
    assert running.unwrap("demo", DAY, *wrapped) == DATA_KEY


def test_storage_keys_are_stable_and_separate(keys: Path):
    """One purpose, one key, over restarts; different purposes, different keys."""
    purposes = ["warehouse", "raw", "video-selection/2025-01-01", "video-selection/2025-01-02"]
    derived = [Keyring(keys).storage_key(purpose) for purpose in purposes]
    assert derived == [Keyring(keys).storage_key(purpose) for purpose in purposes]
    assert len(set(derived)) == len(purposes)
    assert {len(key) for key in derived} == {32}
    with pytest.raises(ValueError, match="printable"):
        Keyring(keys).storage_key("a\nb")


def test_no_secret_in_texts(keys: Path):
    """Neither repr nor any traceback with the keyring in it shows a secret."""
    keyring = Keyring(keys)
    texts = [repr(keyring), str(keyring)]
    key_id, wrapped = keyring.wrap("demo", DAY, DATA_KEY)
    for call in (
        lambda: keyring.unwrap("demo", DAY, key_id, wrapped[::-1]),
        lambda: keyring.wrap("demo", DAY, DATA_KEY[:5]),
        lambda: keyring.open_batch(keyring.batch_key_ids[0], b"", b"x" * 99),
        lambda: pickle.dumps(keyring),
    ):
        try:
            call()
        except Exception as error:
            texts.append(
                "".join(
                    traceback.TracebackException.from_exception(error, capture_locals=True).format()
                )
            )
    assert len(texts) == 6
    for encoded in secrets_of(keys):
        raw = base64.b64decode(encoded)
        for text in texts:
            assert encoded not in text
            assert raw.hex() not in text
            assert repr(raw) not in text


def test_malformed_private_file_names_the_file_only(keys: Path):
    """A damaged key file is named; its content is not shown."""
    path = keys / "private/root.json"
    fields = json.loads(path.read_bytes())
    for content in (b"{", json.dumps({**fields, "secret": "c2hvcnQ="}).encode()):
        path.write_bytes(content)
        with pytest.raises(KeyUnavailable, match=r"root\.json") as caught:
            Keyring(keys)
        assert "c2hvcnQ" not in str(caught.value)
