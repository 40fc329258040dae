"""Everything after dbt, step by step, and what the chain has of it: for tests of what follows."""

from datetime import date

from analytics_pipeline.core.record import CommitRecord, ReleaseRecord
from analytics_pipeline.defs.steps import (
    budgets,
    bundles,
    commitments,
    day_commitments,
    inputs,
    proofs,
    records,
    reports,
)
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import (
    Release,
)


def publish(stores: Stores, *days: date) -> list[Release]:
    """Everything after dbt, with its checks."""
    prepared = inputs.load_inputs(stores, days)
    assert inputs.find_tally_problems(prepared) == []
    assert day_commitments.find_problems(prepared) == []
    assert budgets.find_budget_problems(stores, prepared) == []
    plans = commitments.plan_and_commit(stores, days)
    assert commitments.find_problems(stores, plans) == []
    assert reports.find_problems(reports.draw_missing(stores, days)) == []
    proved = [item.release for item in proofs.prove_missing(stores, days)]
    assert proofs.find_problems(stores, proved) == []
    assert bundles.find_problems(stores, bundles.pin_missing(stores, days)) == []
    released = records.publish_missing(stores, days)
    assert records.find_problems(stores, released) == []
    return released


def chain_of(stores: Stores) -> list[tuple[str, date, int]]:
    kinds = {CommitRecord: "commit", ReleaseRecord: "release"}
    found = stores.registry.read_evidence(stores.platform).records
    return [(kinds[type(record)], record.day, record.revision) for record in found]
