"""The example of spec/policy.md: the default policy's figures, and one noise word by hand."""

import math
from decimal import Decimal
from typing import Final

from analytics_pipeline.core import canonical
from analytics_pipeline.core.accounting import published_epsilon
from analytics_pipeline.core.closeness import distance_of_a_draw, viewer_excess, year_delta
from analytics_pipeline.core.policy import DEFAULT_POLICY
from analytics_pipeline.core.sampler import draw_words, noise_of, word_format
from tests.support.noise_vectors import NONCE, SEED

#: The query and the block of the worked word.
_QUERY: Final = "video.watch_seconds"
VIDEOS: Final = 1000
CREATORS: Final = 200

_PROGRAM: Final = '''\
from bisect import bisect_right
from decimal import Decimal, getcontext

getcontext().prec = 120
r = 21888242871839275222246405745257275088548364400416034343698204186575808495617

def table(sigma_thousandths, size):
    """Thresholds of a digit in [0, size)."""
    L = -(-10 * sigma_thousandths // 1000)
    weight = [(Decimal(-k * k * 10**6) / (2 * sigma_thousandths**2)).exp() for k in range(L + 1)]
    whole, below, steps = weight[0] + 2 * sum(weight[1:]), Decimal(0), [0]
    for k in range(-L, L):
        below += weight[abs(k)]
        steps.append(int((size * below / whole).to_integral_value()))
    return L, [*steps, size]

h = {word}
unit = {unit}
h, u1 = divmod(h, unit)
h, u0 = divmod(h, unit)
d0, d1 = divmod(h, 2**84)
for d, u, size in ((d0, u0, r // (2**84 * unit**2)), (d1, u1, 2**84)):
    L, steps = table({sigma}, size)
    n = bisect_right(steps, d) - 1
    print(unit * (n - L) + u - unit // 2)
'''


def policy_example() -> str:
    return _queries() + _spend() + _closeness() + _word()


def _queries() -> str:
    lines = [
        "| query | share | ρ | unit | Δ₂² | σ in units | σ | shown from | 95 % error | off by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    total = DEFAULT_POLICY.rho_nano_per_release
    for query in DEFAULT_POLICY.queries:
        lines.append(
            f"| {query.name} | {query.rho_nano * 100 // total} % | {query.rho_nano / 1e9:.8g} "
            f"| {query.unit} | {query.sensitivity_squared} | {query.sigma_thousandths / 1000} "
            f"| {query.sigma} | {query.threshold} | ± {query.error_95} "
            f"| 2^{math.log2(distance_of_a_draw(query)):.1f} |"
        )
    return "\n".join(lines) + "\n\n"


def _spend() -> str:
    total, cap = DEFAULT_POLICY.rho_nano_per_release, DEFAULT_POLICY.rho_nano_per_day
    epsilon = DEFAULT_POLICY.to_json()["epsilon"]
    return (
        f"ρ {total / 1e9:g} a release, at most {cap / 1e9:g} a day and "
        f"{DEFAULT_POLICY.rho_nano_per_30_days / 1e9:g} in any 30 days. "
        f"At δ = 1e-6 that is ε = **{epsilon['per_release']}** for a viewer's day released once, "
        f"{epsilon['per_day_at_most']} if it was corrected, **{epsilon['per_30_days']}** for a "
        "viewer who comes back on 30 days "
        f"({epsilon['per_30_days_at_most']} with as many corrections as 30 days have room for)."
        "\n\n"
        f"policy hash `{canonical.hash_text(DEFAULT_POLICY.policy_hash)}`\n\n"
    )


def _closeness() -> str:
    keys = {"video": VIDEOS, "creator": CREATORS, "platform": 1}
    keys |= {"region": len(DEFAULT_POLICY.regions), "provider": len(DEFAULT_POLICY.providers)}
    draws = 2 * 366 * sum(keys[q.scope] * len(q.metrics) for q in DEFAULT_POLICY.queries)
    epsilon = published_epsilon(DEFAULT_POLICY.rho_nano_per_day)
    year = year_delta(DEFAULT_POLICY, VIDEOS, CREATORS, epsilon)
    month, long = (viewer_excess(DEFAULT_POLICY, releases) for releases in (60, 732))
    return (
        f"A leap year of {VIDEOS:,} videos by {CREATORS} creators, every day corrected once, takes "
        f"{draws:,} draws. All of them together add **{_figure(year)}** to the δ of a viewer-day "
        f"(rule 13). A viewer of 30 days, each corrected once, has {_figure(month.delta)} more δ "
        f"and {_figure(month.epsilon)} more ε, which the rounding up of ε covers; a viewer of all "
        f"366 days {_figure(long.delta)} more δ and {_figure(long.epsilon)} more ε (rule 14).\n\n"
    )


def _word() -> str:
    number, query = next(
        (number, query)
        for number, query in enumerate(DEFAULT_POLICY.queries)
        if query.name == _QUERY
    )
    drawn = draw_words(SEED.value, NONCE, number, query, 1)
    noise = noise_of(query, drawn, word_format(query.unit).figures)
    program = _PROGRAM.replace("{word}", hex(drawn.states[0][0]))
    program = program.replace("{unit}", str(query.unit))
    program = program.replace("{sigma}", str(query.sigma_thousandths))
    return (
        f"The first word of query {number}, `{query.name}`, drawn from the seed and the nonce in "
        "`tests/vectors/noise.json`, is Poseidon2"
        f'({hex(SEED.value)}, {hex(NONCE)}, {number}·2³², "viewership/noise/1")₀. '
        "In plain Python:\n\n"
        f"```python\n{program}```\n\n"
        f"prints the noise of the first two videos, in seconds: {noise[0]} and {noise[1]}.\n"
    )


def _figure(value: Decimal) -> str:
    """Two digits, rounded up."""
    exponent = value.adjusted() - 1
    return f"{float(math.ceil(value.scaleb(-exponent))) * 10.0**exponent:.1e}"
