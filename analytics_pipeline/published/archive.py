"""Published days as files of this machine: a folder, or one CAR file that holds the same paths.

    chain.json, bundle/*.json                   one day
    chain.json, bundles/DAY/REVISION/*.json     a whole history

Page with a worked example: `spec/archive.md`. Belongs here: which files there are, reading and
writing them. Does not belong here: chain and IPFS (`published.sources`), whose libraries a
stranger's offline check need not wait for; what the files say (`core`).
"""

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from analytics_pipeline.core.bundle import (
    BUNDLE_DIRECTORY,
    BUNDLES_DIRECTORY,
    CHAIN_FILE,
    FOLDER_FILES,
)
from analytics_pipeline.core.errors import ContentUnavailable, InvalidContent, InvalidInput
from analytics_pipeline.core.unixfs import Entry, build_directory, iter_blocks
from analytics_pipeline.core.unixfs_reader import iter_tree, read_file
from analytics_pipeline.storage.ipfs.car_file import CarFile, CarSpool

#: Of one file, and of all files of a bundle together: a small CAR can give one file many names, and
#: a sparse file takes no disk.
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
#: Ten years of days, each corrected twice, have some 77,000 files. This keeps a slip of the hand
#: from reading a whole disk, and a small CAR from naming one directory without end.
MAX_FILES: Final = 200_000
CAR_SUFFIX: Final = ".car"
_MAX_DEPTH: Final = 3


class Archive(ABC):
    """Files by path. ``name`` is for readers, ``paths`` are all there are."""

    name: str
    paths: frozenset[str]

    @abstractmethod
    def read(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """A file's content.

        Raises:
            ContentUnavailable: it is not there.
            InvalidContent: it has more than `max_bytes`.
            IntegrityError, InvalidContent: a CAR whose blocks are not what they should be.
        """

    @property
    def is_history(self) -> bool:
        """Whether it holds bundles of many days."""
        return any(path.startswith(f"{BUNDLES_DIRECTORY}/") for path in self.paths)

    def read_all(self, max_bytes: int = MAX_FILE_BYTES) -> dict[str, bytes]:
        """Content by path of every file, at most `max_bytes` in all: of an archive of one day.
        Raises as `read`."""
        return self._read_together("", sorted(self.paths), max_bytes)

    def read_bundle(self, folder: str, max_bytes: int = MAX_FILE_BYTES) -> dict[str, bytes]:
        """Content by path of the files below `bundles/DAY/REVISION`, at most `max_bytes` in all;
        empty if there are none. Raises as `read`."""
        return self._read_together(f"{folder}/", self._bundles.get(folder, []), max_bytes)

    def _read_together(self, prefix: str, names: Iterable[str], max_bytes: int) -> dict[str, bytes]:
        found, left = {}, max_bytes
        for name in names:
            found[name] = self.read(prefix + name, left)
            left -= len(found[name])
        return found

    @cached_property
    def _bundles(self) -> dict[str, list[str]]:
        """Paths below each `bundles/DAY/REVISION`."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            top, *parts = path.split("/", 3)
            if top == BUNDLES_DIRECTORY and len(parts) == 3:
                found.setdefault("/".join((top, *parts[:2])), []).append(parts[2])
        return found


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """A folder or CAR file of published days, offline.

    Raises:
        ContentUnavailable: it is neither.
        InvalidContent, IntegrityError: a CAR that is cut, altered, or no tree of files.
    """
    if not path.is_file():
        yield FolderArchive(path)
        return
    with _open_car(path) as file:
        yield CarArchive(path, file)


def _open_car(path: Path) -> CarFile:
    try:
        with _reading():
            return CarFile(path)
    except InvalidContent as error:
        if error.field != "car header":
            raise
        raise ContentUnavailable(f"{path} is no folder and no CAR: {error}") from None


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ContentUnavailable(f"{error.filename}: {error.strerror}") from None


class FolderArchive(Archive):
    """Links are not followed: one into another place, or round in a circle, is no file."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder
        with _reading():
            if not (folder / CHAIN_FILE).exists():
                raise _no_archive(self.name)
            self.paths = frozenset(self._list())

    def _list(self) -> Iterator[str]:
        waiting, found = [self._folder], 0
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                        raise ContentUnavailable(
                            f"{entry.path} is a link or device; a bundle has files only"
                        )
                    found += 1
                    if found > MAX_FILES:
                        raise _no_archive(self.name)
                    yield Path(entry.path).relative_to(self._folder).as_posix()

    def read(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        if path not in self.paths:
            raise ContentUnavailable(f"{self.name} has no {path}")
        file = self._folder / path
        with _reading():
            if file.stat().st_size > max_bytes:
                raise InvalidContent(path, f"holds more than {max_bytes} bytes")
            return file.read_bytes()


class CarArchive(Archive):
    """A CAR whose root is a directory of the same paths."""

    def __init__(self, path: Path, file: CarFile) -> None:
        self.name = str(path)
        self._file = file
        self._cids: dict[str, str] = {}
        for found, cid in iter_tree(file.root, file.get, _MAX_DEPTH):
            if len(self._cids) == MAX_FILES:
                raise _no_archive(self.name)
            self._cids[found] = cid
        if CHAIN_FILE not in self._cids:
            raise _no_archive(self.name)
        self.paths = frozenset(self._cids)

    def read(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        if path not in self._cids:
            raise ContentUnavailable(f"{self.name} has no {path}")
        with _reading():
            return read_file(self._cids[path], self._file.get, max_bytes)


def _no_archive(name: str) -> ContentUnavailable:
    return ContentUnavailable(
        f"{name} is not a bundle folder: it should hold {', '.join(FOLDER_FILES)}; a whole history "
        f"has {BUNDLES_DIRECTORY}/DAY/REVISION in the place of {BUNDLE_DIRECTORY}"
    )


class ArchiveWriter(ABC):
    """Takes files one folder after the other; a folder's files come together."""

    @abstractmethod
    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of a folder (``""``: the archive's own), by name. Raises InvalidInput."""


@contextmanager
def create_archive(path: Path) -> Iterator[ArchiveWriter]:
    """A folder, or a CAR file if the name ends so. A CAR appears whole, when the block ends, or not
    at all; a folder that is there keeps its other files.

    Raises:
        InvalidInput: naming `--save`: it cannot be written there.
    """
    if path.suffix != CAR_SUFFIX:
        yield _FolderWriter(path)
        return
    with _writing(path):
        spool = CarSpool(path.parent)
    with spool:
        writer = _CarWriter(path, spool)
        yield writer
        writer.finish()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidInput("--save", f"{error.filename or path}: {error.strerror}") from None


class _FolderWriter(ArchiveWriter):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _writing(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        target = self._folder / folder
        with _writing(target):
            target.mkdir(parents=True, exist_ok=True)
            for name, data in files.items():
                (target / name).write_bytes(data)


class _CarWriter(ArchiveWriter):
    """Directories are put together at the end; until then only CIDs and sizes are remembered."""

    def __init__(self, path: Path, spool: CarSpool) -> None:
        self._path, self._spool = path, spool
        self._tree: dict[PurePosixPath, dict[str, Entry]] = {PurePosixPath(): {}}

    def write(self, folder: str, files: Mapping[str, bytes]) -> None:
        entries = self._tree.setdefault(PurePosixPath(folder), {})
        with _writing(self._path):
            for name, data in files.items():
                entries[name] = self._spool.put_all(iter_blocks(data))

    def finish(self) -> None:
        """Directories from the deepest to the root, then the file."""
        with _writing(self._path):
            for depth in range(_MAX_DEPTH, 0, -1):
                for folder in [each for each in self._tree if len(each.parts) == depth]:
                    entry = self._put_directory(self._tree.pop(folder))
                    self._tree.setdefault(folder.parent, {})[folder.name] = entry
            root = self._put_directory(self._tree[PurePosixPath()])
            self._spool.write(self._path, root.cid)

    def _put_directory(self, entries: Mapping[str, Entry]) -> Entry:
        block, entry = build_directory(entries)
        self._spool.put(block)
        return entry
