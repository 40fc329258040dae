"""Answers that are kept: bytes with everything that HTTP needs to give them again.

Belongs here: one answer's forms (plain, gzip), ETags, and the store with its limit. Does not belong
here: when an answer may be given (`serve.front`).
"""

import gzip
import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from analytics_pipeline.web.http import HeaderList

#: Bodies below it gain nothing by compression.
MIN_GZIP_BYTES: Final = 1024
MAX_KEPT_BYTES: Final = 64 * 2**20
#: What keeping an answer costs beside its bodies and its key: objects, headers, ETag. Most answers
#: that a stranger can ask for are empty lists.
ENTRY_BYTES: Final = 2048
_GZIP_LEVEL: Final = 5
_COMPRESSED: Final = b"application/vnd.apache.parquet"

#: What an answer was asked by; as long as a client likes to make it.
Key = tuple[str | bytes | None, ...]


@dataclass
class Answer:
    """A complete answer. ``made_from`` is the object it is true of, for as long as that is."""

    status: int
    headers: HeaderList
    body: bytes
    made_from: object = None
    etag: bytes = field(init=False)
    _gzipped: bytes | None = None

    def __post_init__(self) -> None:
        self.etag = b'"' + hashlib.sha256(self.body).hexdigest()[:32].encode() + b'"'

    def header(self, name: bytes) -> bytes:
        """A header's value; empty if it is not there."""
        return next((value for key, value in self.headers if key == name), b"")

    @property
    def size(self) -> int:
        """Bytes it takes to keep it, of both forms."""
        return len(self.body) + len(self._gzipped or b"") + ENTRY_BYTES

    @property
    def worth_gzip(self) -> bool:
        """Whether there is a smaller form."""
        return len(self.body) >= MIN_GZIP_BYTES and self.header(b"content-type") != _COMPRESSED

    @property
    def is_gzipped(self) -> bool:
        """Whether the smaller form is there."""
        return self._gzipped is not None

    def gzip(self) -> bytes:
        """The smaller form; made once."""
        if self._gzipped is None:
            self._gzipped = gzip.compress(self.body, _GZIP_LEVEL, mtime=0)
        return self._gzipped


def gzip_etag(etag: bytes) -> bytes:
    """The ETag of the smaller form: other bytes, so another one."""
    return etag[:-1] + b'-gzip"'


def matches(if_none_match: bytes, etag: bytes) -> bool:
    """Whether a client has the answer already (RFC 9110, 13.1.2: weak comparison)."""
    if if_none_match.strip() == b"*":
        return True
    tags = (tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b","))
    return etag in tags


class KeptAnswers:
    """The answers given last, up to so many bytes."""

    def __init__(self, most_bytes: int = MAX_KEPT_BYTES) -> None:
        self._most = most_bytes
        self._answers: OrderedDict[Key, tuple[Answer, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Key) -> Answer | None:
        """The answer kept under `key`."""
        found = self._answers.get(key)
        if found is None:
            return None
        self._answers.move_to_end(key)
        return found[0]

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer; the ones not asked for longest make room."""
        old = self._answers.pop(key, None)
        self._size -= old[1] if old else 0
        size = answer.size + sum(len(part) for part in key if part is not None)
        if size > self._most // 8:  # one export is not worth all figures
            return
        self._answers[key] = (answer, size)
        self._size += size
        while self._size > self._most:
            _, (_, dropped) = self._answers.popitem(last=False)
            self._size -= dropped

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()
        self._size = 0
