"""Reading what is public: records from the chain, bundles from IPFS.

Belongs here: the I/O that `core.verify` leaves out. Only chain and content store are asked, never
the operator's catalogue, queue or warehouse. Folders: `cli.folder`.
"""

import datetime
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from analytics_pipeline.chain.client import open_chain, open_registry
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.cli.folder import MAX_FILE_BYTES, PublishedDay
from analytics_pipeline.core.bundle import build_folder
from analytics_pipeline.core.checks.history import find_newest_release
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.core.record import build_evidence
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.ipfs import ContentStore, open_store


@dataclass(frozen=True)
class PublicSources:
    """A registry on its chain, and a content store."""

    registry: Registry
    content: ContentStore

    def load_day(self, platform: str, day: datetime.date) -> PublishedDay:
        """Records and newest bundle of a day.

        Raises:
            RecordNotOnChain: the day was never released.
            ContentUnavailable: the bundle cannot be fetched.
            InvalidContent: it is too large; a few blocks can claim to be gigabytes.
        """
        evidence = self.registry.read_evidence(platform)
        release = find_newest_release(evidence, day)
        bundle = self.content.get_directory(release.bundle_cid, max_bytes=MAX_FILE_BYTES)
        files = build_folder(bundle, build_evidence(evidence))
        return PublishedDay(files, self.registry.head(platform))


@contextmanager
def open_sources(settings: Settings) -> Iterator[PublicSources]:
    """The chain and content store that the settings name."""
    if not settings.chain and not Path(settings.chain_location).exists():
        raise InvalidInput(
            "ANALYTICS_CHAIN",
            f"no chain: {settings.chain_location} does not exist. Give the JSON-RPC URL of the "
            "chain with --chain and the registry's address with --registry, or the folder of a "
            "bundle instead of a platform",
        )
    with (
        closing(open_chain(settings.chain_location)) as chain,
        _content_folder(settings) as location,
        open_store(location, settings.ipfs_gateways) as content,
    ):
        yield PublicSources(open_registry(chain, settings.registry), content)


@contextmanager
def _content_folder(settings: Settings) -> Iterator[str]:
    """The content store's location; a stranger who has none gets one that leaves no trace."""
    if settings.ipfs or Path(settings.ipfs_location).exists():
        yield settings.ipfs_location
        return
    if not settings.ipfs_gateways:
        raise InvalidInput(
            "ANALYTICS_IPFS",
            f"no content store: {settings.ipfs_location} does not exist. Give a Kubo node with "
            "--ipfs or a trustless gateway with --gateway",
        )
    with TemporaryDirectory(prefix="analytics-verify-") as folder:
        yield folder
