"""The pipeline's table of lies, told to the real stores of a deployment that really ran.

Each is noticed by name before anything is published or paid for; and once it is taken back, the
run succeeds with the same figures: nothing was lost. Lies about published files that need no store
are in `tests/lies`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from analytics_pipeline.core import verify_errors
from analytics_pipeline.core.errors import (
    ClockMovedBack,
    DecryptionFailed,
    IntegrityError,
    LedgerTampered,
    ReleaseConflict,
)
from analytics_pipeline.core.unixfs import iter_directory_blocks
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.storage.warehouse import open_warehouse
from tests.e2e.conftest import Deployment
from tests.e2e.test_kpis import days_of
from tests.support.home_copy import CheckFailed, HomeCopy, verify_as_stranger
from tests.support.tamper import (
    Undo,
    column_set,
    flip,
    moved,
    other_secret,
    private,
    replaced,
    rows_removed,
)
from tests.support.world import edit_json


@pytest.fixture(scope="module")
def figures(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> dict[Any, tuple[str, pl.DataFrame]]:
    """What the untouched deployment says."""
    target = tmp_path_factory.mktemp("untouched") / "home"
    return HomeCopy.make(deployment.home, target, days_of(deployment)).figures()


def flipped_segment(copy: HomeCopy) -> Undo:
    return flip(copy.block(copy.segment(copy.days[0]).cid))


def missing_segment(copy: HomeCopy) -> Undo:
    return moved(copy.block(copy.segment(copy.days[1]).cid))


def other_segment_under_the_cid(copy: HomeCopy) -> Undo:
    first, second = (copy.block(copy.segment(day).cid) for day in copy.days[:2])
    first.chmod(0o600)
    return replaced(first, second.read_bytes())


def swapped_cids(copy: HomeCopy) -> Undo:
    first, second = (copy.segment(day) for day in copy.days[:2])

    def point(cid_of_first: str, cid_of_second: str) -> None:
        copy.sql("UPDATE segments SET cid = '' WHERE segment_id = ?", second.segment_id)
        change = "UPDATE segments SET cid = ? WHERE segment_id = ?"
        copy.sql(change, cid_of_first, first.segment_id)
        copy.sql(change, cid_of_second, second.segment_id)

    point(second.cid, first.cid)
    return lambda: point(first.cid, second.cid)


def segment_of_another_day(copy: HomeCopy) -> Undo:
    where = f"segment_id = '{copy.segment(copy.days[0]).segment_id}'"
    return column_set(copy, "segments", "day", copy.days[1].isoformat(), where)


def hidden_segment(copy: HomeCopy) -> Undo:
    where = f"segment_id = '{copy.segment(copy.days[2]).segment_id}'"
    return rows_removed(copy, "segments", where)


def miscounted_segment(copy: HomeCopy) -> Undo:
    segment = copy.segment(copy.days[0])
    counts = json.dumps({**segment.counts, "accepted": segment.counts["accepted"] + 1})
    where = f"segment_id = '{segment.segment_id}'"
    return column_set(copy, "segments", "counts", counts, where)


def wrong_wrapping_key(copy: HomeCopy) -> Undo:
    return other_secret(private(copy, "wrapping"))


def lost_wrapping_key(copy: HomeCopy) -> Undo:
    return moved(private(copy, "wrapping"))


def wrong_root_key(copy: HomeCopy) -> Undo:
    return other_secret(copy.home / "keys" / "private" / "root.json")


def of_release(copy: HomeCopy) -> str:
    return f"day = '{copy.days[1]}' AND revision = 1"


def changed_row(copy: HomeCopy) -> Undo:
    """The catalogue's copy of a published report shows one viewer more."""
    where = of_release(copy)
    [(report,)] = copy.sql(f"SELECT report_json FROM releases WHERE {where}")
    return column_set(copy, "releases", "report_json", edit_json(report, one_more_viewer), where)


def one_more_viewer(report: Any) -> None:
    shown = next(row for row in report["rows"] if row["value"] is not None)
    shown["value"] += 1


def changed_beacon(copy: HomeCopy) -> Undo:
    """The catalogue's copy of the randomness that the noise was drawn with."""
    return column_set(copy, "releases", "beacon", "0x" + "11" * 32, of_release(copy))


def changed_proof(copy: HomeCopy) -> Undo:
    """The catalogue's copy of a published proof, one bit of it."""
    [(document,)] = copy.sql(f"SELECT proof_json FROM releases WHERE {of_release(copy)}")
    return column_set(
        copy, "releases", "proof_json", edit_json(document, one_more_bit), of_release(copy)
    )


def one_more_bit(document: Any) -> None:
    proof = document["proofs"][0]["proof"]
    document["proofs"][0]["proof"] = proof[:-1] + f"{int(proof[-1], 16) ^ 1:x}"


def proof_of_another_day(copy: HomeCopy) -> Undo:
    query = "SELECT proof_json FROM releases WHERE day = ?"
    [(other,)] = copy.sql(query, copy.days[0].isoformat())
    return column_set(copy, "releases", "proof_json", other, of_release(copy))


def changed_listing(copy: HomeCopy) -> Undo:
    """The list of videos that was pinned for a release lacks its last one."""
    [(document,)] = copy.sql(f"SELECT catalogue_json FROM releases WHERE {of_release(copy)}")
    fewer = edit_json(document, lambda listing: listing["videos"].pop())
    return column_set(copy, "releases", "catalogue_json", fewer, of_release(copy))


def of_seed(copy: HomeCopy) -> str:
    return f"day = '{copy.days[1]}'"


def forgotten_seed(copy: HomeCopy) -> Undo:
    """As after restoring a backup: another seed would let the operator choose the noise."""
    return rows_removed(copy, "seeds", of_seed(copy))


def other_seed(copy: HomeCopy) -> Undo:
    return column_set(copy, "seeds", "commitment", "0x" + "11" * 32, of_seed(copy))


def invented_viewer(copy: HomeCopy) -> Undo:
    """The contributions have one viewer more than the tally."""
    where = "viewer_number = 999999"
    another = (
        f"SELECT * REPLACE (999999 AS viewer_number) FROM marts.contributions "
        f"WHERE day = DATE '{copy.days[1]}' LIMIT 1"
    )
    change_warehouse(copy, f"INSERT INTO marts.contributions {another}")
    return lambda: change_warehouse(copy, f"DELETE FROM marts.contributions WHERE {where}")


def change_warehouse(copy: HomeCopy, statement: str) -> None:
    with copy.stores() as stores:
        path, key = stores.settings.warehouse_path, stores.warehouse_key
        with open_warehouse(path, key) as warehouse:
            warehouse.execute(statement)


def bundle_of_another_day(copy: HomeCopy) -> Undo:
    query = "SELECT bundle_cid FROM releases WHERE day = ?"
    [(other,)] = copy.sql(query, copy.days[0].isoformat())
    return column_set(copy, "releases", "bundle_cid", other, of_release(copy))


def missing_revision(copy: HomeCopy) -> Undo:
    """As after restoring a backup from before the release: its noise must not be drawn again."""
    takes_back = [rows_removed(copy, table, of_release(copy)) for table in ("releases", "spends")]
    return lambda: [undo() for undo in takes_back]


def erased_spend(copy: HomeCopy) -> Undo:
    return rows_removed(copy, "spends", of_release(copy))


def altered_spend(copy: HomeCopy) -> Undo:
    return column_set(copy, "spends", "rho_nano", 1, of_release(copy))


def altered_plan_and_spend(copy: HomeCopy) -> Undo:
    tables = ("releases", "spends")
    takes_back = [column_set(copy, table, "rho_nano", 1, of_release(copy)) for table in tables]
    return lambda: [undo() for undo in takes_back]


def made_up_spend(copy: HomeCopy) -> Undo:
    """Budget that nobody used is taken away from a day."""
    values = f"'demo', '{copy.days[1]}', 2, 1, 1"
    copy.sql(
        f"INSERT INTO spends (platform, day, revision, rho_nano, spent_at_ms) VALUES ({values})"
    )
    where = f"day = '{copy.days[1]}' AND revision = 2"
    return lambda: copy.sql(f"DELETE FROM spends WHERE {where}")


def ledger_from_the_future(copy: HomeCopy) -> Undo:
    """To the machine it looks as if its own clock had been moved back a century or so."""
    return column_set(copy, "releases", "planned_at_ms", 4_300_000_000_000, of_release(copy))


def other_chain(copy: HomeCopy) -> Undo:
    """An empty chain in place of the one that was published on."""
    return moved(copy.home / "chain.sqlite")


@dataclass(frozen=True)
class Lie:
    """How it is told, and how it is named."""

    tell: Callable[[HomeCopy], Undo]
    error: type[Exception]
    words: str

    def __str__(self) -> str:
        return self.tell.__name__


LIES = [
    Lie(flipped_segment, IntegrityError, "do not hash to it"),
    Lie(missing_segment, CheckFailed, "segments_intact: .* is missing"),
    Lie(other_segment_under_the_cid, IntegrityError, "do not hash to it"),
    Lie(swapped_cids, DecryptionFailed, "commitment"),
    Lie(segment_of_another_day, CheckFailed, "segments_intact: .*DecryptionFailed"),
    Lie(hidden_segment, CheckFailed, "events_accounted: .*running count"),
    Lie(miscounted_segment, CheckFailed, "events_accounted: .*events read"),
    Lie(wrong_wrapping_key, CheckFailed, "segments_intact: .*DecryptionFailed"),
    Lie(lost_wrapping_key, CheckFailed, "segments_intact: .*KeyUnavailable"),
    Lie(wrong_root_key, DecryptionFailed, "wrong key"),
    Lie(invented_viewer, CheckFailed, "contributions_provable: .*do not sum to the tally"),
    Lie(forgotten_seed, ReleaseConflict, "the catalogue none"),
    Lie(other_seed, ReleaseConflict, "the catalogue another"),
    Lie(changed_beacon, CheckFailed, "proof_verifies: .*about another release"),
    Lie(changed_row, CheckFailed, "proof_verifies: .*about another release"),
    Lie(changed_proof, CheckFailed, "proof_verifies: .*one that fails"),
    Lie(proof_of_another_day, CheckFailed, "proof_verifies: .*about another release"),
    Lie(changed_listing, ReleaseConflict, "no longer what was bundled"),
    Lie(bundle_of_another_day, LedgerTampered, "another release than the chain"),
    Lie(missing_revision, LedgerTampered, "the catalogue does not know it"),
    Lie(erased_spend, LedgerTampered, "spend nothing in the ledger, rho 0.125 planned"),
    Lie(altered_spend, LedgerTampered, "spend rho 0.000000001 in the ledger, rho 0.125 planned"),
    Lie(altered_plan_and_spend, LedgerTampered, "planned, its policy spends 0.125"),
    Lie(made_up_spend, LedgerTampered, "the catalogue no such revision"),
    Lie(other_chain, LedgerTampered, "the chain has no such record"),
    Lie(ledger_from_the_future, ClockMovedBack, "newest revision planned is of 21"),
]

#: Of each kind of error and step, in every run; the others take their time.
QUICK = (
    *(flipped_segment, miscounted_segment, wrong_root_key, forgotten_seed, changed_row),
    *(altered_spend, ledger_from_the_future),
)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lie, id=str(lie), marks=[] if lie.tell in QUICK else pytest.mark.slow)
        for lie in LIES
    ],
)
def test_a_lie_is_named_and_costs_nothing(
    copy: HomeCopy, figures: dict[Any, tuple[str, pl.DataFrame]], lie: Lie
) -> None:
    """Noticed by name; nothing planned, spent, pinned or sent; taken back, all is as before."""
    honest = copy.state()
    undo = lie.tell(copy)
    told = copy.state()
    with pytest.raises(lie.error, match=lie.words):
        copy.run()
    assert copy.state() == told
    undo()
    copy.run()
    assert copy.state() == honest
    assert_same_figures(copy, figures)


def assert_same_figures(copy: HomeCopy, figures: dict[Any, tuple[str, pl.DataFrame]]) -> None:
    found = copy.figures()
    assert found.keys() == figures.keys()
    for day, (digest, frame) in figures.items():
        assert found[day][0] == digest
        assert found[day][1].equals(frame)


def bundle_block(copy: HomeCopy, largest: bool) -> Path:
    """A block of the second day's pinned bundle: its largest (rows of the report) or its root."""
    with open_sources(copy.settings) as sources:
        published = sources.load_day("demo", copy.days[1])
    bundle = {
        name.removeprefix("bundle/"): data
        for name, data in published.files.items()
        if name.startswith("bundle/")
    }
    blocks = list(iter_directory_blocks(bundle))
    cid, _ = max(blocks, key=lambda block: len(block[1])) if largest else blocks[-1]
    return copy.block(cid)


@pytest.mark.parametrize("lie", ["changed row", "other bundle"])
def test_a_changed_bundle_is_not_served(copy: HomeCopy, lie: str) -> None:
    """A store that holds other bytes under a published CID convinces nobody, and the next run
    mends it."""
    path = bundle_block(copy, largest=lie == "changed row")
    path.chmod(0o600)
    if lie == "changed row":
        flip(path)
    else:
        replaced(path, copy.block(copy.segment(copy.days[0]).cid).read_bytes())
    with pytest.raises(IntegrityError):
        verify_as_stranger(copy)
    verify_as_stranger(copy, 0)
    honest = copy.state()
    copy.run()
    assert copy.state() == honest
    verify_as_stranger(copy)


def test_a_source_that_lies_about_published_files_is_named(copy: HomeCopy) -> None:
    """Real files, altered in the hands of whoever passes them on."""
    with open_sources(copy.settings) as sources:
        day, other = (sources.load_day("demo", copy.days[n]).files for n in (1, 0))
    report = day["bundle/report.json"]

    def without_release(chain: Any) -> None:
        chain["records"].pop()

    def wrong_root(chain: Any) -> None:
        chain["records"][-1]["report_root"] = "0x" + "11" * 32

    lies = [
        ({"bundle/report.json": edit_json(report, one_more_viewer)}, "BundleMismatch"),
        ({"chain.json": edit_json(day["chain.json"], without_release)}, "HistoryBroken"),
        ({"chain.json": edit_json(day["chain.json"], wrong_root)}, "HistoryBroken"),
        (other, "WrongDay"),
    ]
    for changes, name in lies:
        with pytest.raises(getattr(verify_errors, name)):
            verify_as_stranger(copy, **changes)
    verify_as_stranger(copy)


@pytest.mark.slow
def test_dagster_names_the_lie_too(copy: HomeCopy) -> None:
    """The same through a whole Dagster run with dbt: it stops at the step that noticed, exits with
    code 1, and after the lie is taken back it publishes nothing new, since nothing changed."""
    honest = copy.state()
    days = ("--from", copy.days[0].isoformat(), "--to", copy.days[-1].isoformat())
    command = [sys.executable, "-m", "analytics_pipeline.defs", "run", *days]
    environ = {**os.environ, **copy.environ}
    undo = flipped_segment(copy)
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 1
    assert "events: IntegrityError" in ran.stderr
    assert copy.state() == honest
    undo()
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0, ran.stderr
    assert copy.state() == honest
