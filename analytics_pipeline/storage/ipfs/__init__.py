"""IPFS: content by CID, verified on every read (`docs/ipfs.md`).

Belongs here: where blocks live and how they travel. What a CID is and which blocks a file consists
of is `core.cid` and `core.unixfs`. Content is published for ever; whoever writes personal data
here must have encrypted it.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from analytics_pipeline.storage.ipfs.contract import ContentStore
from analytics_pipeline.storage.ipfs.deadlines import Deadlines
from analytics_pipeline.storage.ipfs.embedded import EmbeddedStore
from analytics_pipeline.storage.ipfs.fetch import BlockSource
from analytics_pipeline.storage.ipfs.flatfs import FlatfsBlocks

__all__ = ["ContentStore", "Deadlines", "EmbeddedStore", "open_store"]

_NODE = re.compile(r"https?://|/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\d+")


def open_store(
    location: str | Path,
    gateways: Sequence[str] = (),
    *,
    local: Path | None = None,
    deadlines: Deadlines | None = None,
) -> ContentStore:
    """Open the store a deployment names.

    Args:
        location: a folder (embedded store), or the RPC API of a node as URL
            (`http://127.0.0.1:5001`, `https://user:password@host/prefix`) or multiaddr.
        gateways: URLs of trustless gateways, asked in order for blocks found nowhere else.
        local: with a node only, a folder that keeps copies and is read before the node.
        deadlines: how long remote sources may take.
    Raises:
        InvalidSettings: an address that is none, or a folder laid out in another way.
    """
    # libraries of remote sources take a while to import, and few readers ask any
    fallbacks: list[BlockSource] = []
    if gateways:
        from analytics_pipeline.storage.ipfs.gateway import Gateway

        fallbacks += map(Gateway, gateways)
    if isinstance(location, str) and _NODE.match(location):
        from analytics_pipeline.storage.ipfs.kubo import KuboStore
        from analytics_pipeline.storage.ipfs.node import Node

        blocks = None if local is None else FlatfsBlocks(local / "blocks")
        return KuboStore(Node(location), fallbacks, blocks, deadlines)
    return EmbeddedStore(Path(location), fallbacks, deadlines)
