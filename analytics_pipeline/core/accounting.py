"""Privacy accounting in zero-concentrated differential privacy (zCDP), and what it means in (ε, δ).

Belongs here: conversions. Which query spends what is `core.policy`. ρ travels as whole
nano-ρ (1e-9), so that sums are exact; ρ of several releases about the same people simply add up
(Bun & Steinke 2016, Lemma 1.7).
"""

import math
from typing import Final

NANO: Final = 1_000_000_000
DELTA: Final = 1e-6


def epsilon_of(rho_nano: int, delta: float = DELTA) -> float:
    """The ε for which ρ-zCDP implies (ε, δ)-differential privacy.

    For every order α > 1, ρ-zCDP gives Rényi divergence at most αρ, and by Canonne, Kamath and
    Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Proposition 12,

        ε = αρ + ln(1 − 1/α) − ln(δα) / (α − 1)

    holds; the best α is searched for. Any α is valid, so an inexact search errs on the safe side.
    The older ε = ρ + 2√(ρ ln 1/δ) (Bun & Steinke 2016, Proposition 1.3) is larger.
    """
    if rho_nano <= 0:
        return 0.0
    rho = rho_nano / NANO

    def epsilon(log_excess: float) -> float:
        alpha = 1.0 + math.exp(log_excess)
        return alpha * rho + math.log1p(-1.0 / alpha) - math.log(delta * alpha) / (alpha - 1.0)

    low, high = math.log(0.01), math.log(1e9)
    for _ in range(200):  # ternary search: the bound has one minimum in ln(α − 1)
        third = (high - low) / 3.0
        if epsilon(low + third) < epsilon(high - third):
            high -= third
        else:
            low += third
    return max(0.0, epsilon((low + high) / 2.0))


def published_epsilon(rho_nano: int) -> float:
    """ε at `DELTA`, rounded up to 2 decimals: the form in which it is published."""
    return math.ceil(epsilon_of(rho_nano) * 100) / 100


def sigma_thousandths(sensitivity_squared: int, rho_nano: int) -> int:
    """Noise scale in 1/1000, for which the Gaussian mechanism spends no more than ρ.

    σ = Δ₂ / √(2ρ) (Bun & Steinke 2016, Proposition 1.6; for the discrete Gaussian, Canonne et al.
    2020, Theorem 4), rounded up and never exact, so that the double nearest to it is not below.
    """
    exact_square = sensitivity_squared * NANO * 1_000_000 // (2 * rho_nano)
    return math.isqrt(exact_square) + 1
