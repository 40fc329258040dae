"""What every route has at hand: the snapshot, the access rules, the proof trees.

Belongs here: the state of the process, and the one place where the snapshot is swapped. Does not
belong here: the loop that reads (`serve.server`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from analytics_pipeline.core.errors import KeyUnavailable, StoreError
from analytics_pipeline.serve.access import Access
from analytics_pipeline.serve.snapshot import Content, Snapshot
from analytics_pipeline.serve.views import FigureMaker, Proofs, Trees
from analytics_pipeline.storage.alerts import AlertStore
from analytics_pipeline.storage.webhook_keys import WebhookKeys, load_webhook_keys

#: the dashboard as it is built
STATIC: Final = Path(__file__).with_name("static")


@dataclass
class ReadService:
    """The state of the process.

    Args:
        catalogue_location: of the operator's counts.
        rpc_urls, gateways: offered to visitors who verify.
        chain_file: of the embedded chain, which has no JSON-RPC but ours; None: another chain.
        alerts_path: of the alert rules.
        keys_dir: whose public webhook keys are shown.
    """

    snapshot: Snapshot
    access: Access
    catalogue_location: str
    rpc_urls: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    chain_file: Path | None = None
    alerts_path: Path | None = None
    keys_dir: Path | None = None
    static_dir: Path = STATIC
    trees: Trees = field(default_factory=Trees)

    @cached_property
    def alerts(self) -> AlertStore:
        """The alert rules, made when they are first asked for. Raises StoreError."""
        if self.alerts_path is None:
            raise StoreError("this process keeps no alert rules")
        return AlertStore(self.alerts_path)

    def webhook_keys(self, now: datetime) -> WebhookKeys:
        """The public keys of alert calls. Raises KeyUnavailable."""
        if self.keys_dir is None:
            raise KeyUnavailable("this process has no keys")
        return load_webhook_keys(self.keys_dir, now)

    @property
    def content(self) -> Content:
        """The index as of now; a request takes it once."""
        return self.snapshot.content

    def replace_snapshot(self, snapshot: Snapshot) -> None:
        """Swap what requests are answered from."""
        self.snapshot = snapshot

    def figures(self, proofs: Proofs | None) -> FigureMaker:
        """A maker of figures with their proofs inline, unless asked otherwise."""
        return FigureMaker(self.trees, proofs or Proofs.INLINE)
