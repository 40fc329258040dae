"""Dagster's home folder and the environment its processes share.

Every process of a run (UI, daemon, code server, dbt) reads the same settings from the
environment, so an entry point fixes the environment first.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg

from analytics_pipeline.settings import SETTINGS, Settings
from analytics_pipeline.storage.public_keys import write_file_durably

TEMPLATE = Path(__file__).with_name("dagster.yaml")


def prepare_home(settings: Settings) -> Path:
    """Make ``ANALYTICS_HOME/dagster`` and write its `dagster.yaml` unless there is one.

    Returns:
        The folder to set as ``DAGSTER_HOME``.
    """
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    target = home / "dagster.yaml"
    if not target.exists():
        write_file_durably(target, TEMPLATE.read_bytes(), 0o600)
    return home


def environment(settings: Settings) -> dict[str, str]:
    """The variables that make another process load exactly these settings."""
    absolute = replace(settings, home=settings.home.absolute())
    variables = {}
    for setting in SETTINGS:
        value = getattr(absolute, setting.field)
        variables[setting.variable] = ",".join(value) if isinstance(value, tuple) else str(value)
    variables["DAGSTER_HOME"] = str(prepare_home(absolute))
    return variables


@contextmanager
def patched_environ(variables: Mapping[str, str]) -> Iterator[None]:
    """Add variables to this process's environment for the length of a block."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The persistent Dagster instance of this deployment; its environment holds inside."""
    with patched_environ(environment(settings)), dg.DagsterInstance.get() as instance:
        yield instance
