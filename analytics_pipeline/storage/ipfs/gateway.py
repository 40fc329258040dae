"""Trustless gateways: other people's HTTP servers that hand out raw blocks.

    GET <gateway>/ipfs/<cid>?format=raw     Accept: application/vnd.ipld.raw

Source: specs.ipfs.tech/http-gateways/trustless-gateway. Trust: none; a gateway learns which CIDs
are read here and can withhold them, and that is all. Redirects are refused, so that a gateway
cannot make this machine ask its own network.
"""

from urllib.parse import urlsplit

import requests
import urllib3

from analytics_pipeline.core.cid import MAX_BLOCK_BYTES, Block, verify_block
from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidSettings
from analytics_pipeline.storage.ipfs.deadlines import Timer, Transient

_MEDIA_TYPE = "application/vnd.ipld.raw"


class Gateway:
    """One trustless gateway."""

    remote = True

    def __init__(self, url: str) -> None:
        """Raises InvalidSettings when `url` is not an http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSettings("ipfs gateways", "each must be an http:// or https:// URL")
        self.name = f"gateway {parts.hostname}"
        self._base = url.rstrip("/")
        self._session = requests.Session()

    def fetch(self, cid: str, timer: Timer) -> Block:
        """One verified block. Raises ContentUnavailable or IntegrityError."""
        return timer.retry(lambda: verify_block(cid, self._download(cid, timer)))

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()

    def _download(self, cid: str, timer: Timer) -> bytes:
        try:
            with self._session.get(
                f"{self._base}/ipfs/{cid}",
                params={"format": "raw"},
                headers={"Accept": _MEDIA_TYPE, "Accept-Encoding": "identity"},
                timeout=timer.timeouts(),
                allow_redirects=False,
                stream=True,
            ) as response:
                _check_status(response.status_code)
                return self._read(cid, response, timer)
        except requests.RequestException as error:
            raise unanswered(error) from None

    def _read(self, cid: str, response: requests.Response, timer: Timer) -> bytes:
        data = bytearray()
        for piece in response.iter_content(chunk_size=64 * 1024):
            data += piece
            timer.remaining_seconds()
            if len(data) > MAX_BLOCK_BYTES:
                raise IntegrityError(f"block {cid}: {self.name} sent more than any block holds")
        stated = response.headers.get("Content-Length", "")
        if stated.isdigit() and len(data) < int(stated):
            raise Transient("the answer was truncated")
        return bytes(data)


def unanswered(error: requests.RequestException) -> ContentUnavailable:
    """Sort a transport failure: silence is final, anything else may pass. Names no URL."""
    cause = error.args[0] if error.args else None
    stalled = isinstance(error, requests.ReadTimeout) or isinstance(
        cause, urllib3.exceptions.ReadTimeoutError
    )
    if stalled:
        return ContentUnavailable("no further bytes within the deadline")
    return Transient(f"the connection failed ({type(error).__name__})")


def _check_status(status: int) -> None:
    if status >= 500 or status == 429:
        raise Transient(f"answered HTTP {status}")
    if status != 200:
        raise ContentUnavailable(f"answered HTTP {status}")
