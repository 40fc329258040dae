"""Reading what is public: records from the chain, bundles from IPFS or from a folder.

Belongs here: the I/O that `core.verify` leaves out. Only chain and content store are asked, never
the operator's catalogue, queue or warehouse.
"""

import datetime
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from analytics_pipeline.chain.client import open_chain, open_registry
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.core.bundle import FOLDER_FILES, build_folder
from analytics_pipeline.core.checks.history import find_newest_release
from analytics_pipeline.core.errors import ContentUnavailable, InvalidInput
from analytics_pipeline.core.record import build_evidence
from analytics_pipeline.core.report import Report, parse_report
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.ipfs import ContentStore, open_store

# A folder with more is no bundle; this only keeps a slip of the hand from reading a whole disk.
_MAX_FILES = 200
_MAX_FILE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class PublishedDay:
    """The files of one published day, and the registry's head if a registry was asked."""

    files: dict[str, bytes]
    registry_head: bytes | None

    @property
    def report(self) -> Report:
        """The day's figures. Verify before you believe them."""
        return parse_report(self.files["bundle/report.json"])


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
        """
        evidence = self.registry.read_evidence(platform)
        release = find_newest_release(evidence, day)
        bundle = self.content.get_directory(release.bundle_cid)
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


def load_folder(folder: Path) -> PublishedDay:
    """A bundle folder, offline. Raises ContentUnavailable if it is not one."""
    paths = sorted(path for path in folder.rglob("*") if not path.is_dir())
    if len(paths) > _MAX_FILES or not (folder / "chain.json").exists():
        raise ContentUnavailable(
            f"{folder} is not a bundle folder: it should hold {', '.join(FOLDER_FILES)}"
        )
    files = {}
    for path in paths:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise ContentUnavailable(f"{path} is larger than {_MAX_FILE_BYTES} bytes")
        files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return PublishedDay(files, None)


def save_folder(day: PublishedDay, folder: Path) -> None:
    """Write the files so that `verify FOLDER` works offline."""
    for name, data in day.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
