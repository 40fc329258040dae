"""Resources of the assets: the stores, and dbt.

Belongs here: the life cycle Dagster gives a resource (one per run). Settings come from the
environment, as everywhere; none is a Dagster configuration field, so none shows in a run's config.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource
from packaging.version import Version, parse
from pydantic import PrivateAttr

from analytics_pipeline.defs.dbt_failure import RESULTS
from analytics_pipeline.defs.dbt_manifest import dbt_environ
from analytics_pipeline.defs.instance import patched_environ
from analytics_pipeline.defs.outcome import Ended, load_ended
from analytics_pipeline.defs.run_tags import told_in_tags
from analytics_pipeline.defs.stores import Stores
from analytics_pipeline.defs.turn import taking_turns
from analytics_pipeline.settings import Settings, load_settings


class StoresResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens this deployment's stores for a run, once it is its turn, and closes them after it."""

    _stores: Stores | None = PrivateAttr(default=None)
    _before: Ended = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["StoresResource"]:
        stores = Stores(load_settings())
        say = context.log.info if context.log else stores.say
        try:
            with told_in_tags(context), taking_turns(stores, say):
                self._stores, self._before = stores, load_ended(stores)
                yield self
        finally:
            self._stores = None
            stores.close()

    @property
    def before(self) -> Ended:
        """What had been released or withheld when the run began."""
        return self._before

    @property
    def opened(self) -> Stores:
        """The open stores. Only valid while a run executes."""
        if self._stores is None:
            raise RuntimeError("stores are open only during a run")
        return self._stores


class Dbt(DbtCliResource):
    """dagster-dbt's resource without two start-up costs that this project has no use for: it runs
    ``dbt --version`` and loads an adapter into this process before every command (seconds each)
    to fetch row counts and column types, which would also leave the warehouse locked."""

    @cached_property
    def _cli_version(self) -> Version:
        return parse(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        return None

    def run_models(
        self,
        arguments: Sequence[str],
        manifest: Path,
        translator: DagsterDbtTranslator,
        settings: Settings,
    ) -> DbtCliInvocation:
        """Start dbt on this deployment's warehouse. Keys reach the child by its environment."""
        target_dir = settings.home / "dbt"
        (target_dir / RESULTS).unlink(missing_ok=True)  # else an early end shows the last run's
        plain = {"DBT_USE_COLORS": "false"}
        with patched_environ({**dbt_environ(settings, target_dir), **plain}):
            return self.cli(
                list(arguments),
                manifest=manifest,
                dagster_dbt_translator=translator,
                target_path=target_dir,
            )
