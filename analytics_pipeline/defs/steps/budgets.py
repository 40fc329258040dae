"""Whether the privacy budget allows what a run is about to release: all of its days together.

Belongs here: the question, asked before anything is reserved. Does not belong here: the arithmetic
(`core.budget`), and reserving, which asks again inside its transaction (`storage.catalogue`).
"""

from collections.abc import Iterator, Sequence

from analytics_pipeline.core.budget import Allowance, Caps, Ledger
from analytics_pipeline.core.errors import BudgetOverspent
from analytics_pipeline.core.policy import parse_policy
from analytics_pipeline.defs.steps.inputs import DayInputs
from analytics_pipeline.defs.steps.state import present
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.storage.catalogue import Release, load_ledger, load_release


def find_budget_problems(stores: Stores, inputs: Sequence[DayInputs]) -> list[str]:
    """Days whose changed inputs cannot be released, and what is left when the days before them
    have spent theirs."""
    return [str(allowance) for allowance in _refused(stores, inputs)]


def require_budget(stores: Stores, inputs: Sequence[DayInputs]) -> None:
    """Raises BudgetOverspent if one of the days cannot be released: then none of them is begun."""
    for allowance in _refused(stores, inputs):
        raise BudgetOverspent(str(allowance), allowance.renews_on)


def has_budget(stores: Stores, release: Release) -> bool:
    """Whether a released day has budget for one more revision, under its policy."""
    caps = Caps.of(parse_policy(present(release.policy_json)))
    return load_ledger(stores.catalogue, stores.platform).allowance(release.day, caps).allowed


def _refused(stores: Stores, inputs: Sequence[DayInputs]) -> Iterator[Allowance]:
    ledger = load_ledger(stores.catalogue, stores.platform)
    wanted = []
    for each in inputs:
        latest = load_release(stores.catalogue, stores.platform, each.day)
        if latest is None or not latest.live or latest.inputs_digest != each.digest:
            wanted.append(each)
            if latest is not None:
                ledger = _without_half_way(ledger, latest)
    for each in wanted:
        caps = Caps.of(each.policy)
        allowance = ledger.allowance(each.day, caps)
        if not allowance.allowed:
            yield allowance
        ledger = ledger.and_spend(each.day, caps.per_release)


def _without_half_way(ledger: Ledger, latest: Release) -> Ledger:
    """A revision of other inputs that was not drawn is planned anew or withheld first, and gives
    back what it reserved."""
    if latest.live and latest.report_json is None:
        return ledger.and_spend(latest.day, -latest.rho_nano)
    return ledger
