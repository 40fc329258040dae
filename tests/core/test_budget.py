"""The ledger of privacy budget against its definition, by brute force, and dp-accounting."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

import dp_accounting
import pytest
from dp_accounting import rdp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics_pipeline.core.accounting import DELTA, NANO, epsilon_of, published_epsilon
from analytics_pipeline.core.budget import Caps, Ledger, require_allowed, rho
from analytics_pipeline.core.errors import BudgetOverspent
from analytics_pipeline.core.policy import DEFAULT_POLICY

START = date(2026, 1, 1)
DEFAULT = Caps.of(DEFAULT_POLICY)
COST = DEFAULT.per_release


class Line(NamedTuple):
    """A release of a day, and what it spent."""

    day: date
    rho_nano: int


def day(number: int) -> date:
    return START + timedelta(days=number)


def windows_with(number: int) -> list[list[date]]:
    """All lists of 30 consecutive days that have the day in them."""
    return [[day(n) for n in range(first, first + 30)] for first in range(number - 29, number + 1)]


def spent_in(lines: Iterable[Line], days: Iterable[date]) -> int:
    wanted = set(days)
    return sum(line.rho_nano for line in lines if line.day in wanted)


def fits(lines: list[Line], number: int, caps: Caps) -> bool:
    """The definition, word by word: within the day's cap; in every window of 30 days that has the
    day, within its cap; and a correction leaves one release for each day there without any."""
    is_first = spent_in(lines, [day(number)]) == 0
    after = [*lines, Line(day(number), caps.per_release)]
    if spent_in(after, [day(number)]) > caps.per_day:
        return False
    for days in windows_with(number):
        needed = 0
        if not is_first:
            needed = sum(caps.per_release for each in days if spent_in(after, [each]) == 0)
        if spent_in(after, days) + needed > caps.per_30_days:
            return False
    return True


def allowed(lines: list[Line], number: int, caps: Caps) -> bool:
    try:
        require_allowed(Ledger.of(lines), day(number), caps)
    except BudgetOverspent:
        return False
    return True


numbers = st.integers(0, 70)
ledgers = st.lists(st.builds(Line, numbers.map(day), st.sampled_from([1, 2, 3])), max_size=70)
small_caps = st.builds(
    lambda cost, extra, month: Caps(cost, cost + extra, max(cost + extra, month)),
    *(st.integers(1, 3), st.integers(0, 4), st.integers(1, 120)),
)


@given(ledgers, numbers, small_caps)
def test_what_fits_is_what_the_definition_says(lines: list[Line], at: int, caps: Caps) -> None:
    assert allowed(lines, at, caps) == fits(lines, at, caps)


@given(ledgers, numbers, small_caps)
def test_what_is_left_is_the_most_that_fits(lines: list[Line], at: int, caps: Caps) -> None:
    """Stated figures are those of the definition: not one nano-rho more would fit."""
    allowance = Ledger.of(lines).allowance(day(at), caps)
    is_first = spent_in(lines, [day(at)]) == 0
    assert allowance.is_first == is_first
    assert allowance.day_spent == spent_in(lines, [day(at)])
    assert allowance.day_left == caps.per_day - allowance.day_spent

    def room(days: list[date]) -> int:
        idle = sum(spent_in(lines, [each]) == 0 for each in days)
        kept = 0 if is_first else idle * caps.per_release
        return caps.per_30_days - spent_in(lines, days) - kept

    assert allowance.window.left == min(room(days) for days in windows_with(at))
    days = [allowance.window.first_day + timedelta(days=n) for n in range(30)]
    assert days in windows_with(at)
    assert (days[-1], spent_in(lines, days)) == (allowance.window.last_day, allowance.window.spent)


@settings(max_examples=50)
@given(ledgers, numbers, small_caps)
def test_it_renews_on_the_first_later_day_that_has_room(
    lines: list[Line], at: int, caps: Caps
) -> None:
    """Searched far beyond the last spend, day by day. Room for a correction of a day without a
    release is what is left after its first one."""
    allowance = Ledger.of(lines).allowance(day(at), caps)
    if allowance.allowed:
        assert allowance.renews_on is None
        return

    def has_room(number: int) -> bool:
        fresh = spent_in(lines, [day(number)]) == 0
        if allowance.is_first:
            return fresh and fits(lines, number, caps)
        first = [Line(day(number), caps.per_release)] if fresh else []
        return fits([*lines, *first], number, caps)

    later = [day(number) for number in range(at + 1, 140) if has_room(number)]
    assert allowance.renews_on == (later[0] if later else None)


@given(
    st.lists(st.tuples(numbers, st.booleans()), max_size=150),
    st.integers(1, 5),
    st.integers(0, 12),
    st.integers(0, 5),
)
@settings(max_examples=30)
def test_a_first_release_is_never_refused_because_of_corrections(
    wishes: list[tuple[int, bool]], cost: int, spare: int, missing: int
) -> None:
    """Whatever is asked for, in whatever order, and granted as far as it fits: if 30 days have room
    for 30 releases, every day without one can have it; if they have not, no correction was made."""
    caps = Caps(cost, 3 * cost, max(3 * cost, (30 + spare - missing) * cost))
    lines: list[Line] = []
    for number, again in wishes:
        is_first = spent_in(lines, [day(number)]) == 0
        if is_first == again:
            continue
        if allowed(lines, number, caps):
            lines.append(Line(day(number), cost))
        elif is_first:
            assert spare < missing
    for number in range(-30, 100):
        if spent_in(lines, [day(number)]) == 0 and caps.per_30_days >= 30 * cost:
            assert allowed(lines, number, caps)
        assert spent_in(lines, windows_with(number)[0]) <= caps.per_30_days
    if caps.per_30_days < 30 * cost:
        assert len({line.day for line in lines}) == len(lines)


def test_the_default_policy_has_ten_corrections_in_30_days() -> None:
    """Every day released on time, ten corrections; the eleventh names the day that has room."""
    lines = [Line(day(n), COST) for n in range(60)]
    for number in range(20, 30):
        assert allowed(lines, number, DEFAULT)
        lines.append(Line(day(number), COST))
    with pytest.raises(BudgetOverspent) as caught:
        require_allowed(Ledger.of(lines), day(30), DEFAULT)
    assert str(caught.value) == (
        "2026-01-31: a correction spends rho 0.125. Day: 0.125 of 0.25 spent, 0.125 left. 30 days "
        "(2026-01-02 to 2026-01-31): 5 of 5 spent, 0 left for a correction. The next day with room "
        "for a correction is 2026-02-20"
    )
    assert caught.value.renews_on == day(50)
    assert not allowed(lines, 49, DEFAULT)
    assert allowed(lines, 50, DEFAULT)
    with pytest.raises(BudgetOverspent, match=r"0 left\..*A day's own budget never renews; the"):
        require_allowed(Ledger.of(lines), day(25), DEFAULT)


def test_corrections_of_a_new_platform_leave_room_for_the_days_to_come() -> None:
    """Ten corrections, and not 39, although 30 days have spent next to nothing."""
    lines = [Line(day(n), COST) for n in range(12)]
    granted = 0
    for number in range(12):
        if allowed(lines, number, DEFAULT):
            lines.append(Line(day(number), COST))
            granted += 1
    assert granted == 10
    refused = Ledger.of(lines).allowance(day(11), DEFAULT)
    assert "2.75 of 5 spent, 2.25 kept for first releases, 0 left" in str(refused)
    assert all(
        allowed(lines, number, DEFAULT) for number in range(-40, 60) if number not in range(12)
    )


def test_a_policy_without_room_for_corrections_says_so() -> None:
    caps = Caps(COST, 2 * COST, 30 * COST)
    allowance = Ledger.of([Line(START, COST)]).allowance(START, caps)
    assert (allowance.allowed, allowance.renews_on) == (False, None)
    assert str(allowance).endswith("This policy never has room for a correction")


def test_a_day_keeps_the_least_that_was_promised_to_its_neighbours() -> None:
    """Under a wider policy a day could overspend windows of days whose policy promised less, and
    these would not verify any more."""
    wide = Caps(COST, 2 * COST, 60 * COST)
    lines = [Line(day(n), COST) for n in range(40)] + [Line(day(n), COST) for n in range(10)]
    promised = {day(n): DEFAULT.per_30_days for n in range(10)}
    assert allowed(lines, 10, wide)
    ledger = Ledger.of(lines, promised)
    assert not ledger.allowance(day(10), wide).allowed
    assert ledger.allowance(day(10), wide).renews_on == day(30)
    assert not ledger.allowance(day(29), wide).allowed
    assert ledger.allowance(day(30), wide).allowed


@given(st.integers(0, 10**12))
def test_rho_is_written_exactly(nano: int) -> None:
    whole, _, decimals = rho(nano).partition(".")
    assert int(whole) * NANO + int(decimals.ljust(9, "0") or 0) == nano
    assert not decimals.endswith("0")


@given(st.lists(st.tuples(st.integers(0, 29), st.booleans()), max_size=60, unique=True))
@settings(max_examples=15, deadline=None)
def test_thirty_days_compose_as_dp_accounting_says(releases: list[tuple[int, bool]]) -> None:
    """The spends of a viewer's 30 days, with corrections: every query of every release composed in
    Google's RDP accountant gives the epsilon of the ledger's sum, to 0.1 %, and never more."""
    days = {number for number, _ in releases}
    lines = [Line(day(n), COST) for n in days] + [
        Line(day(n), COST) for n, again in releases if again
    ]
    assume(lines)
    accountant = rdp.RdpAccountant([1 + 1.003**i / 100 for i in range(3000)])
    for query in DEFAULT_POLICY.queries:
        multiplier = query.sigma_thousandths / 1000 / math.sqrt(query.sensitivity_squared)
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier), len(lines))
    window = Ledger.of(lines).fullest(day(29), DEFAULT, reserve=False)
    theirs = accountant.get_epsilon(DELTA)
    assert theirs <= epsilon_of(window.spent) * 1.0001
    assert epsilon_of(window.spent) == pytest.approx(theirs, rel=1e-3)
    assert theirs <= published_epsilon(window.spent)


def test_the_caps_of_the_default_policy_in_epsilon() -> None:
    """30 days within the cap: ε as published, above what dp-accounting says of one Gaussian with
    the whole ρ, and below 30 corrected days."""
    stated = DEFAULT_POLICY.to_json()["epsilon"]["per_30_days_at_most"]
    assert stated == published_epsilon(DEFAULT.per_30_days)
    accountant = rdp.RdpAccountant([1 + 1.003**i / 100 for i in range(3000)])
    accountant.compose(dp_accounting.GaussianDpEvent(1 / math.sqrt(2 * DEFAULT.per_30_days / NANO)))
    assert accountant.get_epsilon(DELTA) == pytest.approx(stated, rel=1e-3)
    assert accountant.get_epsilon(DELTA) <= stated < published_epsilon(30 * DEFAULT.per_day)
