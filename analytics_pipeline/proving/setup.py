"""The set-up behind every proof: points that the prover commits with (a CRS, 64 bytes a point).

    ignition      Aztec's ceremony of 2019/20: sound if one of its 176 participants was honest.
                  Production. A file that the operator names, with its SHA-256.
    development   powers of a published number: **convinces nobody**, for anybody can forge.
                  Made here, as many points as are needed.

Neither ever stands in for the other: what is missing is an error. A set-up is a folder as `bb
--crs_path` takes it. Belongs here: having the points, and being sure which they are. Does not
belong here: computing the development points (`powers`).
"""

import hashlib
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import requests

from analytics_pipeline.core.errors import SetupUnavailable
from analytics_pipeline.core.proof_document import DEVELOPMENT, IGNITION
from analytics_pipeline.proving.locks import locked
from analytics_pipeline.proving.points import BLOCK, POINT_BYTES
from analytics_pipeline.proving.toolchain import Say, silent

G1_FILE: Final = "bn254_g1.dat"
G2_FILE: Final = "bn254_g2.dat"
#: The first point of every set-up.
GENERATOR: Final = (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
_CHUNK_BYTES: Final = 2**20
_TIMEOUT_SECONDS: Final = 60
_SETTING: Final = "ANALYTICS_SETUP"


@dataclass(frozen=True)
class Trapdoor:
    """What a set-up's secret number leaves in public: it times each of the two generators."""

    #: x, y
    g1: bytes
    #: x0, x1, y0, y1 of x0 + x1·i, as bb writes it
    g2: bytes


TRAPDOORS: Final = {
    IGNITION: Trapdoor(
        bytes.fromhex(
            "2d360628289ff943ff6bd1a87bbe4e62abe7fb61ba83effd266f22bdcf31e6f9"
            "26b92a79e563c3f48252cce7feeca2f0f8d33dcb4ef7b0643bf07bd405700aaa"
        ),
        bytes.fromhex(
            "0118c4d5b837bcc2bc89b5b398b5974e9f5944073b32078b7e231fec938883b0"
            "260e01b251f6f1c7e7ff4e580791dee8ea51d87a358e038b4efe30fac09383c1"
            "22febda3c0c0632a56475b4214e5615e11e6dd3f96e6cea2854a87d4dacc5e55"
            "04fc6369f7110fe3d25156c1bb9a72859cf2a04641f99ba4ee413c80da6a5fe4"
        ),
    ),
    DEVELOPMENT: Trapdoor(
        bytes.fromhex(
            "1b534a95602559190f67053350db49426e8c099ff6eb7920d014948db0378b81"
            "252b44ac380aff8d00c968c123b1560e8e509416a330bbfc34943eae18c37575"
        ),
        bytes.fromhex(
            "2b2b742b4c6efcb4e25bf20914ca87ee317ac9b20e5abe4b323fc67e6597678d"
            "28cf5ea20cd78feebfe01490f6b24470b4ef537994ad173b05860bafbe213975"
            "2b6d8b8c986639fd4a31d4de35754c81bc470dc2fa4ba8906803a6c0a8228757"
            "2ec55cc0b55c3936d924bc7d9c47c985369f1a8c732393b2b6750eba2539af33"
        ),
    ),
}


class Setup(ABC):
    """A set-up of this machine. `folder` holds its points."""

    kind: str
    folder: Path

    @abstractmethod
    def require(self, points: int) -> Path:
        """The folder, with at least so many points in it. Raises SetupUnavailable."""

    @property
    def trapdoor(self) -> Trapdoor:
        return TRAPDOORS[self.kind]

    @property
    def points(self) -> int:
        """How many there are."""
        try:
            return (self.folder / G1_FILE).stat().st_size // POINT_BYTES
        except FileNotFoundError:
            return 0

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over what tells this set-up from others, however many points are here."""
        return hashlib.sha256(self.trapdoor.g1 + self.trapdoor.g2).digest()

    def _is_ours(self) -> bool:
        with (self.folder / G1_FILE).open("rb") as file:
            return file.read(2 * POINT_BYTES) == GENERATOR + self.trapdoor.g1

    def _write_g2(self) -> None:
        (self.folder / G2_FILE).write_bytes(self.trapdoor.g2)


def open_setup(where: str, sha256: str, cache: Path, say: Say = silent) -> Setup:
    """The set-up that the settings name.

    Args:
        where: ``development``, or path or URL of Ignition's points (`ANALYTICS_SETUP`).
        sha256: of that file, in hex (`ANALYTICS_SETUP_SHA256`).
    """
    if where == DEVELOPMENT:
        return DevelopmentSetup(cache, say)
    return IgnitionSetup(where, sha256, cache, say)


class DevelopmentSetup(Setup):
    """Points that anybody can compute, made as they are needed. They stay, whatever stops us."""

    kind = DEVELOPMENT

    def __init__(self, cache: Path, say: Say = silent) -> None:
        self.folder = cache / "setup" / DEVELOPMENT
        self._say = say

    def require(self, points: int) -> Path:
        if self.points < points or not self._is_ours():
            with locked(self.folder.with_suffix(".lock")):
                self._extend(points)
        return self.folder

    def _extend(self, points: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_g2()
        path = self.folder / G1_FILE
        path.touch()
        if self.points >= 2 and not self._is_ours():
            os.truncate(path, 0)  # not what this program made
        first = self.points
        if first >= points:
            return
        os.truncate(path, first * POINT_BYTES)  # a kill may have left part of a point
        done = first
        self._say(f"making {points - first} points of the development set-up (once)")
        with path.open("ab") as file:
            for block in _compute(first, points):
                file.write(block)
                file.flush()
                done += len(block) // POINT_BYTES
                if done < points and done % (16 * BLOCK) < BLOCK:
                    self._say(f"development set-up: {done} of {points} points")


class IgnitionSetup(Setup):
    """The ceremony's points: copied once from where the operator says, and checked."""

    kind = IGNITION

    def __init__(self, source: str, sha256: str, cache: Path, say: Say = silent) -> None:
        self.folder = cache / "setup" / f"{IGNITION}-{sha256[:16].lower()}"
        self._source, self._sha256, self._say = source, sha256.lower(), say
        # An address may hold a password.
        self._shown = source.rpartition("@")[2] if "://" in source else source
        self._checked = False

    def require(self, points: int) -> Path:
        if not self._checked:
            with locked(self.folder.with_suffix(".lock")):
                if not (self.folder / G1_FILE).is_file():
                    self._fetch()
                self._check(self.folder / G1_FILE)
            self._checked = True
        if self.points < points:
            raise SetupUnavailable(
                f"{self._shown} has {self.points} points and the circuit needs {points}: "
                f"name a longer piece of Ignition's points by {_SETTING}"
            )
        return self.folder

    def _fetch(self) -> None:
        self._say("copying Ignition's points")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_g2()
        partial = self.folder / f"{G1_FILE}.partial"
        try:
            with partial.open("wb") as file:
                for chunk in _read(self._source):
                    file.write(chunk)
            self._check(partial)
            partial.replace(self.folder / G1_FILE)
        finally:
            partial.unlink(missing_ok=True)

    def _check(self, path: Path) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            head = file.read(2 * POINT_BYTES)
        if found != self._sha256:
            raise SetupUnavailable(
                f"{self._shown} has SHA-256 {found}; {_SETTING}_SHA256 says {self._sha256}"
            )
        if path.stat().st_size % POINT_BYTES or head != GENERATOR + self.trapdoor.g1:
            raise SetupUnavailable(
                f"{self._shown} is not a piece of Ignition's points (bn254_g1.dat, 64 bytes each)"
            )


def _compute(first: int, end: int) -> Iterator[bytes]:
    """Points in order, from as many processes as there are processors."""
    workers = min(os.cpu_count() or 1, 8)
    block = max(1, min(BLOCK, -(-(end - first) // workers)))
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    children = [
        subprocess.Popen(  # noqa: S603 (fixed command)
            [
                *(sys.executable, "-m", "analytics_pipeline.proving.powers"),
                *map(str, (start, end, block, workers)),
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, **one_thread},
        )
        for start in range(first, min(first + workers * block, end), block)
    ]
    try:
        for number, start in enumerate(range(first, end, block)):
            pipe = children[number % len(children)].stdout
            assert pipe is not None  # noqa: S101
            wanted = min(block, end - start) * POINT_BYTES
            points = pipe.read(wanted)
            if len(points) != wanted:
                raise SetupUnavailable("a process that makes the development set-up was stopped")
            yield points
    finally:
        for child in children:
            child.kill()
            child.communicate()


def _read(source: str) -> Iterator[bytes]:
    try:
        if not source.startswith(("http://", "https://")):
            with Path(source).open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
            return
        with requests.get(source, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            response.raise_for_status()
            yield from response.iter_content(_CHUNK_BYTES)
    except (OSError, requests.RequestException) as error:
        # Not the message: an address may hold a password.
        raise SetupUnavailable(
            f"the points of the set-up could not be read ({type(error).__name__}): check "
            f"{_SETTING}. No other set-up takes their place"
        ) from None
