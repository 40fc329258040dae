"""The steps the assets wire: plain functions over open stores, without Dagster.

Each module is one asset's work. `load_`/`store_` touch stores, `build_` and `find_…problems` on
values are pure, `describe` gives what may be shown (counts, sizes, CIDs, roots).
"""
