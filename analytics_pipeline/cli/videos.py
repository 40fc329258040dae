"""`videos`: the public list of videos; figures are released for these and no others."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from analytics_pipeline.cli.console import err, out
from analytics_pipeline.core.errors import InvalidInput
from analytics_pipeline.settings import Settings, load_settings, prepare_home, require_home

videos = typer.Typer(help="The list of videos that figures are released for.", no_args_is_help=True)
COLUMNS = ("video_id", "creator_id", "title", "duration_ms")


def import_videos(settings: Settings, file: Path) -> int:
    """Add or update the videos of a CSV file. Raises InvalidInput naming line and column."""
    from analytics_pipeline.storage.catalogue import Video, open_catalogue, put_videos

    prepare_home(settings)
    try:
        entries = [Video(*values) for values in _load_csv(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(file.name, f"is not a CSV file in UTF-8 ({error})") from None
    return put_videos(open_catalogue(settings.catalogue_location), settings.platform, entries)


def _load_csv(file: Path) -> Iterator[tuple[str, str, str, int]]:
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise InvalidInput(f"{file.name} line 1", f"must be {','.join(COLUMNS)}")
        for number, row in enumerate(reader, start=2):
            duration = row["duration_ms"] or ""
            if not re.fullmatch(r"0*[1-9][0-9]{0,11}", duration):
                raise InvalidInput(
                    f"{file.name} line {number}: duration_ms",
                    f"{duration!r} is not a positive number of milliseconds",
                )
            for column in ("video_id", "creator_id"):
                if not row[column]:
                    raise InvalidInput(f"{file.name} line {number}: {column}", "is empty")
            yield row["video_id"], row["creator_id"], row["title"] or "", int(duration)


@videos.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help=f"CSV: {','.join(COLUMNS)}")
    ],
) -> None:
    """Add videos, or update what is known of them.

    analytics-pipeline videos import videos.csv
    """
    settings = load_settings()
    out.print(f"{import_videos(settings, file)} videos imported.")
    if too_many := _find_too_many(settings):
        err.print(f"[bold yellow]Warning[/]: {too_many}", soft_wrap=True)


def _find_too_many(settings: Settings) -> str | None:
    """Why no day could be released with a list of this length."""
    from analytics_pipeline.proving.circuits import published_shapes
    from analytics_pipeline.storage.catalogue import list_videos, open_catalogue

    listed = list_videos(open_catalogue(settings.catalogue_location), settings.platform)
    creators = len({video.creator_id for video in listed})
    shapes = published_shapes().values()
    most = max(shape.videos for shape in shapes), max(shape.creators for shape in shapes)
    if len(listed) <= most[0] and creators <= most[1]:
        return None
    return (
        f"{len(listed)} videos of {creators} creators are listed, and a proof has room for "
        f"{most[0]} and {most[1]}: no day can be released (docs/proof.md, Sizes)"
    )


@videos.command("list")
def list_() -> None:
    """Show the list."""
    from analytics_pipeline.storage.catalogue import list_videos, open_catalogue

    settings = load_settings()
    require_home(settings)
    table = Table("video", "creator", "title", "seconds")
    for video in list_videos(open_catalogue(settings.catalogue_location), settings.platform):
        table.add_row(
            video.video_id, video.creator_id, video.title, f"{video.duration_ms / 1000:g}"
        )
    out.print(table)
