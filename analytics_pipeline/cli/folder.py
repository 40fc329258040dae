"""One published day as files: in memory, and as the folder that `verify FOLDER` checks offline.

Belongs here: reading and writing that folder. Does not belong here: chain and IPFS
(`cli.published`), whose libraries a stranger's offline check need not wait for.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from analytics_pipeline.core.bundle import FOLDER_FILES
from analytics_pipeline.core.errors import ContentUnavailable
from analytics_pipeline.core.report import Report, parse_report

# A folder with more is no bundle; this only keeps a slip of the hand from reading a whole disk.
_MAX_FILES = 200
MAX_FILE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class PublishedDay:
    """The files of one published day, and the registry's head if a registry was asked."""

    files: dict[str, bytes]
    registry_head: bytes | None
    #: where they were read, in words without credentials
    records_from: str = ""
    bundle_from: str = ""

    @property
    def report(self) -> Report:
        """The day's figures. Verify before you believe them."""
        return parse_report(self.files["bundle/report.json"])


def load_folder(folder: Path) -> PublishedDay:
    """A bundle folder, offline. Raises ContentUnavailable if it is not one.

    Links are not followed: one into another place, or round in a circle, is no file of the day.
    """
    files = {}
    try:
        paths = sorted(p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
        if len(paths) > _MAX_FILES or not (folder / "chain.json").exists():
            raise ContentUnavailable(
                f"{folder} is not a bundle folder: it should hold {', '.join(FOLDER_FILES)}"
            )
        for path in paths:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise ContentUnavailable(f"{path} is a link or device; a bundle has files only")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ContentUnavailable(f"{path} is larger than {MAX_FILE_BYTES} bytes")
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    except OSError as error:
        raise ContentUnavailable(f"{error.filename}: {error.strerror}") from None
    return PublishedDay(files, None, str(folder), str(folder))


def save_folder(day: PublishedDay, folder: Path) -> None:
    """Write the files so that `verify FOLDER` works offline."""
    for name, data in day.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
