"""One published day as files: in memory, and as the folder or CAR that is checked offline.

Belongs here: what a verifier of one day needs of an archive. Does not belong here: which files an
archive has (`published.archive`), chain and IPFS (`published.sources`).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from analytics_pipeline.core.bundle import (
    BUNDLE_DIRECTORY,
    CHAIN_FILE,
    FOLDER_FILES,
    build_folder,
    history_folder,
)
from analytics_pipeline.core.checks.history import (
    find_newest_release,
    records_of_day,
    verify_history,
)
from analytics_pipeline.core.errors import ContentUnavailable, InvalidInput
from analytics_pipeline.core.registry_facts import RegistryFacts
from analytics_pipeline.core.report import Report, parse_report
from analytics_pipeline.core.verify_errors import VerificationFailed
from analytics_pipeline.published.archive import Archive, create_archive, open_archive

# A folder with more is no bundle.
_MAX_FILES: Final = 200


@dataclass(frozen=True)
class PublishedDay:
    """The files of one published day, and what the registry says if it was asked."""

    files: dict[str, bytes]
    registry_head: bytes | None
    #: where they were read, in words without credentials
    records_from: str = ""
    bundle_from: str = ""
    registry: RegistryFacts | None = None

    @property
    def report(self) -> Report:
        """The day's figures. Verify before you believe them."""
        return parse_report(self.files["bundle/report.json"])


def load_folder(path: Path, day: date | None = None, revision: int | None = None) -> PublishedDay:
    """One day from a folder or CAR file, offline.

    Args:
        day, revision: which one, if it is a whole history; None: the newest revision.
    Raises:
        ContentUnavailable: it is no archive of published days.
        InvalidContent, IntegrityError: a CAR that is cut or altered; a day of too many bytes.
        InvalidInput: a whole history, and no day is given or the day is not in it.
        ChainFileMalformed, HistoryBroken: a whole history whose records cannot be read.
    """
    with open_archive(path) as archive:
        if archive.is_history:
            files = _day_of_history(archive, day, revision)
        elif len(archive.paths) > _MAX_FILES:
            raise ContentUnavailable(
                f"{path} is not a bundle folder: it should hold {', '.join(FOLDER_FILES)}"
            )
        else:
            files = archive.read_all()
        return PublishedDay(files, None, archive.name, archive.name)


def _day_of_history(archive: Archive, day: date | None, revision: int | None) -> dict[str, bytes]:
    if day is None:
        raise InvalidInput(
            "target",
            f"{archive.name} holds a whole history: check it with --all, or name one of its days",
        )
    chain_file = archive.read(CHAIN_FILE)
    try:
        evidence = verify_history(chain_file, None)
    except VerificationFailed as failure:
        failure.number = 1
        raise
    if not records_of_day(evidence, day).releases:
        raise InvalidInput("day", f"{evidence.platform} {day} is not released in {archive.name}")
    revision = revision or find_newest_release(evidence, day).revision
    bundle = archive.read_bundle(history_folder(day, revision))
    if not bundle:
        raise InvalidInput("day", f"{archive.name} has no {history_folder(day, revision)}")
    return build_folder(bundle, chain_file)


def save_folder(day: PublishedDay, path: Path) -> None:
    """Write the files so that `verify PATH` works offline: a CAR if the name ends so, else a
    folder. Raises InvalidInput."""
    bundle = {
        name.removeprefix(f"{BUNDLE_DIRECTORY}/"): data
        for name, data in day.files.items()
        if name.startswith(f"{BUNDLE_DIRECTORY}/")
    }
    with create_archive(path) as archive:
        archive.write(BUNDLE_DIRECTORY, bundle)
        archive.write("", {CHAIN_FILE: day.files[CHAIN_FILE]})
