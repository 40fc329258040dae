"""Reading what is public: records from the chain, bundles from IPFS.

Belongs here: the I/O that `core.verify` leaves out. Only chain and content store are asked, never
the operator's catalogue, queue or warehouse. Folders: `published.folder`.
"""

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from eth_utils.address import is_checksum_address, is_checksum_formatted_address

from analytics_pipeline.chain.client import open_chain, open_registry
from analytics_pipeline.chain.interface import Chain, ChainUnreachable
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.chain.release_facts import read_facts
from analytics_pipeline.core.bundle import build_folder
from analytics_pipeline.core.checks.documents import verify_usable_cid
from analytics_pipeline.core.checks.history import find_newest_release, records_of_day
from analytics_pipeline.core.errors import ChainError, InvalidInput
from analytics_pipeline.core.record import ChainEvidence, ReleaseRecord, build_evidence
from analytics_pipeline.published.archive import MAX_FILE_BYTES
from analytics_pipeline.published.folder import PublishedDay
from analytics_pipeline.settings import Settings, load_settings, parse_address
from analytics_pipeline.storage.ipfs import ContentStore, open_store

_URL = re.compile(r"https?://")
_NODE = re.compile(r"https?://|/(ip4|ip6|dns|dns4|dns6)/")


@dataclass(frozen=True)
class PublicSources:
    """A registry on its chain, and a content store; and what to call them."""

    registry: Registry
    content: ContentStore
    records_from: str = ""
    bundle_from: str = ""

    def load_day(
        self, platform: str, day: datetime.date, revision: int | None = None
    ) -> PublishedDay:
        """Records and bundle of a day: of its newest release, or of the one asked for.

        Raises:
            InvalidInput: the platform, day or revision was never released: nothing to verify.
            ContentUnavailable: the bundle cannot be fetched.
            CidUnusable: what is on record is no CID of a bundle.
            InvalidContent: it is too large; a few blocks can claim to be gigabytes.
        """
        evidence = self.registry.read_evidence(platform)
        _require_release(evidence, day)
        release = find_newest_release(evidence, day)
        if revision is not None:
            release = _find_revision(evidence, day, revision)
        return self.load_release(evidence, release)

    def load_release(self, evidence: ChainEvidence, release: ReleaseRecord) -> PublishedDay:
        """The bundle of one release among records that were just read, and what registry and chain
        say of it. Raises as `load_day`."""
        verify_usable_cid(release)
        bundle = self.content.get_directory(release.bundle_cid, max_bytes=MAX_FILE_BYTES)
        files = build_folder(bundle, build_evidence(evidence))
        # as of the block the records were read at: the operator may have appended since
        platform = evidence.platform
        head = self.registry.head(platform, self.registry.read_to(platform))
        facts = read_facts(self.registry, platform, release)
        return PublishedDay(files, head, self.records_from, self.bundle_from, facts)


def _require_release(evidence: ChainEvidence, day: datetime.date) -> None:
    if not evidence.records:
        raise InvalidInput(
            "platform", f"registry {evidence.registry} has no records of {evidence.platform!r}"
        )
    records = records_of_day(evidence, day)
    if records.releases:
        return
    released = sorted({r.day for r in evidence.records if isinstance(r, ReleaseRecord)})
    state = "is committed to and not released yet" if records.later_commits else "is not released"
    span = f"{released[0]} … {released[-1]} ({len(released)} days)" if released else "no day yet"
    raise InvalidInput("day", f"{evidence.platform} {day} {state}; released: {span}")


def _find_revision(evidence: ChainEvidence, day: datetime.date, revision: int) -> ReleaseRecord:
    releases = records_of_day(evidence, day).releases
    for release in releases:
        if release.revision == revision:
            return release
    released = ", ".join(str(release.revision) for release in releases)
    raise InvalidInput(
        "--revision",
        f"{evidence.platform} {day} has no released revision {revision}; released: {released}",
    )


@dataclass(frozen=True)
class Given:
    """The sources named on the command line. None: what the settings say."""

    chain: str | None = None
    registry: str | None = None
    ipfs: str | None = None
    gateways: Sequence[str] = ()


@contextmanager
def open_given(given: Given) -> Iterator[PublicSources]:
    """The named sources, and the settings' for those not named. Where content is to come from is
    one choice: a node or gateway that is named is the only one asked, and no block store of this
    machine.

    Raises:
        InvalidInput: naming the option that is malformed.
    """
    settings = load_settings()
    if given.chain is not None:
        if not _URL.match(given.chain) and not Path(given.chain).is_file():
            raise InvalidInput("--chain", "is no http(s):// URL of a JSON-RPC node")
        settings = replace(settings, chain=given.chain)
    if given.registry is not None:
        settings = replace(settings, registry=_registry_address(given.registry))
    if _URL.match(settings.chain) and not settings.registry:
        raise InvalidInput("--registry", "the address is needed to find the records on this chain")
    settings, own_blocks = _with_content(settings, given)
    with open_sources(settings, own_blocks=own_blocks) as sources:
        yield sources


@contextmanager
def open_content(given: Given) -> Iterator[ContentStore]:
    """Where content is to come from, as in `open_given`; no chain is asked."""
    settings, own_blocks = _with_content(load_settings(), given)
    with (
        _content_folder(settings, own_blocks) as (location, _),
        open_store(location, settings.ipfs_gateways) as content,
    ):
        yield content


def _with_content(settings: Settings, given: Given) -> tuple[Settings, bool]:
    """The settings with the named node and gateways, and whether own blocks may be read."""
    if given.ipfs is None and not given.gateways:
        return settings, True
    if given.ipfs and not _NODE.match(given.ipfs) and not Path(given.ipfs).is_dir():
        raise InvalidInput("--ipfs", "is no http(s):// URL or multiaddr of a Kubo node")
    gateways = tuple(given.gateways)
    return replace(settings, ipfs=given.ipfs or "", ipfs_gateways=gateways), False


def _registry_address(text: str) -> str:
    try:
        address = parse_address(text)
    except ValueError as error:
        raise InvalidInput("--registry", f"{text!r}: {error}") from None
    if is_checksum_formatted_address(address) and not is_checksum_address(address):
        raise InvalidInput("--registry", f"{text!r} has a typing error: its checksum is wrong")
    return address


@contextmanager
def open_sources(settings: Settings, *, own_blocks: bool = True) -> Iterator[PublicSources]:
    """The chain and content store that the settings name.

    Args:
        own_blocks: whether the block store in the home folder may be read.
    """
    if not settings.chain and not Path(settings.chain_location).exists():
        raise InvalidInput(
            "ANALYTICS_CHAIN",
            f"no chain: {settings.chain_location} does not exist. Give the JSON-RPC URL of the "
            "chain with --chain and the registry's address with --registry, or the folder of a "
            "bundle instead of a platform",
        )
    at = _name(settings.chain_location)
    try:
        with (
            closing(open_chain(settings.chain_location)) as chain,
            _content_folder(settings, own_blocks) as (location, bundle_from),
            open_store(location, settings.ipfs_gateways) as content,
        ):
            registry = _open_registry(chain, settings.registry)
            records_from = f"registry {registry.address} on chain {chain.chain_id} ({at})"
            yield PublicSources(registry, content, records_from, bundle_from)
    except ChainUnreachable as error:
        raise ChainUnreachable(f"{at} does not answer ({error})") from None
    except json.JSONDecodeError:
        raise ChainError(f"{at} answers, but not as a JSON-RPC node") from None


def _open_registry(chain: Chain, address: str) -> Registry:
    if address and not chain.code(address):
        raise InvalidInput("--registry", f"chain {chain.chain_id} has no contract at {address}")
    return open_registry(chain, address)


@contextmanager
def _content_folder(settings: Settings, own_blocks: bool) -> Iterator[tuple[str, str]]:
    """The content store's location, and what to call all sources of content. A stranger who has no
    store gets one that leaves no trace."""
    gateways = [f"gateway {_name(url)}" for url in settings.ipfs_gateways]
    own = settings.ipfs or (settings.ipfs_location if own_blocks else "")
    if own and (settings.ipfs or Path(own).exists()):
        node = _NODE.match(own)
        yield own, " or ".join([f"node {_name(own)}" if node else f"{own} (own copy)", *gateways])
        return
    if not gateways:
        raise InvalidInput(
            "ANALYTICS_IPFS",
            f"no content store: {settings.ipfs_location} does not exist. Give a Kubo node with "
            "--ipfs or a trustless gateway with --gateway",
        )
    with TemporaryDirectory(prefix="analytics-verify-") as folder:
        yield folder, " or ".join(gateways)


def _name(location: str) -> str:
    """A URL without what may be secret in it: user, password, path and query."""
    parts = urlsplit(location)
    if not _URL.match(location) or not parts.hostname:
        return location
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
