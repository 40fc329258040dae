"""The bounds of a viewer-day, and how far it can move each query, in whole units of its noise.

Belongs here: the maximisation. Why units are counted rounded up: spec/policy.md, rule 5. Does not
belong here: what follows from a sensitivity (`core.policy`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """The most one viewer-day contributes to a release (spec/kpis.md, "Contributions")."""

    videos_per_viewer_day: int = 10
    seconds_per_video: int = 900
    seconds_per_day: int = 3600


def sensitivities_squared(bounds: Bounds, units: Mapping[str, int]) -> dict[str, int]:
    """Δ₂² of each query, in units: the largest Σ ⌈|changeᵢ| / unit⌉² that one viewer-day can cause.

    With L0 = videos_per_viewer_day, v = seconds_per_video, D = seconds_per_day:

    - `platform.viewers`, `platform.first_of_week`, `platform.first_of_month`: one cell by 1, or by
      0 where the device has not set the bit.
    - `platform.peak_viewers`: at every instant it adds at most 1 to the viewers present, so the
      largest of these numbers grows by at most 1.
    - `region.viewers`, `provider.viewers`: one cell by 1 (a viewer-day has one country, and one
      provider: that of its first play).
    - `provider.startup`, `provider.rebuffer`: it stands in one bin of its one provider: one of all
      the cells by 1.
    - `video.viewers`: at most L0 cells by 1. `creator.viewers`: no more creators than videos.
    - `creator.continent`: one cell, that of its one continent, for each of its creators: at most
      L0 cells by 1.
    - `video.furthest_bin`: a contribution stands in one bin of its video: L0 cells by 1.
    - `platform.views`: one cell by at most L0.
    - `video.watch_seconds`: at most L0 cells by at most v each, D together.
    - `creator.watch_seconds`: if k creators are watched, no more than L0 − k + 1 videos are one
      creator's: k cells by at most (L0 − k + 1)·v each, D together.
    - `platform.watch_seconds`: one cell by at most min(D, L0·v).
    """
    count, per_video, per_day = (
        bounds.videos_per_viewer_day,
        bounds.seconds_per_video,
        bounds.seconds_per_day,
    )

    def one_cell(name: str, most: int) -> int:
        return (-(-most // units[name])) ** 2

    return {
        "creator.continent": count,
        "creator.viewers": count,
        "creator.watch_seconds": largest_squares(
            units["creator.watch_seconds"],
            count,
            per_day,
            lambda creators: min(per_day, (count - creators + 1) * per_video),
        ),
        "platform.first_of_month": 1,
        "platform.first_of_week": 1,
        "platform.peak_viewers": 1,
        "platform.viewers": 1,
        "platform.views": one_cell("platform.views", count),
        "platform.watch_seconds": one_cell(
            "platform.watch_seconds", min(per_day, count * per_video)
        ),
        "provider.rebuffer": 1,
        "provider.startup": 1,
        "provider.viewers": 1,
        "region.viewers": 1,
        "video.furthest_bin": count,
        "video.viewers": count,
        "video.watch_seconds": largest_squares(
            units["video.watch_seconds"], count, per_day, lambda _: min(per_day, per_video)
        ),
    }


def largest_squares(
    unit: int, most_cells: int, total: int, most_in_a_cell: Callable[[int], int]
) -> int:
    """The largest Σ qᵢ² with qᵢ = ⌈aᵢ / unit⌉, over all ways to spread an amount over cells.

    With k cells that are not zero, the cheapest way to reach q units in one is (q − 1)·unit + 1. So
    k + (total − k) div unit units can be had in all, from 1 to ⌈most_in_a_cell(k) / unit⌉ in each,
    and a sum of squares under such bounds is largest with as many cells as possible at their
    upper bound, one between, and the rest at the lower one.

    Args:
        unit: of the noise.
        most_cells: how many cells can change.
        total: Σ aᵢ is at most this.
        most_in_a_cell: given how many cells change, the most that one of them can change by.
    """
    largest = 0
    for cells in range(1, min(most_cells, total) + 1):
        spare = (total - cells) // unit
        room = -(-most_in_a_cell(cells) // unit) - 1  # units of a full cell beyond its first
        full = min(cells, spare // room) if room else cells
        squares = full * (room + 1) ** 2
        if full < cells:
            squares += (spare - full * room + 1) ** 2 + (cells - full - 1)
        largest = max(largest, squares)
    return largest
