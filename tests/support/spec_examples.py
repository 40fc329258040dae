"""The worked examples at the top of spec pages, made by the code they explain.

`python -m tests.support.spec_examples` writes them between the markers of each page; a test fails
when a page is stale. One tiny release: no videos, two regions, made-up segments, fixed noise.
"""

from pathlib import Path
from typing import Final

from analytics_pipeline.core import canonical, merkle
from analytics_pipeline.core.bundle import BUNDLE_FILES
from analytics_pipeline.core.policy import DEFAULT_POLICY, build_policy
from analytics_pipeline.core.report import parse_report, row_proof
from analytics_pipeline.core.unixfs import cid_of_bytes, cid_of_directory
from tests.support.world import DAYS, Lies, World, small_manifest

BEGIN: Final = "<!-- example: made by tests/support/spec_examples.py -->\n"
END: Final = "<!-- end of example -->\n"
ROOT: Final = Path(__file__).parents[2]

_POLICY = build_policy(regions=("DE", "ZZ"))


def _release() -> dict[str, bytes]:
    world = World(policy=_POLICY)
    few = Lies(rows=lambda rows: [row for row in rows if row.scope in ("platform", "region")])
    world.publish(DAYS[0], lies=few)
    return world.bundles[DAYS[0], 1]


BUNDLE: Final = _release()


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


def policy_example() -> str:
    lines = [
        "| query | share | ρ | Δ₂² | σ | shown from | 95 % error |",
        "|---|---|---|---|---|---|---|",
    ]
    total, cap = DEFAULT_POLICY.rho_nano_per_release, DEFAULT_POLICY.rho_nano_per_day
    for query in DEFAULT_POLICY.queries:
        lines.append(
            f"| {query.name} | {query.rho_nano * 100 // total} % | {query.rho_nano / 1e9:.8g} "
            f"| {query.sensitivity_squared} | {query.sigma} | {query.threshold} "
            f"| ± {query.error_95} |"
        )
    epsilon = DEFAULT_POLICY.to_json()["epsilon"]
    return (
        "\n".join(lines)
        + f"\n\nρ {total / 1e9:g} a release, at most {cap / 1e9:g} a day. "
        + f"At δ = 1e-6 that is ε = **{epsilon['per_release']}** for a viewer's day released once, "
        + f"{epsilon['per_day_at_most']} if it was corrected, **{epsilon['per_30_days']}** for a "
        + "viewer who comes back on 30 days "
        + f"({epsilon['per_30_days_at_most']} if every one of them was corrected).\n\n"
        + f"policy hash `{canonical.hash_text(DEFAULT_POLICY.policy_hash)}`\n"
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


PAGES: Final = {
    "spec/report.md": report_example,
    "spec/manifest.md": manifest_example,
    "spec/bundle.md": bundle_example,
    "spec/policy.md": policy_example,
    "docs/verify.md": by_hand_example,
}


def with_example(text: str, example: str) -> str:
    """The page with its example replaced."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + example + END + rest.split(END)[1]


if __name__ == "__main__":
    for page, make in PAGES.items():
        path = ROOT / page
        path.write_text(with_example(path.read_text(), make()))
