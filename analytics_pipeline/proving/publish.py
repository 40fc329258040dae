"""Building what is published of every circuit: `python -m analytics_pipeline.proving.publish`.

Writes an artifact (verification key, verifier contract) of every circuit of the published shapes
under the development set-up into the package, and the table of circuits that verifiers believe
(`core/circuits.json`). To be run after any change of a circuit, a policy or the prover; the same
sources give the same bytes. `--check` compares instead of writing.
"""

import argparse
import sys
from pathlib import Path

from analytics_pipeline.core.circuits import MAIN, SHARD, Circuit, build_circuits
from analytics_pipeline.proving.artifacts import Artifact, ArtifactStore, build_document
from analytics_pipeline.proving.circuits import CircuitSource, published_shapes, sources
from analytics_pipeline.proving.setup import DevelopmentSetup
from analytics_pipeline.proving.toolchain import Toolchain

_PACKAGE = Path(__file__).parent.parent


def describe(source: CircuitSource, artifact: Artifact) -> Circuit:
    """The row of a circuit in the table of those that are believed."""
    shape, is_main = source.shape, source.role == MAIN
    return Circuit(
        shape=source.name,
        role=source.role,
        policy_hash=shape.policy.policy_hash,
        setup=artifact.setup,
        verification_key=artifact.key_hash,
        verifier_code=artifact.verifier_code,
        rows=shape.rows if is_main else shape.shard_rows,
        videos=shape.videos if is_main else 0,
        creators=shape.creators if is_main else 0,
        shards=shape.shards if is_main else 0,
        shard_shape=shape.shard_name if is_main and shape.shards else None,
    )


def build_all(cache: Path) -> dict[Path, bytes]:
    """Every file that is published, by its path in the package."""
    setup = DevelopmentSetup(cache, print)
    store = ArtifactStore(cache, Toolchain(cache, say=print), setup)
    found = {source.name: source for s in published_shapes().values() for source in sources(s)}
    files, rows = {}, []
    for name, source in found.items():
        artifact = store.rebuild(name, source.program)
        print(f"{name}: {artifact.gates} gates, {source.role} circuit")
        files[_PACKAGE / "proving" / "artifacts" / setup.kind / f"{name}.json"] = build_document(
            artifact
        )
        rows.append(describe(source, artifact))
    rows.sort(key=lambda row: (row.role == SHARD, row.rows, row.shape))
    files[_PACKAGE / "core" / "circuits.json"] = build_circuits(rows)
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with what is there")
    parser.add_argument("--cache", type=Path, required=True, help="folder for tools and points")
    options = parser.parse_args()
    files = build_all(options.cache)
    folder = _PACKAGE / "proving" / "artifacts" / DevelopmentSetup.kind
    stale = [path for path in folder.glob("*.json") if path not in files]
    differing = [p for p, data in files.items() if not p.exists() or p.read_bytes() != data]
    if options.check:
        for path in [*differing, *stale]:
            print(f"differs: {path.relative_to(_PACKAGE)}", file=sys.stderr)
        return int(bool(differing or stale))
    for path in stale:
        path.unlink()
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])
    print(f"{len(differing)} files written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
