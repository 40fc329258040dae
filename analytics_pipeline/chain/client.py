"""Opening a chain, a registry or a publisher from plain values.

Belongs here: choosing the backend, and the embedded chain's set-up on first use. A path is the
embedded chain, an http(s) URL is JSON-RPC. Reading records over JSON-RPC works on the base
install; the embedded chain and publishing need the extra [pipeline], so they are imported late.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from analytics_pipeline.chain.account import load_account
from analytics_pipeline.chain.deploy import DEVELOPMENT_RULES, contract_address, deploy_registry
from analytics_pipeline.chain.interface import Chain, TransactionRejected
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.errors import ChainError, InvalidInput

if TYPE_CHECKING:
    from analytics_pipeline.chain.publisher import Publisher


def open_chain(location: str | Path, *, timeout_seconds: float = 20.0) -> Chain:
    """Open a chain.

    Args:
        location: path of the embedded chain's file (created if absent), or a JSON-RPC URL.
        timeout_seconds: deadline of one JSON-RPC request.
    Raises:
        ChainError: the chain does not answer, or the embedded one is not installed.
    """
    text = str(location)
    if text.startswith(("http://", "https://")):
        from analytics_pipeline.chain.rpc import RpcChain

        return RpcChain(text, timeout_seconds=timeout_seconds)
    try:
        from analytics_pipeline.chain.embedded import EmbeddedChain
    except ModuleNotFoundError as error:
        raise ChainError(
            f"the embedded chain needs the extra [pipeline] (no module {error.name})"
        ) from None
    return EmbeddedChain(Path(text))


def open_registry(chain: Chain, address: str = "") -> Registry:
    """The registry at `address`; on the embedded chain without one, its own, deployed on first use.

    Raises:
        InvalidInput: a public chain needs an address.
    """
    if address:
        return Registry(chain, address)
    if not chain.instant:
        raise InvalidInput("registry", "a chain behind JSON-RPC needs the registry's address")
    from analytics_pipeline.chain.embedded import development_account

    owner = development_account()
    # The first transaction of the chain's own account: the address is known without being stored.
    expected = contract_address(owner.address, 0)
    if not chain.code(expected):
        try:
            return deploy_registry(chain, owner, DEVELOPMENT_RULES, nonce=0)
        except TransactionRejected:
            if not chain.code(expected):  # another process was faster, otherwise
                raise
    return Registry(chain, expected)


def open_publisher(
    location: str | Path,
    platform: str,
    outbox: str | Path,
    *,
    registry: str = "",
    key_file: str | Path = "",
    confirmations: int = 1,
    timeout_seconds: float = 300.0,
) -> "Publisher":
    """A publisher for one platform, ready to append.

    On the embedded chain everything is set up on first use: registry, platform, role. On a public
    chain the registry's owner must have opened the platform (`Registry.grant_publisher`).

    Args:
        location: see `open_chain`.
        outbox: path or SQLAlchemy URL of the transactions in flight.
        registry: address; see `open_registry`.
        key_file: file with the private key; a public chain needs it, the embedded one has its own.
        confirmations: blocks deep at which a record counts as published.
    Raises:
        InvalidInput, KeyUnavailable, ChainError.
    """
    # Publishing needs the extra [pipeline]; reading and verifying need the base install only.
    from analytics_pipeline.chain.outbox import Outbox
    from analytics_pipeline.chain.publisher import Publisher

    chain = open_chain(location)
    opened = open_registry(chain, registry)
    if chain.instant:
        from analytics_pipeline.chain.embedded import development_account

        account = development_account()
        if not opened.is_publisher(platform, account.address):
            try:
                opened.grant_publisher(platform, account.address, account)
            except ChainError:
                # Another process may have opened the platform in between.
                if not opened.is_publisher(platform, account.address):
                    raise
    elif not key_file:
        raise InvalidInput("publisher_key_file", "publishing on this chain needs a private key")
    else:
        account = load_account(Path(key_file))
    return Publisher(
        opened,
        account,
        Outbox(outbox),
        confirmations=confirmations,
        timeout_seconds=timeout_seconds,
        poll_seconds=0.02 if chain.instant else 1.0,
    )
