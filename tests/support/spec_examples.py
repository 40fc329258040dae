"""The worked examples at the top of spec pages, made by the code they explain.

`python -m tests.support.spec_examples` writes them between the markers of each page; a test fails
when a page is stale. One tiny release: no videos, two regions, one provider; made-up segments, seed
and beacon.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.bundle import BUNDLE_FILES
from analytics_pipeline.core.chain_values import address_word, platform_id, word
from analytics_pipeline.core.day import day_number
from analytics_pipeline.core.erasure import build_erasures
from analytics_pipeline.core.field import MODULUS
from analytics_pipeline.core.policy import build_policy
from analytics_pipeline.core.record import CommitRecord, ReleaseRecord, parse_evidence
from analytics_pipeline.core.report import parse_report, row_proof
from analytics_pipeline.core.statement import NONCE_LABEL, build_statement, pole
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from analytics_pipeline.published.archive import open_archive
from analytics_pipeline.storage.ipfs.car_file import CarFile
from tests.support.alert_example import alert_example
from tests.support.archives import save_history
from tests.support.policy_example import policy_example
from tests.support.record_example import record_example
from tests.support.world import DAYS, World, small_manifest

BEGIN: Final = "<!-- example: made by tests/support/spec_examples.py -->\n"
END: Final = "<!-- end of example -->\n"
ROOT: Final = Path(__file__).parents[2]

_POLICY = build_policy(regions=("DE", "ZZ"), providers=("ipfs",))


WORLD: Final = World(policy=_POLICY, videos=0)
WORLD.publish(DAYS[0])
BUNDLE: Final = WORLD.bundles[DAYS[0], 1]


def _block(text: str, language: str = "") -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def report_example() -> str:
    report = parse_report(BUNDLE["report.json"])
    lines = []
    for index, leaf in enumerate(report.leaves):
        lines.append(f"leaf {index}  {leaf.decode()}")
        lines.append(f"        {merkle.leaf_hash(leaf).hex()}")
    return _block("\n".join(lines)) + (
        f"\nreport root `{canonical.hash_text(report.root)}`, "
        f"report CID `{cid_of_bytes(BUNDLE['report.json'])}`.\n"
    )


def manifest_example() -> str:
    manifest = small_manifest(DAYS[0])
    leaves = [manifest.header_json, *(segment.to_json() for segment in manifest.segments)]
    lines = []
    for index, leaf in enumerate(map(canonical.encode, leaves)):
        lines.append(f"leaf {index}  {leaf.decode()}")
        lines.append(f"        {merkle.leaf_hash(leaf).hex()}")
    return _block("\n".join(lines)) + (f"\nmanifest root `{canonical.hash_text(manifest.root)}`.\n")


def bundle_example() -> str:
    names = "\n".join(
        f"bundle/{name:14} {cid_of_bytes(BUNDLE[name])}  {len(BUNDLE[name]):5} bytes"
        for name in BUNDLE_FILES
    )
    return (
        _block(BUNDLE["bundle.json"].decode(), "json")
        + "\n"
        + _block(names + f"\nbundle/                {cid_of_directory(BUNDLE)}")
    )


def erasure_example() -> str:
    receipt = WORLD.receipt(DAYS[0], erased_at=datetime(2026, 4, 1, 3, 0, 5, tzinfo=UTC))
    erasures = build_erasures(WORLD.platform, receipt.previous, [receipt])
    return (
        "The first receipt of a platform:\n\n"
        + _block(receipt.canonical_bytes.decode(), "json")
        + f"\nits hash, the SHA-256 of these bytes: `{canonical.hash_text(receipt.digest)}`.\n"
        + "`erasures.json` of the release that publishes it is\n\n"
        + _block(erasures.canonical_bytes.decode().replace(receipt.canonical_bytes.decode(), "…"))
        + "\nwith the receipt in the place of `…`.\n"
    )


def by_hand_example() -> str:
    report = parse_report(BUNDLE["report.json"])
    proof = row_proof(report, "region", "DE", "viewers")
    shown = [f"ROW='{proof.leaf.decode()}'"]
    shown += [
        "hash_leaf() { { printf '\\000'; printf '%s' \"$1\"; } | sha256sum | cut -c1-64; }",
        'hash_node() { printf "\\\\x01$(printf %s "$1$2" | sed \'s/../\\\\x&/g\')" '
        "| sha256sum | cut -c1-64; }",
        'h=$(hash_leaf "$ROW")',
    ]
    index, last = proof.index, len(report.leaves) - 1
    for sibling in proof.siblings:
        while not index & 1 and index == last:
            index, last = index // 2, last // 2
        if index & 1:
            shown.append(f'h=$(hash_node {sibling.hex()} "$h")')
        else:
            shown.append(f'h=$(hash_node "$h" {sibling.hex()})')
        index, last = index // 2, last // 2
    shown.append('echo "0x$h"')
    return (
        _block("\n".join(shown), "bash")
        + f"\nprints the report root of the example, `{canonical.hash_text(report.root)}`.\n"
    )


def statement_example() -> str:
    commit, release = WORLD.records
    assert isinstance(commit, CommitRecord)
    assert isinstance(release, ReleaseRecord)
    rows = parse_report(BUNDLE["report.json"]).rows
    block, beacon = release.beacon_block, release.beacon
    statement = build_statement(WORLD.place, commit, block, beacon, release.report_root, rows)
    words = [
        (NONCE_LABEL, 'keccak256("viewership-noise/1")'),
        (word(WORLD.chain_id), f"chain {WORLD.chain_id}"),
        (address_word(WORLD.registry), "registry"),
        (platform_id(WORLD.platform), f'keccak256("{WORLD.platform}")'),
        (word(day_number(commit.day)), f"day {day_number(commit.day)} = {commit.day}"),
        (word(commit.revision), "revision"),
        (commit.manifest_root, "manifest root"),
        (commit.policy_hash, "policy hash"),
        (commit.tally_root, "tally root"),
        (commit.catalogue_root, "catalogue root"),
        (commit.seed_commitment, "seed commitment"),
        (word(block), "beacon block"),
        (beacon, "beacon"),
    ]
    preimage = "\n".join(f"{value.hex()}  {meaning}" for value, meaning in words)
    x = f"{word(statement.nonce).hex()}  nonce\n{release.report_root.hex()}  report root"
    shown = [row for row in rows if row.value is not None]
    poles = [
        f"({row.value:>6}, 0x{pole(*row.name):064x}),  # {' '.join(filter(None, row.name))}"
        for row in shown
    ]
    program = [
        f"r = {MODULUS}",
        f"x = 0x{statement.x:064x}",
        "rows = [  # value and pole of every row that is shown",
        *(f"    {line}" for line in poles),
        "]",
        'print(f"0x{sum(value * pow(x - pole, -1, r) for value, pole in rows) % r:064x}")',
    ]
    return (
        "The nonce is keccak256 of these thirteen words of 32 bytes, modulo r:\n\n"
        + _block(preimage, "text")
        + "\nThe challenge x is keccak256 of two words, modulo r:\n\n"
        + _block(x, "text")
        + f"\n{len(shown)} of the {len(rows)} rows are shown. With their poles they give T, in "
        + "plain Python:\n\n"
        + _block("\n".join(program), "python")
        + f"\nprints T, the `figure_sum` of the release record: `{statement.figure_sum:#066x}`.\n"
    )


def archive_example() -> str:
    with TemporaryDirectory() as folder:
        path = save_history(WORLD, Path(folder) / "history.car")
        data = path.read_bytes()
        with open_archive(path) as archive, CarFile(path) as car:
            paths = sorted(archive.paths)
            cids = {name: cid_of_bytes(archive.read(name)) for name in paths}
            root_cid = car.root
    size = data[0] + 1
    lines = [f"{name:44} {cids[name]}" for name in paths]
    folders = f"{'bundles/2026-03-01/1/':44} {cid_of_directory(BUNDLE)}"
    return (
        _block("\n".join([f"{'the root':44} {root_cid}", lines[-1], folders, *lines[:-1]]))
        + f"\nIts CAR file has {len(data)} bytes and begins with the header, {size} bytes:\n\n"
        + _block(data[:size].hex())
        + "\nThat is `0x3a`, a length of 58; in DAG-CBOR a map of `roots`, a list of one CID, and "
        + "`version`, 1.\nThe first block is the root, the last one "
        + f"`{lines[-1].split()[0]}`.\n"
    )


PAGES: Final = {
    "spec/archive.md": archive_example,
    "spec/report.md": report_example,
    "spec/manifest.md": manifest_example,
    "spec/bundle.md": bundle_example,
    "spec/erasure.md": erasure_example,
    "spec/policy.md": policy_example,
    "spec/proof.md": statement_example,
    "spec/record.md": lambda: record_example(parse_evidence(WORLD.chain_file())),
    "docs/verify.md": by_hand_example,
    "docs/alerts.md": alert_example,
}


def with_example(text: str, example: str) -> str:
    """The page with its example replaced."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + example + END + rest.split(END)[1]


if __name__ == "__main__":
    for page, make in PAGES.items():
        path = ROOT / page
        path.write_text(with_example(path.read_text(), make()))
