"""Quantities whose average no bound could keep private, as histograms with fixed edges.

A viewer-day stands in one bin of each, whatever it measured: one cell changes by 1. Edges are part
of the policy and never follow the data. Belongs here: edges, bins and the names of metrics. Does
not belong here: who is counted (spec/kpis.md, dbt), quantiles (`core.derived`).
"""

from typing import Final

#: Bin i is [edge i − 1, edge i) milliseconds; after the open last one, a bin for "not reported".
STARTUP_EDGES_MS: Final = (250, 500, 1000, 2000, 4000, 8000)
#: Bin 0 is exactly 0, bin i ≥ 1 is [edge i − 2, edge i − 1) thousandths, from above 0; the last is
#: open.
REBUFFER_EDGES_PERMILLE: Final = (5, 10, 20, 50, 100, 200)
RETENTION_BINS: Final = 20
STARTUP_BINS: Final = len(STARTUP_EDGES_MS) + 2
REBUFFER_BINS: Final = len(REBUFFER_EDGES_PERMILLE) + 2
STARTUP_NOT_REPORTED: Final = STARTUP_BINS - 1


def furthest_bin_metric(position: int) -> str:
    """Metric name of a retention bin, 0-based: ``furthest_bin_00`` …"""
    return f"furthest_bin_{position:02d}"


FURTHEST_BIN_METRICS: Final = tuple(map(furthest_bin_metric, range(RETENTION_BINS)))
STARTUP_METRICS: Final = tuple(f"startup_{position}" for position in range(STARTUP_BINS))
REBUFFER_METRICS: Final = tuple(f"rebuffer_{position}" for position in range(REBUFFER_BINS))
