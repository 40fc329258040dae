"""The public list of videos, handed from the catalogue to the warehouse before dbt runs."""

from dataclasses import asdict

import polars as pl

from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import list_videos
from analytics_pipeline.storage.warehouse import VIDEOS_SCHEMA, open_warehouse, write_videos


def store_videos(stores: Stores) -> int:
    """Replace the warehouse's copy of the platform's videos. Returns how many there are."""
    videos = list_videos(stores.catalogue, stores.platform)
    rows = [{"platform": stores.platform, **asdict(video)} for video in videos]
    frame = pl.DataFrame(rows, schema=VIDEOS_SCHEMA)
    with open_warehouse(stores.settings.warehouse_path, stores.warehouse_key) as warehouse:
        write_videos(warehouse, frame)
    return len(videos)
