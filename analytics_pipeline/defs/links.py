"""Where people find what a release left outside: dashboard, IPFS, block explorer.

Belongs here: addresses made of settings and public names. Nothing is asked or opened.
"""

from datetime import date
from typing import Any

import dagster as dg

from analytics_pipeline.settings import Settings


def day_links(settings: Settings, day: date, bundle_cid: str) -> dict[str, Any]:
    """Of a bundle and the day it is about."""
    links = {"bundle_link": f"ipfs://{bundle_cid}"}
    if settings.ipfs_gateways:
        links["bundle_at_gateway"] = f"{settings.ipfs_gateways[0].rstrip('/')}/ipfs/{bundle_cid}"
    links["dashboard"] = f"{settings.dashboard_location}/days/{day}"
    return _urls(links)


def chain_links(settings: Settings, registry: str, block_number: int | None) -> dict[str, Any]:
    """Of a record; none on the embedded chain, which no explorer shows."""
    if not settings.explorer_url or not settings.chain:
        return {}
    links = {"registry_in_explorer": f"{settings.explorer_url}/address/{registry}"}
    if block_number is not None:
        links["block_in_explorer"] = f"{settings.explorer_url}/block/{block_number}"
    return _urls(links)


def _urls(links: dict[str, str]) -> dict[str, Any]:
    return {name: dg.MetadataValue.url(url) for name, url in links.items()}
