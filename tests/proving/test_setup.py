"""The set-up is the one that was asked for, or there is none."""

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from py_ecc.optimized_bn128 import FQ, FQ2, G1, G2, multiply, normalize, pairing

from analytics_pipeline.core.errors import SetupUnavailable
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.proof_document import DEVELOPMENT, IGNITION
from analytics_pipeline.proving.points import POINT_BYTES
from analytics_pipeline.proving.powers import TRAPDOOR, compute_powers
from analytics_pipeline.proving.setup import (
    G1_FILE,
    G2_FILE,
    GENERATOR,
    TRAPDOORS,
    DevelopmentSetup,
    IgnitionSetup,
    open_setup,
)

_IGNITION_START = GENERATOR + TRAPDOORS[IGNITION].g1


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32)]


def _expected(number: int) -> bytes:
    """A development point by another implementation of the curve."""
    x, y = normalize(multiply(G1, pow(TRAPDOOR, number, MODULUS)))
    return b"".join(int(value).to_bytes(32, "big") for value in (x, y))


def test_points_are_powers_of_the_published_number() -> None:
    """Compared with py_ecc, at the edges of blocks too."""
    points = b"".join(compute_powers(0, 250, block=100))
    for number in (0, 1, 2, 99, 100, 101, 199, 200, 249):
        found = points[number * POINT_BYTES : (number + 1) * POINT_BYTES]
        assert found == _expected(number), number


def test_several_processes_share_the_blocks() -> None:
    """Every third block of three processes, one after the other, is what one makes."""
    alone = b"".join(compute_powers(7, 60, block=5))
    shares = [list(compute_powers(7 + 5 * i, 60, block=5, stride=3)) for i in range(3)]
    together = [shares[number % 3][number // 3] for number in range(11)]
    assert b"".join(together) == alone


@pytest.mark.parametrize("kind", [IGNITION, DEVELOPMENT])
def test_trapdoor_is_the_same_in_both_groups(kind: str) -> None:
    """e(τ·G1, G2) = e(G1, τ·G2)."""
    trapdoor = TRAPDOORS[kind]
    x, y = _words(trapdoor.g1)
    x0, x1, y0, y1 = _words(trapdoor.g2)
    in_g2 = (FQ2([x0, x1]), FQ2([y0, y1]), FQ2.one())
    assert pairing(G2, (FQ(x), FQ(y), FQ(1))) == pairing(in_g2, G1)


def test_ignitions_numbers_are_those_that_others_keep() -> None:
    """SHA-256 of `bn254_g2.dat` as other projects have it in their repositories (co-snarks)."""
    assert _sha256(TRAPDOORS[IGNITION].g2) == (
        "01797bfc4de5a96f0e516a9ea4537d18786dc30cb991aca4274c95822b69c32f"
    )


def test_development_points_grow_as_needed(tmp_path: Path) -> None:
    """What is there stays; a piece of a point that a kill left is made anew."""
    setup = DevelopmentSetup(tmp_path)
    folder = setup.require(50)
    assert setup.points == 50
    assert (folder / G2_FILE).read_bytes() == TRAPDOORS[DEVELOPMENT].g2
    os.truncate(folder / G1_FILE, 30 * POINT_BYTES + 7)
    said: list[str] = []
    DevelopmentSetup(tmp_path, said.append).require(80)
    assert said[0] == "making 50 points of the development set-up (once)"
    expected = b"".join(compute_powers(0, 80))
    assert (folder / G1_FILE).read_bytes() == expected
    assert setup.require(40) == folder
    assert setup.points == 80


def test_foreign_points_in_the_cache_are_not_used(tmp_path: Path) -> None:
    """A file of another set-up in the development folder is replaced."""
    setup = DevelopmentSetup(tmp_path)
    setup.folder.mkdir(parents=True)
    (setup.folder / G1_FILE).write_bytes(_IGNITION_START * 10)
    setup.require(20)
    assert (setup.folder / G1_FILE).read_bytes() == b"".join(compute_powers(0, 20))


def test_set_ups_say_what_they_are(tmp_path: Path) -> None:
    """Only one convinces anybody; their digests differ."""
    development = open_setup("development", "", tmp_path)
    ignition = open_setup("/points", "aa" * 32, tmp_path)
    assert (development.kind, ignition.kind) == (DEVELOPMENT, IGNITION)
    assert development.digest != ignition.digest


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_ignition_points_come_from_a_file(tmp_path: Path) -> None:
    """Copied, checked, kept: afterwards the file may go."""
    source = tmp_path / "points"
    source.write_bytes(_IGNITION_START)
    setup = IgnitionSetup(str(source), _sha256(_IGNITION_START), tmp_path / "cache")
    folder = setup.require(2)
    assert (folder / G1_FILE).read_bytes() == _IGNITION_START
    assert (folder / G2_FILE).read_bytes() == TRAPDOORS[IGNITION].g2
    source.unlink()
    again = IgnitionSetup(str(source), _sha256(_IGNITION_START), tmp_path / "cache")
    assert again.require(2) == folder


def test_too_few_points_name_both_numbers(tmp_path: Path) -> None:
    """bb would fetch others from the internet; so it is not asked."""
    source = tmp_path / "points"
    source.write_bytes(_IGNITION_START)
    setup = IgnitionSetup(str(source), _sha256(_IGNITION_START), tmp_path / "cache")
    with pytest.raises(SetupUnavailable, match="has 2 points and the circuit needs 4096"):
        setup.require(4096)


@pytest.mark.parametrize("cached", [False, True])
def test_another_checksum_is_refused(tmp_path: Path, cached: bool) -> None:
    """Also when the copy in the cache was altered afterwards. Nothing takes its place."""
    source = tmp_path / "points"
    source.write_bytes(_IGNITION_START)
    promised = _sha256(_IGNITION_START)
    setup = IgnitionSetup(str(source), promised, tmp_path / "cache")
    if cached:
        setup.require(2)
        (setup.folder / G1_FILE).write_bytes(_IGNITION_START * 2)
        setup = IgnitionSetup(str(source), promised, tmp_path / "cache")
    else:
        source.write_bytes(_IGNITION_START * 2)
    with pytest.raises(SetupUnavailable, match=f"SHA-256 says {promised}|SHA256 says {promised}"):
        setup.require(2)
    assert cached or setup.points == 0


def test_development_points_do_not_pass_for_ignition(tmp_path: Path) -> None:
    """Whoever names them with their own checksum is told."""
    points = b"".join(compute_powers(0, 100))
    source = tmp_path / "points"
    source.write_bytes(points)
    setup = IgnitionSetup(str(source), _sha256(points), tmp_path / "cache")
    with pytest.raises(SetupUnavailable, match="not a piece of Ignition's points"):
        setup.require(2)
    assert setup.points == 0


@pytest.mark.parametrize(
    "source", ["/nowhere/points", "http://user:hunter2@127.0.0.1:9/bn254_g1.dat"]
)
def test_missing_points_are_an_error_that_keeps_passwords(tmp_path: Path, source: str) -> None:
    """No fallback: the folder stays without points."""
    setup = open_setup(source, "ab" * 32, tmp_path)
    with pytest.raises(SetupUnavailable, match="No other set-up takes their place") as caught:
        setup.require(2)
    assert "hunter2" not in str(caught.value)
    assert setup.points == 0
    assert not (tmp_path / "setup" / DEVELOPMENT).exists()


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[str]:
    """Serves tmp_path/site."""
    (tmp_path / "site").mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_ignition_points_come_from_a_server(tmp_path: Path, web_server: str) -> None:
    """Streamed and checked; a page that says "not found" is not taken for points."""
    (tmp_path / "site" / "g1").write_bytes(_IGNITION_START)
    digest = _sha256(_IGNITION_START)
    assert IgnitionSetup(f"{web_server}/g1", digest, tmp_path / "cache").require(2).is_dir()
    with pytest.raises(SetupUnavailable, match="HTTPError"):
        IgnitionSetup(f"{web_server}/g2", digest, tmp_path / "other").require(2)
