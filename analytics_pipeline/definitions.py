"""Dagster's entry point: everything the UI, the daemon and the runs load.

Belongs here: putting the parts together. The parts are in `analytics_pipeline.defs`.
"""

import warnings

import dagster as dg

# Backfill policies and asset-check metadata are marked beta; we pin the version.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

from analytics_pipeline.defs.build import build_definitions  # noqa: E402

defs = build_definitions()
