"""The stores of one deployment, opened when first asked for and closed together.

Belongs here: turning settings into open stores. The steps (`defs.steps`) take this object; Dagster
gets it through `defs.resources`.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from analytics_pipeline.chain.client import open_publisher
from analytics_pipeline.chain.publisher import Publisher
from analytics_pipeline.chain.registry import Registry
from analytics_pipeline.defs.proving import Proving
from analytics_pipeline.proving.toolchain import Say, silent
from analytics_pipeline.settings import Settings
from analytics_pipeline.storage.catalogue import Catalogue, open_catalogue
from analytics_pipeline.storage.ipfs import ContentStore, open_store
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.raw_day import raw_day_key


@dataclass
class Stores:
    """Lazily opened stores of the deployment that ``settings`` describe."""

    settings: Settings
    #: told in one line about work that somebody may be waiting for
    say: Say = silent

    @property
    def platform(self) -> str:
        return self.settings.platform

    @cached_property
    def catalogue(self) -> Catalogue:
        """Segments, keys, videos, releases, spends."""
        return open_catalogue(self.settings.catalogue_location)

    @cached_property
    def content(self) -> ContentStore:
        """Encrypted segments and published bundles, by CID."""
        return open_store(self.settings.ipfs_location, self.settings.ipfs_gateways)

    @cached_property
    def keyring(self) -> Keyring:
        """Wrapping keys and storage keys; whoever holds them reads the events."""
        return Keyring(self.settings.keys_dir)

    def raw_key(self, day: date) -> bytes:
        """Opens a day of the raw layer. Makes its retention key if the day has none yet: ask before
        whether the day is erased."""
        retention_key = self.keyring.retention.ensure(self.platform, day)
        return raw_day_key(self.keyring.storage_key("raw"), retention_key, self.platform, day)

    @property
    def warehouse_key(self) -> bytes:
        """Opens the warehouse."""
        return self.keyring.storage_key("warehouse")

    @cached_property
    def publisher(self) -> Publisher:
        """Appends records for this platform; on the embedded chain everything is set up on first
        use."""
        settings = self.settings
        return open_publisher(
            settings.chain_location,
            settings.platform,
            settings.outbox_path,
            registry=settings.registry,
            key_file=settings.publisher_key_file,
            confirmations=settings.confirmations,
        )

    @cached_property
    def proving(self) -> Proving:
        """The prover, its set-up, and what checks proofs here."""
        return Proving(self.settings, lambda line: self.say(line))

    @property
    def registry(self) -> Registry:
        """The contract all records are in."""
        return self.publisher.registry

    def close(self) -> None:
        """Close what was opened."""
        opened = {name: self.__dict__.pop(name, None) for name in ("catalogue", "content")}
        publisher: Publisher | None = self.__dict__.pop("publisher", None)
        for name in ("keyring", "proving"):
            self.__dict__.pop(name, None)
        if publisher is not None:
            publisher.close()
        for store in opened.values():
            if store is not None:
                store.close()
