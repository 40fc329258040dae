"""Webhook keys: permissions, rotation, a signature others can check, and no secret that slips
out."""

import base64
import json
import multiprocessing
import pickle
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from analytics_pipeline.core.errors import KeyUnavailable
from analytics_pipeline.core.webhooks import build_headers, signed_content
from analytics_pipeline.storage.webhook_keys import load_webhook_keys
from analytics_pipeline.storage.webhook_signer import WebhookSigner

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    WebhookSigner.create(tmp_path / "keys", NOW)
    return tmp_path / "keys"


def private_file(keys: Path) -> Path:
    [path] = (keys / "webhook" / "private").glob("*.json")
    return path


def verify(public_key: str, signature: bytes, content: bytes) -> None:
    raw = base64.b64decode(public_key.removeprefix("whpk_"))
    Ed25519PublicKey.from_public_bytes(raw).verify(signature, content)


def test_only_the_owner_can_read_them(keys: Path) -> None:
    """The private folder is 0700, its file 0600; the public half is for everybody."""
    path = private_file(keys)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = keys / "webhook" / "public" / path.name
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert json.loads(path.read_bytes())["secret"] not in public.read_text()


def test_creating_again_changes_nothing_and_repairs(keys: Path) -> None:
    """A public half that was lost is written again."""
    before = load_webhook_keys(keys, NOW)
    (keys / "webhook" / "public" / private_file(keys).name).unlink()
    with pytest.raises(KeyUnavailable, match="keys create"):
        load_webhook_keys(keys, NOW)
    WebhookSigner.create(keys, NOW)
    assert load_webhook_keys(keys, NOW) == before


def create(keys: Path) -> None:
    WebhookSigner.create(keys, NOW)


def test_processes_that_create_at_once_make_one_key(tmp_path: Path) -> None:
    """The CLI, `up` and the worker may all come first."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=create, args=(tmp_path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert private_file(tmp_path)


def test_a_new_key_signs_beside_the_old_one_for_a_while(keys: Path) -> None:
    """Receivers that know either believe a call, until 30 days are over."""
    signer = WebhookSigner(keys)
    old = load_webhook_keys(keys, NOW).active
    later = NOW + timedelta(days=100)
    new_id = signer.rotate(later)
    both = load_webhook_keys(keys, later).signing
    assert [key.key_id for key in both] == [new_id, old.key_id]
    for key, signature in zip(both, signer.sign(b"x", later), strict=True):
        verify(key.public_key, signature, b"x")
    over = later + timedelta(days=30)
    assert [key.key_id for key in load_webhook_keys(keys, over).signing] == [new_id]
    assert len(signer.sign(b"x", over)) == 1


def test_the_signature_of_the_specifications_own_vector(keys: Path) -> None:
    """Key, id, time and payload of the reference library's test give its signature."""
    path = private_file(keys)
    file = json.loads(path.read_bytes())
    file["secret"] = "VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
    path.write_text(json.dumps(file))
    at = 1614265330
    content = signed_content("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    [signature] = WebhookSigner(keys).sign(content, NOW)
    headers = build_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, [signature])
    assert headers["webhook-signature"] == (
        "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"not json", b'{"key_id": "x"}'])
def test_a_file_that_is_no_key_is_refused_without_quoting_it(keys: Path, content: bytes) -> None:
    """Neither is one that others can read."""
    path = private_file(keys)
    secret = json.loads(path.read_bytes())["secret"]
    path.chmod(0o640)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        WebhookSigner(keys).sign(b"x", NOW)
    path.chmod(0o600)
    path.write_bytes(content or json.dumps({"secret": secret}).encode())
    with pytest.raises(KeyUnavailable, match="is not a key file") as caught:
        WebhookSigner(keys).sign(b"x", NOW)
    assert secret not in str(caught.value)


def test_a_signer_gives_nothing_away(keys: Path) -> None:
    """It has no secret in it, and cannot be copied."""
    signer = WebhookSigner(keys)
    secret = json.loads(private_file(keys).read_bytes())["secret"]
    assert secret not in repr(signer)
    assert secret not in str(vars(signer))
    with pytest.raises(TypeError, match="not to be pickled"):
        pickle.dumps(signer)
    with pytest.raises(KeyUnavailable, match="keys create"):
        WebhookSigner(keys / "elsewhere")
