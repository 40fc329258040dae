"""The public list of videos: a report's keys come from here, never from the data."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from analytics_pipeline.storage.catalogue.engine import Catalogue
from analytics_pipeline.storage.catalogue.tables import videos

_ROWS_PER_STATEMENT = 1000


@dataclass(frozen=True)
class Video:
    """One published video. ``duration_ms`` is the length of its media in milliseconds."""

    video_id: str
    creator_id: str
    title: str
    duration_ms: int


def put_videos(catalogue: Catalogue, platform: str, entries: Iterable[Video]) -> int:
    """Add videos, or replace what is known of them. Returns how many were given."""
    rows = [{"platform": platform, **asdict(entry)} for entry in entries]
    insert = sqlite.insert if catalogue.is_sqlite else postgresql.insert
    with catalogue.write(f"videos/{platform}") as connection:
        for start in range(0, len(rows), _ROWS_PER_STATEMENT):
            statement = insert(videos)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["platform", "video_id"],
                    set_={
                        name: statement.excluded[name]
                        for name in ("creator_id", "title", "duration_ms")
                    },
                ),
                rows[start : start + _ROWS_PER_STATEMENT],
            )
    return len(rows)


def remove_videos(catalogue: Catalogue, platform: str, video_ids: Iterable[str]) -> int:
    """Take videos off the list. Returns how many were on it."""
    with catalogue.write(f"videos/{platform}") as connection:
        return sum(
            connection.execute(
                delete(videos).where(videos.c.platform == platform, videos.c.video_id == video_id)
            ).rowcount
            for video_id in video_ids
        )


def list_videos(catalogue: Catalogue, platform: str) -> list[Video]:
    """All videos of a platform, ordered by id."""
    query = (
        select(videos.c.video_id, videos.c.creator_id, videos.c.title, videos.c.duration_ms)
        .where(videos.c.platform == platform)
        .order_by(videos.c.video_id)
    )
    with catalogue.read() as connection:
        return [Video(*row) for row in connection.execute(query)]
