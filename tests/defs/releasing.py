"""The steps after dbt with stand-in proving, and what must hold after any of them, however they
were cut short or mixed up."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import date

from analytics_pipeline.core.record import CommitRecord, ReleaseRecord
from analytics_pipeline.defs.steps import (
    bundles,
    commitments,
    inputs,
    proofs,
    records,
    reports,
)
from analytics_pipeline.defs.steps.statements import build_nonce
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, list_releases, list_spends

Name = tuple[date, int]


def release_days(stores: Stores, days: Sequence[date]) -> list[Release]:
    """What a run does after dbt."""
    commitments.plan_and_commit(stores, days)
    reports.draw_missing(stores, days)
    proofs.prove_missing(stores, days)
    bundles.pin_missing(stores, days)
    return records.publish_missing(stores, days)


class Ledger:
    """What was seen of a platform's releases; `look` compares it with what is there now."""

    def __init__(self) -> None:
        self.reports: dict[Name, bytes] = {}
        self.tallies: dict[str, dict[tuple[str, str, str], int]] = {}

    def remember_inputs(self, stores: Stores, days: Sequence[date]) -> None:
        """The exact figures behind a digest, to tell noise from them."""
        for found in inputs.load_inputs(stores, days):
            figures = {(row.scope, row.key, row.metric): row.value for row in found.tally}
            self.tallies[found.digest] = figures

    def look(self, stores: Stores) -> None:
        """Every invariant of a platform, at any time."""
        releases = list_releases(stores.catalogue, stores.platform)
        self._same_bytes(releases)
        self._spent_once(stores, releases)
        self._chain(stores, releases)
        self._noise_of_its_own(stores, releases)

    def _same_bytes(self, releases: Sequence[Release]) -> None:
        for release in releases:
            name = (release.day, release.revision)
            if release.report_json is not None:
                assert self.reports.setdefault(name, release.report_json) == release.report_json
        stored = {(r.day, r.revision) for r in releases if r.report_json is not None}
        assert self.reports.keys() == stored, "a report that was drawn is gone"

    def _spent_once(self, stores: Stores, releases: Sequence[Release]) -> None:
        spends = list_spends(stores.catalogue, stores.platform)
        paid = {(spend.day, spend.revision): spend.rho_nano for spend in spends}
        assert len(paid) == len(spends)
        assert paid == {
            (r.day, r.revision): r.rho_nano for r in releases if r.live or r.report_json is not None
        }
        of_day: Counter[date] = Counter()
        for (day, _), rho in paid.items():
            of_day[day] += rho
        assert all(spent <= inputs.POLICY.rho_nano_per_day for spent in of_day.values())

    def _chain(self, stores: Stores, releases: Sequence[Release]) -> None:
        found = stores.registry.read_evidence(stores.platform).records
        names = Counter((type(r), r.day, r.revision) for r in found)
        assert set(names.values()) <= {1}, "a record is on chain twice"
        rows = {(r.day, r.revision): r for r in releases}
        for record in found:
            row = rows[record.day, record.revision]
            if isinstance(record, ReleaseRecord):
                assert records.build_body(stores, row) == record.body
                assert row.live
        for day in {r.day for r in releases}:
            commits = [r.revision for r in found if isinstance(r, CommitRecord) and r.day == day]
            assert commits == list(range(1, len(commits) + 1))

    def _noise_of_its_own(self, stores: Stores, releases: Sequence[Release]) -> None:
        drawn = [release for release in releases if release.report_json is not None]
        nonces = [build_nonce(stores, release) for release in drawn]
        assert len(set(nonces)) == len(nonces)
        for one, other in itertools.combinations(drawn, 2):
            if one.day == other.day:
                assert one.inputs_digest != other.inputs_digest or not one.live
            noises = self._noise(one), self._noise(other)
            shared = [(noises[0][name], noises[1][name]) for name in noises[0].keys() & noises[1]]
            assert len(shared) >= 5
            assert sum(a == b for a, b in shared) < len(shared) / 2, "noise of one day in another"
            assert sum(a == -b for a, b in shared) < len(shared) / 2

    def _noise(self, release: Release) -> dict[tuple[str, str, str], int]:
        exact = self.tallies[release.inputs_digest]
        return {
            (row.scope, row.key, row.metric): row.value - exact[row.scope, row.key, row.metric]
            for row in reports.load_report(release).rows
            if row.value is not None and exact[row.scope, row.key, row.metric]
        }
