"""One IPFS node's RPC API through `ipfshttpclient` 0.7: requests, answers, failures.

The client is built directly, since `connect()` refuses current Kubo versions. Of its calls only
those that Kubo still has are used: add, block, pin, dag/import. Traps met here:

- `cid_version=1` alone sends raw-leaves=false; all parameters of the profile are spelt out.
- A stream that ends early can look complete (X-Stream-Error comes in a trailer nobody reads), so a
  block that does not match is compared with the size the node states: too short is truncation and
  may be asked for again, anything else is a lie and is not.
- An abort in mid-stream raises errors of requests, not of ipfshttpclient.
- Kubo answers HTTP 500 to everything, "not pinned" included; only the message tells.

Trust: the RPC port is full control over the node; bind it to loopback or put TLS and
`API.Authorizations` before it.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import ipfshttpclient  # type: ignore[import-untyped]
import requests
from ipfshttpclient import exceptions

from analytics_pipeline.core.cid import MAX_BLOCK_BYTES, Block, verify_block
from analytics_pipeline.core.errors import ContentUnavailable, IntegrityError, InvalidSettings
from analytics_pipeline.core.unixfs import CHUNK_BYTES, MAX_LINKS
from analytics_pipeline.storage.ipfs.deadlines import Timer, Transient
from analytics_pipeline.storage.ipfs.gateway import unanswered

#: The profile unixfs-v1-2025 in the words of `POST /api/v0/add`.
_ADD_PROFILE: Final[Mapping[str, Any]] = {
    "cid_version": 1,
    "raw_leaves": True,
    "chunker": f"size-{CHUNK_BYTES}",
}
_ADD_OPTIONS: Final[Mapping[str, Any]] = {"max-file-links": MAX_LINKS, "cid-base": "base32"}
#: `version` and `format` are what nodes older than Kubo 0.14, and js-ipfs, call the codec.
_BLOCK_OPTIONS: Final[Mapping[str, Any]] = {
    "cid-codec": "dag-pb",
    "mhtype": "sha2-256",
    "version": 1,
}
_FINAL_REFUSALS: Final = ("not pinned", "pinned indirectly", "not found", "could not find")

# ipfshttpclient 0.7 hands urllib3 2 an argument it no longer needs; harmless below urllib3 3.
warnings.filterwarnings("ignore", "The 'strict' parameter", FutureWarning, r"urllib3\.poolmanager")


class NodeRefused(ContentUnavailable):
    """The node answered, and its answer was no; `message` is the node's."""

    def __init__(self, message: str) -> None:
        super().__init__(f"refused: {message[:200]!r}")
        self.message = message


class Node:
    """A node's RPC API. A source of verified blocks, and the calls a store needs."""

    remote = True

    def __init__(self, location: str) -> None:
        """Raises InvalidSettings when `location` is neither http(s) URL nor multiaddr."""
        address, base, auth, self.name = _parse_location(location)
        try:
            self._client = ipfshttpclient.Client(address, base, session=True, auth=auth)
        except exceptions.AddressError:
            raise InvalidSettings("ipfs location", "is no address of an HTTP API") from None

    def close(self) -> None:
        """Close pooled connections."""
        self._client.close()

    def fetch(self, cid: str, timer: Timer, *, offline: bool = False) -> Block:
        """One verified block. Raises ContentUnavailable or IntegrityError."""

        def attempt() -> Block:
            data = self._read_block(cid, timer, offline)
            try:
                return verify_block(cid, data)
            except IntegrityError:
                if self._stated_size(cid, timer) > len(data):
                    raise Transient("the answer was truncated") from None
                raise

        return timer.retry(attempt)

    def has_block(self, cid: str, timer: Timer) -> bool:
        """Whether the node holds the block itself."""
        try:
            self._ask("Key", timer, lambda: self._stat(cid, timer, offline=True))
        except NodeRefused:
            return False
        return True

    def add(self, data: bytes, timer: Timer, *, pin: bool) -> str:
        """Add a file and return the CID the node gave it, unchecked."""

        def call() -> Any:
            opts = dict(_ADD_OPTIONS)
            file = io.BytesIO(data)
            return self._client.add(file, pin=pin, opts=opts, **_ADD_PROFILE, **_patient(timer))

        return str(self._ask("Hash", timer, call))

    def put_dag_pb(self, data: bytes, timer: Timer) -> str:
        """Store one dag-pb block and return the CID the node gave it, unchecked."""

        def call() -> Any:
            opts = dict(_BLOCK_OPTIONS)
            return self._client.block.put(io.BytesIO(data), opts=opts, **_patient(timer))

        return str(self._ask("Key", timer, call))

    def import_car(self, path: Path, timer: Timer) -> None:
        """Upload a CAR file; its roots get pinned."""

        def call() -> Any:
            with path.open("rb") as file:
                return self._client.dag.imprt(file, **_patient(timer))

        self._ask("Root", timer, call)

    def pin(self, cid: str, timer: Timer) -> None:
        """Pin recursively; the node fetches what it lacks, within the deadline."""
        self._ask("Pins", timer, lambda: self._client.pin.add(cid, **_patient(timer)))

    def unpin(self, cid: str, timer: Timer) -> None:
        """Remove a recursive pin, if there is one."""
        try:
            self._ask("Pins", timer, lambda: self._client.pin.rm(cid, **_patient(timer)))
        except NodeRefused as refusal:
            if "pinned" not in refusal.message:
                raise

    def is_pinned(self, cid: str, timer: Timer) -> bool:
        """Whether the node lists a recursive pin of this very CID."""
        try:
            return cid in self._pins(timer, cid)
        except NodeRefused as refusal:
            if "pinned" not in refusal.message:
                raise
            return False

    def pins(self, timer: Timer) -> list[str]:
        """All recursive pins, in whatever form the node writes them."""
        return self._pins(timer)

    def _pins(self, timer: Timer, *cids: str) -> list[str]:
        # About given CIDs the answer is to be spelt as asked; a list may hold CIDv0, which have
        # no spelling in base32.
        opts = {"cid-base": "base32"} if cids else {}

        def call() -> Any:
            return self._client.pin.ls(*cids, type="recursive", opts=opts, **_patient(timer))

        return list(self._ask("Keys", timer, call))

    def _stat(self, cid: str, timer: Timer, *, offline: bool) -> Any:
        return self._client.block.stat(cid, offline=offline, **_quick(timer))

    def _ask(self, field: str, timer: Timer, call: Callable[[], Any]) -> Any:
        """One field of a JSON answer; transient failures are asked again."""

        def attempt() -> Any:
            with _translated():
                return call().as_json()[field]

        return timer.retry(attempt)

    def _read_block(self, cid: str, timer: Timer, offline: bool) -> bytes:
        data = bytearray()
        with (
            _translated(),
            self._client.block.get(cid, stream=True, offline=offline, **_quick(timer)) as pieces,
        ):
            for piece in pieces:
                data += piece
                timer.remaining_seconds()
                if len(data) > MAX_BLOCK_BYTES:
                    raise IntegrityError(f"block {cid}: {self.name} sent more than any block holds")
        return bytes(data)

    def _stated_size(self, cid: str, timer: Timer) -> int:
        with _translated():
            return int(self._stat(cid, timer, offline=False)["Size"])


def _quick(timer: Timer) -> dict[str, Any]:
    return {"timeout": timer.timeouts()}


def _patient(timer: Timer) -> dict[str, Any]:
    return {"timeout": timer.patient_timeouts()}


@contextmanager
def _translated() -> Iterator[None]:
    """Turn every way the client can fail into ContentUnavailable, Transient where it may pass."""
    try:
        yield
    except exceptions.ErrorResponse as error:
        message = str(error)
        if _status(error) < 500 or any(word in message for word in _FINAL_REFUSALS):
            raise NodeRefused(message) from None
        raise Transient(f"failed: {message[:200]!r}") from None
    except exceptions.StatusError as error:
        status = _status(error)
        kind = Transient if status >= 500 else ContentUnavailable
        raise kind(f"answered HTTP {status}") from None
    except exceptions.TimeoutError as error:
        if isinstance(error.original, requests.ConnectTimeout):
            raise Transient("the connection timed out") from None
        raise ContentUnavailable("no answer within the deadline") from None
    except exceptions.CommunicationError as error:
        raise Transient(f"the connection failed ({type(error.original).__name__})") from None
    except requests.RequestException as error:
        raise unanswered(error) from None
    except (exceptions.Error, AssertionError, AttributeError, KeyError, TypeError) as error:
        raise ContentUnavailable(f"answered something else ({type(error).__name__})") from None


def _status(error: Any) -> int:
    response = getattr(error.original, "response", None)
    return int(getattr(response, "status_code", 500))


def _parse_location(location: str) -> tuple[str, str, tuple[str, str] | None, str]:
    """(multiaddr, base path, basic auth, name for messages) of a URL or multiaddr."""
    if location.startswith("/"):
        return location, "api/v0", None, f"node {location}"
    parts = urlsplit(location)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (KeyError, ValueError):
        raise InvalidSettings("ipfs location", "must be an http:// or https:// URL") from None
    host = parts.hostname or ""
    kind = "ip6" if ":" in host else "ip4" if host.replace(".", "").isdigit() else "dns"
    base = f"{parts.path.strip('/')}/api/v0".lstrip("/")
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}", base, auth, f"node {host}:{port}"
