"""Queue, salts and API keys by themselves."""

import json
import multiprocessing
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_pipeline.core.day import MS_PER_DAY
from analytics_pipeline.core.errors import InvalidInput, KeyUnavailable, QueueUnavailable
from analytics_pipeline.storage.api_keys import (
    create_api_key,
    load_api_keys,
    revoke_api_key,
)
from analytics_pipeline.storage.key_file import find_key
from analytics_pipeline.storage.queue import REMEMBER_DAYS, QueuedBatch, SqliteQueue
from analytics_pipeline.storage.salts import GRACE, DailySalts

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def make_batch(batch_id: str, at_ms: int = 1, project: str = "demo") -> QueuedBatch:
    """A batch whose ciphertext is its id."""
    return QueuedBatch(0, project, batch_id, "k", batch_id.encode(), "ab" * 16, "DE", at_ms)


def make_summaries(batch_id: str) -> QueuedBatch:
    """A batch under an API key of the viewer model `high`."""
    return QueuedBatch(0, "demo", batch_id, "k", b"sealed", None, "ZZ", 1, "high")


#: the table as it was before there were viewer models
OLD_BATCHES = """
CREATE TABLE batches (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    project        TEXT    NOT NULL,
    batch_id       TEXT    NOT NULL,
    key_id         TEXT    NOT NULL,
    viewer         BLOB    NOT NULL CHECK (length(viewer) = 16),
    country        TEXT    NOT NULL CHECK (length(country) = 2),
    received_at_ms INTEGER NOT NULL,
    sealed         BLOB    NOT NULL
) STRICT"""


@pytest.fixture
def queue(tmp_path: Path) -> SqliteQueue:
    return SqliteQueue(tmp_path / "queue.sqlite")


def test_queue_keeps_order_and_content(queue: SqliteQueue) -> None:
    """Batches come out as they went in, in order, and stay until they are deleted."""
    assert queue.put_many([make_batch("a"), make_batch("b")]) == [True, True]
    assert queue.put_many([make_batch("c")]) == [True]
    peeked = queue.peek(10)
    assert [batch.sealed for batch in peeked] == [b"a", b"b", b"c"]
    assert [batch.viewer for batch in peeked] == ["ab" * 16] * 3
    assert queue.peek(2) == peeked[:2]
    queue.delete([peeked[0].id, peeked[1].id, 999])
    assert queue.peek(10) == peeked[2:]


def test_queue_peeks_no_more_bytes_than_asked(queue: SqliteQueue) -> None:
    """The sealer's memory is bounded, yet a batch over the bound still gets through."""
    queue.put_many([make_batch("x" * 60), make_batch("y" * 60), make_batch("z" * 60)])
    assert len(queue.peek(10, max_bytes=120)) == 2
    assert len(queue.peek(10, max_bytes=1)) == 1


def test_replay_is_per_project_and_outlives_deletion(queue: SqliteQueue) -> None:
    """A batch id is taken once per project, within a group, later, and after sealing."""
    assert queue.put_many([make_batch("a"), make_batch("a")]) == [True, False]
    assert queue.put_many([make_batch("a"), make_batch("a", project="other")]) == [False, True]
    queue.delete([batch.id for batch in queue.peek(10)])
    assert queue.put_many([make_batch("a")]) == [False]
    assert queue.depth() == 0


def test_replays_are_forgotten_after_the_event_window(queue: SqliteQueue) -> None:
    """Old batch ids are pruned in time order; young ones stay."""
    horizon = 20 * MS_PER_DAY
    old, young = horizon - REMEMBER_DAYS * MS_PER_DAY - 1, horizon - MS_PER_DAY
    queue.put_many([make_batch(f"old-{number}", old) for number in range(6000)])
    queue.put_many([make_batch("young", young)])
    assert queue.forget_replays(horizon) == 6000
    assert queue.put_many([make_batch("old-1", young), make_batch("young", young)]) == [True, False]


def test_queue_survives_reopening_and_syncs_fully(tmp_path: Path, queue: SqliteQueue) -> None:
    """The file is a WAL database whose commits are fsynced (synchronous=FULL)."""
    queue.put_many([make_batch("a")])
    pragma = queue._connection.execute
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragma("PRAGMA synchronous").fetchone() == (2,)
    queue.close()
    again = SqliteQueue(tmp_path / "queue.sqlite")
    assert [batch.batch_id for batch in again.peek(5)] == ["a"]


def test_refused_group_stores_nothing(tmp_path: Path) -> None:
    """A full file is a QueueUnavailable, and no part of the group is in the queue."""
    queue = SqliteQueue(tmp_path / "queue.sqlite", max_bytes=2**20)
    big = QueuedBatch(0, "demo", "big", "k", bytes(2**20), "ab" * 16, "DE", 1)
    with pytest.raises(QueueUnavailable, match="did not commit"):
        queue.put_many([make_batch("small"), big])
    assert queue.depth() == 0
    assert queue.put_many([make_batch("small")]) == [True]


def test_queue_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    """Batches that wait in a queue without viewer models stay, in place and order, as standard
    ones; what was moved leaves no copy in the file."""
    path = tmp_path / "queue.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(OLD_BATCHES)
        for number in (7, 8, 11):
            row = (number, "demo", f"old-{number}", "k", b"\xab" * 16, "DE", 5, b"sealed")
            old.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    old.close()
    queue = SqliteQueue(path)
    moved = queue.peek(9)
    assert [(batch.id, batch.viewer, batch.viewer_model) for batch in moved] == [
        (number, "ab" * 16, "standard") for number in (7, 8, 11)
    ]
    queue.put_many([make_summaries("new")])
    assert [batch.id for batch in queue.peek(9)] == [7, 8, 11, 12]
    queue.delete([7, 8, 11])
    queue.close()
    assert [batch.batch_id for batch in SqliteQueue(path).peek(9)] == ["new"]
    assert b"\xab" * 16 not in path.read_bytes()


def test_summaries_have_no_viewer(queue: SqliteQueue) -> None:
    """Not even by mistake: the file refuses a pseudonym or a country beside a high batch, and a
    standard batch without a pseudonym."""
    assert queue.put_many([make_summaries("a")]) == [True]
    (batch,) = queue.peek(1)
    assert (batch.viewer, batch.country, batch.viewer_model) == (None, "ZZ", "high")
    wrong = [{"viewer": "ab" * 16}, {"country": "DE"}, {"viewer_model": "standard"}]
    for change in wrong:
        with pytest.raises(QueueUnavailable, match="CHECK constraint"):
            queue.put_many([replace(make_summaries("b"), **change)])


def test_file_that_is_no_queue_is_refused(tmp_path: Path) -> None:
    """Garbage in place of the queue is named at start, not at the first batch."""
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(QueueUnavailable, match=r"queue\.sqlite"):
        SqliteQueue(path)


def test_batches_do_not_show_the_viewer(queue: SqliteQueue) -> None:
    """A batch in a log line or exception carries neither pseudonym nor ciphertext."""
    assert "abab" not in repr(make_batch("a"))


def test_salt_lives_for_its_day_only(tmp_path: Path) -> None:
    """A day has one salt, another day another; over means gone."""
    salts = DailySalts(tmp_path)
    today = NOW.date()
    salt = salts.salt_of(today)
    assert len(salt) == 32
    assert salts.salt_of(today) == salt == DailySalts(tmp_path).salt_of(today)
    assert salts.salt_of(today + timedelta(days=1)) != salt
    assert salts.destroy_expired(NOW) == []
    assert salts.destroy_expired(NOW + timedelta(hours=12) + GRACE) == [today]
    assert not (tmp_path / "2026-05-04.salt").exists()
    assert salts.salt_of(today) != salt


@given(created=st.integers(0, 86_399), elapsed=st.integers(0, 5 * 86_400))
def test_no_salt_is_older_than_48_hours(
    tmp_path_factory: pytest.TempPathFactory, created: int, elapsed: int
) -> None:
    """Made at any second of a day: the timer that runs 48 h later or more leaves nothing, and one
    that runs on the day itself leaves it alone."""
    folder = tmp_path_factory.mktemp("salts")
    made_at = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(seconds=created)
    now = made_at + timedelta(seconds=elapsed)
    salts = DailySalts(folder)
    salts.salt_of(made_at.date())
    salts.destroy_expired(now)
    left = list(folder.iterdir())
    if elapsed >= 48 * 3600:
        assert left == []
    if now.date() == made_at.date():
        assert len(left) == 1


def test_destroyed_salt_is_overwritten_on_disk(tmp_path: Path) -> None:
    """The bytes go, not only the name: a second hard link to the file shows zeros."""
    salts = DailySalts(tmp_path / "salts")
    salt = salts.salt_of(NOW.date())
    witness = tmp_path / "witness"
    witness.hardlink_to(tmp_path / "salts" / "2026-05-04.salt")
    assert witness.read_bytes() == salt
    salts.destroy_expired(NOW + timedelta(days=1))
    assert witness.read_bytes() == bytes(32)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or salt not in path.read_bytes()


def test_leftover_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """A half-made salt is no salt, and does not stay."""
    salts = DailySalts(tmp_path)
    (tmp_path / ".2026-05-04.salt.1.abcd").write_bytes(b"x" * 32)
    salts.destroy_expired(datetime.now(UTC) + timedelta(hours=1))
    assert list(tmp_path.iterdir()) == []


def _salt_in_another_process(folder: Path, day: date) -> bytes:
    return DailySalts(folder).salt_of(day)


def test_processes_agree_on_the_salt(tmp_path: Path) -> None:
    """Of processes that need the day's salt at the same moment one makes it, all use it."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        salts = pool.starmap(_salt_in_another_process, [(tmp_path, NOW.date())] * 12)
    assert len(set(salts)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["2026-05-04.salt"]


def test_install_secret_stays(tmp_path: Path) -> None:
    """Plain batch ids must not change: their secret is never destroyed."""
    salts = DailySalts(tmp_path)
    secret = salts.install_secret()
    salts.destroy_expired(NOW + timedelta(days=400))
    assert DailySalts(tmp_path).install_secret() == secret
    (tmp_path / "install.secret").write_bytes(b"short")
    with pytest.raises(KeyUnavailable, match=r"install\.secret"):
        salts.install_secret()


def test_api_key_is_stored_as_digest_only(tmp_path: Path) -> None:
    """The file lets nobody in; the key itself is found again."""
    path = tmp_path / "keys" / "api_keys.json"
    secret = create_api_key(path, "demo", "site", ["https://v.example"], NOW)
    create_api_key(path, "demo", "server", [], NOW)
    assert secret not in path.read_text()
    keys = load_api_keys(path)
    found = find_key(keys, secret)
    assert found is not None
    assert (found.label, found.project, found.created_at) == ("site", "demo", NOW)
    assert find_key(keys, secret + "x") is None
    assert found.allows_origin("https://v.example")
    assert not found.allows_origin("https://v.example.evil")
    revoke_api_key(path, found.key_id)
    assert [key.label for key in load_api_keys(path)] == ["server"]
    with pytest.raises(KeyUnavailable, match=found.key_id):
        revoke_api_key(path, found.key_id)


@pytest.mark.parametrize("origin", ["v.example", "https://v.example/", "https://V.example", "null"])
def test_malformed_origin_is_refused(tmp_path: Path, origin: str) -> None:
    """Browsers send scheme, host and port; anything else would silently never match."""
    with pytest.raises(InvalidInput, match=r"origins\[1\]"):
        create_api_key(tmp_path / "keys.json", "demo", "x", ["*", origin], NOW)


def test_malformed_key_file_is_named(tmp_path: Path) -> None:
    """A broken key file stops the API with its name rather than opening it to all or none."""
    path = tmp_path / "api_keys.json"
    for content in ("{", '[{"sha256": "x"}]'):
        path.write_text(content)
        with pytest.raises(KeyUnavailable, match=r"api_keys\.json"):
            load_api_keys(path)


def test_queue_can_be_read_while_it_is_written(tmp_path: Path, queue: SqliteQueue) -> None:
    """A reader (the sealer) holds up no writer, and the other way round."""
    reader = sqlite3.connect(tmp_path / "queue.sqlite")
    queue.put_many([make_batch("a")])
    rows = reader.execute("SELECT id FROM batches")
    assert queue.put_many([make_batch("b")]) == [True]
    assert len(rows.fetchall()) == 1


def test_viewer_model_of_a_key_is_for_life(tmp_path: Path) -> None:
    """Each key has the model it was made with; a file from before there were models is standard; an
    unknown model is no key file."""
    path = tmp_path / "api_keys.json"
    secrets_of = {
        model: create_api_key(path, "demo", "x", [], NOW, model) for model in ("standard", "high")
    }
    for model, secret in secrets_of.items():
        found = find_key(load_api_keys(path), secret)
        assert found is not None
        assert found.viewer_model == model
    entries = json.loads(path.read_text())
    path.write_text(json.dumps([{**entry, "viewer_model": "none"} for entry in entries]))
    with pytest.raises(KeyUnavailable, match="viewer_model"):
        load_api_keys(path)
    for entry in entries:
        del entry["viewer_model"]
    path.write_text(json.dumps(entries))
    assert {key.viewer_model for key in load_api_keys(path)} == {"standard"}
