"""What the rest of the project may ask of IPFS, whichever backend answers."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from analytics_pipeline.core.unixfs_reader import DEFAULT_MAX_BYTES


class Collected(NamedTuple):
    """What `ContentStore.gc` removed."""

    blocks: int
    size_bytes: int


class ContentStore(Protocol):
    """Bytes by CID (CIDv1, base32, profile `unixfs-v1-2025`).

    Every CID is computed here before anything is sent, and everything read is verified against
    it, so a store can withhold content but cannot change it. All methods may raise:

    - ContentUnavailable: no source had the content within the deadlines;
    - IntegrityError: a source answered with other bytes, or named ours differently;
    - InvalidContent: the bytes match, but are no file or directory of the profile;
    - InvalidInput: an argument is no CID, or a file name is no path component.
    """

    def add(self, data: bytes, *, pin: bool = True) -> str:
        """Store a file durably and return its CID."""

    def add_directory(self, files: Mapping[str, bytes], *, pin: bool = True) -> str:
        """Store a flat directory (content by name) durably and return its CID."""

    def get(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> bytes:
        """The content of a file, refused when it is larger than `max_bytes`."""

    def get_directory(self, cid: str, *, max_bytes: int = DEFAULT_MAX_BYTES) -> dict[str, bytes]:
        """Content by name of a flat directory, refused when larger than `max_bytes` in all."""

    def has(self, cid: str) -> bool:
        """Whether the store itself, without asking anybody else, holds every block of `cid`."""

    def pin(self, cid: str) -> None:
        """Fetch what is missing, keep it all, and return once that is certain."""

    def unpin(self, cid: str) -> None:
        """Stop keeping `cid`; nothing happens when it was not pinned."""

    def gc(self) -> Collected | None:
        """Remove every block that no pin needs; None if the store sees to that itself.

        Raises:
            ContentUnavailable, IntegrityError: a pinned tree is not whole. Nothing was removed.
        """

    def is_pinned(self, cid: str) -> bool:
        """Whether `cid` itself was pinned (being part of something pinned does not count)."""

    def pins(self) -> list[str]:
        """CIDs pinned here, sorted; pins of other CID forms on a shared node are left out."""

    def export_car(self, cid: str, path: Path) -> int:
        """Write everything under `cid` as CAR v1 to `path`; returns its size in bytes."""

    def import_car(self, path: Path) -> str:
        """Verify a CAR v1, store and pin it, and return its root's CID."""

    def close(self) -> None:
        """Release connections. The store cannot be used afterwards."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
