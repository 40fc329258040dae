"""A catalogue opened to read: the same rows, and nothing can be written."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from analytics_pipeline.core.errors import InvalidSettings, StoreError
from analytics_pipeline.storage.catalogue import (
    Catalogue,
    load_counts,
    load_sealed_days,
    open_catalogue_to_read,
)
from tests.catalogue.support import DAY, new_segment, seal


def test_it_shows_what_the_other_wrote(catalogue: Catalogue, catalogue_url: str) -> None:
    """Also what is written while it is open."""
    next_day = DAY + timedelta(days=1)
    seal(catalogue, new_segment(), new_segment())
    with closing(open_catalogue_to_read(catalogue_url)) as reading:
        seal(catalogue, new_segment(next_day, accepted=3))
        counts = load_counts(reading, "demo")
        assert (counts[DAY].accepted, counts[next_day].accepted) == (20, 3)
        sealed = load_sealed_days(reading, "demo")
        assert list(sealed) == [DAY, next_day]
        assert (sealed[DAY].segments, sealed[DAY].size_bytes) == (2, 2 * 65_651)
        assert load_sealed_days(reading, "other") == {}


def test_it_cannot_write(catalogue: Catalogue, catalogue_url: str) -> None:
    seal(catalogue, new_segment())
    with (
        closing(open_catalogue_to_read(catalogue_url)) as reading,
        pytest.raises(StoreError, match=r"read-?\s?only"),
        reading.write() as connection,
    ):
        connection.execute(text("DELETE FROM segments"))
    assert load_sealed_days(catalogue, "demo")[DAY].segments == 1


def test_it_makes_none(tmp_path: Path) -> None:
    """Where there is no catalogue, looking leaves no trace."""
    path = tmp_path / "catalogue.sqlite"
    with pytest.raises(StoreError, match="there is no catalogue"):
        open_catalogue_to_read(f"sqlite:///{path}")
    assert not path.exists()
    with pytest.raises(InvalidSettings):
        open_catalogue_to_read("mysql://host/db")


def test_another_layout_is_refused(catalogue: Catalogue, catalogue_url: str) -> None:
    with catalogue.write() as connection:
        connection.execute(text("UPDATE layout SET version = 99"))
    with pytest.raises(StoreError, match="layout 99"):
        open_catalogue_to_read(catalogue_url)
