"""The committed bundle is what the sources build to, and HPKE is the RFC's."""

import filecmp
import gzip
import json
import re
from pathlib import Path

import pytest

from analytics_pipeline.core.day import MS_PER_DAY
from analytics_pipeline.core.event import parse_event
from analytics_pipeline.core.policy import Bounds
from tests.chain.node_tools import node_command, npm_command
from tests.sdk.support import SDK, install_sdk, run_in

PAGE = SDK.parent / "docs" / "sdk.md"
MAX_GZIP_BYTES = 11 * 1024


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_sdk(tmp_path_factory.mktemp("sdk"))


@pytest.mark.node
def test_a_rebuild_gives_the_same_bytes(installed: Path) -> None:
    """`npm ci && npm run build` in a fresh copy reproduces dist/ byte for byte."""
    committed = sorted(path.relative_to(SDK) for path in (SDK / "dist").rglob("*.*"))
    for path in committed:
        (installed / path).unlink()
    run_in(installed, *npm_command(), "run", "build")
    rebuilt = sorted(path.relative_to(installed) for path in (installed / "dist").rglob("*.*"))
    assert rebuilt == committed
    for path in committed:
        assert filecmp.cmp(installed / path, SDK / path, shallow=False), path


@pytest.mark.node
def test_types_rfc_9180_vectors_and_counting(installed: Path) -> None:
    """The type checker is content, the key schedule and ciphertext equal RFC 9180 A.2.1, and a
    device counts its day as it should, also over midnight."""
    run_in(installed, *npm_command(), "run", "check")
    run_in(installed, *node_command(), "build.mjs", "--tests")
    output = run_in(installed, *node_command(), "--test", "build/")
    assert re.search(r"^# pass 12$|^ℹ pass 12$", output, re.MULTILINE), output


def test_the_bundle_is_small() -> None:
    """A page pays less than 11 KiB (gzip) for either form of the bundle, as its page says."""
    for name in ("analytics.mjs", "analytics.js"):
        assert len(gzip.compress((SDK / "dist" / name).read_bytes())) < MAX_GZIP_BYTES
    assert f"at most {MAX_GZIP_BYTES // 1024} KiB" in PAGE.read_text("utf-8")


def test_the_bundle_keeps_one_entry_and_asks_nothing_else() -> None:
    """No cookie, wallet, fingerprint API or other storage appears anywhere in the bundle; the one
    entry of localStorage is read in one place and written in one."""
    text = (SDK / "dist" / "analytics.mjs").read_text("utf-8")
    for name in ("cookie", "sessionStorage", "indexedDB", "caches", "ethereum", "userAgent"):
        assert name not in text
    assert text.count("localStorage") == 2
    assert text.count("localStorage.getItem") == text.count("localStorage.setItem") == 1


def test_device_and_operator_have_the_same_bounds() -> None:
    """What a device counts of its day is what the policy lets a viewer-day contribute."""
    source = (SDK / "src" / "aggregate.ts").read_text("utf-8")
    stated = {
        name: int(value.replace("_", ""))
        for name, value in re.findall(r"^export const (\w+) = ([\d_]+);", source, re.MULTILINE)
    }
    bounds = Bounds()
    assert stated["VIDEOS_PER_DAY"] == bounds.videos_per_viewer_day
    assert stated["MS_PER_VIDEO"] == 1000 * bounds.seconds_per_video
    assert stated["MS_PER_DAY"] == 1000 * bounds.seconds_per_day


def test_the_lockfile_names_no_download_host() -> None:
    """Installing takes packages from the configured registry and checks their hashes."""
    lock = json.loads((SDK / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]


def test_the_summary_of_the_page_is_one() -> None:
    """The example passes the sealer's parser, and its time is a midnight."""
    example = PAGE.read_text("utf-8").split("```json\n")[1].split("```")[0]
    event = parse_event(json.loads(example))
    assert event.type == "summary"
    assert event.at_ms % MS_PER_DAY == 0
    assert len(event.session_id) == 22
