"""The Dagster project: what runs when, in which order, and what must hold before the next step.

Belongs here: assets, checks, jobs, the schedule, the sensor, resources, and the steps they wire
together (`defs.steps`, plain functions without Dagster). Does not belong here: arithmetic,
formats, cryptography (`core`) or any store (`storage`, `chain`, `release`).
"""
