"""A cheap copy of a deployment's home, to tell lies in: its stores, and the run over them.

`run_steps` is what `python -m analytics_pipeline.defs run` does without dbt (the warehouse comes
with the copy): the same functions in the same order with the same blocking checks.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from analytics_pipeline.core.checks.proof import ProofTerms
from analytics_pipeline.core.verify import verify_bundle
from analytics_pipeline.core.verify_errors import CheckResult
from analytics_pipeline.defs.steps import (
    budgets,
    bundles,
    chain_memory,
    commitments,
    day_commitments,
    events,
    inputs,
    proofs,
    records,
    reports,
    segments,
)
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.published.proof_verifiers import VerifierChoice, open_verifier
from analytics_pipeline.published.sources import open_sources
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.storage.catalogue import (
    Segment,
    list_releases,
    list_segments,
    list_spends,
)
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks
from analytics_pipeline.storage.raw_day import load_raw_day

NOT_COPIED = ("dagster", "dbt", "logs", "tmp")


class CheckFailed(Exception):
    """A blocking check of a step found problems; nothing after it ran."""


def _check(name: str, problems: Sequence[str]) -> None:
    if problems:
        raise CheckFailed(f"{name}: {'; '.join(problems)}")


@dataclass(frozen=True)
class HomeCopy:
    """The copy's folder, and the days that were published in it."""

    home: Path
    days: tuple[date, ...]

    @classmethod
    def make(cls, source: Path, target: Path, days: Sequence[date]) -> "HomeCopy":
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_COPIED))
        return cls(target, tuple(days))

    @property
    def environ(self) -> dict[str, str]:
        return {"ANALYTICS_HOME": str(self.home)}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environ)

    @contextmanager
    def stores(self) -> Iterator[Stores]:
        """The stores as a run opens them, closed afterwards."""
        opened = Stores(self.settings)
        try:
            yield opened
        finally:
            opened.close()

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """One statement on the catalogue, as somebody with its file would run it."""
        with closing(sqlite3.connect(self.home / "catalogue.sqlite")) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def block(self, cid: str) -> Path:
        """The file of a block in the embedded content store."""
        return FlatfsBlocks(self.home / "ipfs" / "blocks").path_of(cid)

    def segment(self, day: date) -> Segment:
        """The first segment of a day."""
        with self.stores() as stores:
            return list_segments(stores.catalogue, stores.platform, day)[0]

    def run(self) -> None:
        """A run over all days."""
        with self.stores() as stores:
            run_steps(stores, self.days)

    def state(self) -> dict[str, Any]:
        """Everything that must neither be lost nor be added to."""
        with self.stores() as stores:
            catalogue, platform = stores.catalogue, stores.platform
            return {
                "releases": list_releases(catalogue, platform),
                "spends": list_spends(catalogue, platform),
                "segments": list_segments(catalogue, platform),
                "pins": stores.content.pins(),
                "records": stores.registry.read_evidence(platform).records,
            }

    def figures(self) -> dict[date, tuple[str, pl.DataFrame]]:
        """By day: the digest of manifest and exact tally, and the events behind them."""
        with self.stores() as stores:
            raw_dir, key_of = stores.settings.raw_dir, stores.raw_key
            return {
                found.day: (
                    found.digest,
                    load_raw_day(raw_dir, stores.platform, found.day, key_of(found.day)).sort(
                        pl.all()
                    ),
                )
                for found in inputs.load_inputs(stores, self.days)
            }


def run_steps(stores: Stores, days: Sequence[date]) -> None:
    """From the segments to the verified record. Raises the step's error, or CheckFailed."""
    chain_memory.require_sound_ledger(stores, days)
    found = segments.load_segments(stores, days)
    for day in days:
        _check("segments_intact", segments.find_problems(stores, found[day]))
    intakes = [events.load_day(stores, day) for day in days]
    for intake in intakes:
        _check("events_accounted", events.find_problems(intake))
    publish(stores, days)


def publish(stores: Stores, days: Sequence[date]) -> None:
    """The steps after dbt."""
    prepared = inputs.load_inputs(stores, days)
    _check("tally_within_bounds", inputs.find_tally_problems(prepared))
    _check("contributions_provable", day_commitments.find_problems(prepared))
    _check("budget_left", budgets.find_budget_problems(stores, prepared))
    planned = commitments.plan_and_commit(stores, days)
    _check("commitments_on_chain", commitments.find_problems(stores, planned))
    _check("report_matches_commitment", reports.find_problems(reports.draw_missing(stores, days)))
    proved = [item.release for item in proofs.prove_missing(stores, days)]
    _check("proof_verifies", proofs.find_problems(stores, proved))
    _check("bundle_pinned", bundles.find_problems(stores, bundles.pin_missing(stores, days)))
    _check("verified", records.find_problems(stores, records.publish_missing(stores, days)))


def verify_as_stranger(copy: HomeCopy, position: int = 1, **changes: Any) -> Sequence[CheckResult]:
    """What `analytics-pipeline verify --require-proof` does; `changes` are files served in place of
    the day's."""
    day = copy.days[position]
    with open_sources(copy.settings) as sources:
        published = sources.load_day("demo", day)
    files = {**published.files, **changes}
    return verify_bundle(
        files,
        platform="demo",
        day=day,
        registry_head=published.registry_head,
        registry=published.registry,
        terms=ProofTerms(verifier=open_verifier(VerifierChoice.EVM), require_proof=True),
    )
