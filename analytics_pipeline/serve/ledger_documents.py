"""The shapes of answers about what is on record: budget, records, erasures; and operations.

Belongs here: types, as in `serve.documents`. Does not belong here: computing.
"""

from datetime import date, datetime

from msgspec import Struct

from analytics_pipeline.serve.documents import Page


class BudgetCaps(Struct, frozen=True):
    per_release: float
    per_day: float
    per_30_days: float


class BudgetDay(Struct, frozen=True):
    day: date
    releases: int
    rho_spent: float
    rho_left: float
    epsilon: float


class ThirtyDays(Struct, frozen=True):
    first_day: date
    last_day: date
    rho_spent: float
    rho_reserved: float
    rho_left: float
    rho_cap: float
    epsilon: float


class Budget(Struct, frozen=True):
    """What releases spent, from the records alone; the caps are those of the newest policy."""

    delta: float
    caps: BudgetCaps | None
    days: list[BudgetDay]
    thirty_days: ThirtyDays | None


class PublishedIn(Struct, frozen=True):
    day: date
    revision: int
    bundle_cid: str


class Erasure(Struct, frozen=True):
    """A receipt as `erasures.json` has it (spec/erasure.md), and the release that published it."""

    format: str
    platform: str
    day: date
    revision: int
    manifest_root: str
    segments: list[str]
    data_keys: int
    erased_at: str
    reason: str
    previous: str
    published_in: PublishedIn


class OperationsDay(Struct, frozen=True):
    """Exact counts of one day, for the operator alone."""

    day: date
    accepted: int
    duplicate: int
    late: int
    rejected: dict[str, int]
    received: int
    segments: int
    segment_bytes: int
    last_sealed_at: datetime | None
    records: int
    erased: bool


class CommitEntry(Struct, frozen=True, tag_field="kind", tag="commit"):
    """A commit as chain.json has it (spec/record.md)."""

    day: date
    revision: int
    manifest_root: str
    policy_hash: str
    tally_root: str
    catalogue_root: str
    seed_commitment: str
    block_number: int
    block_time: int
    publisher: str


class ReleaseEntry(Struct, frozen=True, tag_field="kind", tag="release"):
    """A release as chain.json has it (spec/record.md)."""

    day: date
    revision: int
    report_root: str
    report_cid: str
    bundle_cid: str
    spend_nano_rho: int
    figure_sum: str
    beacon_block: int
    beacon: str
    block_number: int
    block_time: int
    publisher: str


class RecordPage(Page[CommitEntry | ReleaseEntry], frozen=True):
    """One page of records."""


class ErasurePage(Page[Erasure], frozen=True):
    """One page of erasure receipts."""


class OperationsPage(Page[OperationsDay], frozen=True):
    """One page of operations."""
