"""The dashboard's files, read once at start; index.html for every page of it.

Belongs here: which file answers a path, and the headers that keep pages from being abused. Does not
belong here: building them (`dashboard/`).
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analytics_pipeline.serve.kept import gzip_etag
from analytics_pipeline.web.http import HeaderList

INDEX: Final = "/index.html"
BADGE: Final = "/badge.html"
#: names below it carry a hash of their content
_HASHED: Final = "/assets/"
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml"}
#: Scripts and styles are ours alone; connections go to any node or gateway, for visitors choose
#: their own to verify with.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self' http: https:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors {ancestors}"
)


@dataclass(frozen=True)
class StaticFile:
    """A file with its headers, as it is and compressed."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    etag: bytes
    gzipped: bytes

    def choose(self, accepted: bytes) -> tuple[bytes, bytes, HeaderList]:
        """Body, ETag and headers for a client that accepts these content codings."""
        headers = list(self.headers)
        if b"gzip" not in accepted or len(self.gzipped) >= len(self.body):
            return self.body, self.etag, headers
        return self.gzipped, gzip_etag(self.etag), [*headers, (b"content-encoding", b"gzip")]


class StaticFiles:
    """All files below a folder, by path."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, StaticFile] = {}
        if not folder.is_dir():
            return
        found = {path for path in folder.rglob("*") if path.is_file()}
        for path in sorted(found):
            if not path.name.startswith("."):
                name = f"/{path.relative_to(folder).as_posix()}"
                self._files[name] = _load(path, name)

    def find(self, path: str, *, page: bool) -> StaticFile | None:
        """The file that answers a path: itself, or index.html where a page is wanted."""
        found = self._files.get(INDEX if path == "/" else path)
        return self._files.get(INDEX) if found is None and page else found


def _load(path: Path, name: str) -> StaticFile:
    body = path.read_bytes()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    media_type = kind or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    etag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'
    return StaticFile(body, tuple(_headers(name, media_type)), etag, gzip.compress(body, mtime=0))


def _headers(name: str, media_type: str) -> HeaderList:
    caching = "max-age=31536000, immutable" if name.startswith(_HASHED) else "no-cache"
    headers = [
        ("content-type", media_type),
        ("cache-control", f"public, {caching}"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("vary", "Accept-Encoding"),
        # a badge loads its script and asks this API from whatever page it stands on
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "*"),
    ]
    if media_type.startswith("text/html"):
        ancestors = "*" if name == BADGE else "'none'"
        headers.append(("content-security-policy", _POLICY.format(ancestors=ancestors)))
        headers.append(("permissions-policy", "camera=(), geolocation=(), microphone=()"))
    return [(key.encode(), value.encode()) for key, value in headers]
