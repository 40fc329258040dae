"""A `World` written down as a whole history, in a folder or a CAR file."""

from pathlib import Path

from analytics_pipeline.core.bundle import CHAIN_FILE, history_folder
from analytics_pipeline.core.circuits import build_circuits
from analytics_pipeline.published.archive import create_archive
from tests.support.world import World


def save_history(world: World, path: Path) -> Path:
    """Everything the world has published; returns `path`."""
    with create_archive(path) as archive:
        archive.write("", {CHAIN_FILE: world.chain_file()})
        for (day, revision), bundle in world.bundles.items():
            archive.write(history_folder(day, revision), bundle)
    return path


def believing(world: World, folder: Path) -> tuple[str, ...]:
    """Options of somebody who believes the stand-ins' circuits and cannot check their proofs."""
    circuits = folder / "circuits.json"
    circuits.write_bytes(build_circuits(world.circuits.entries))
    return ("--circuits", str(circuits), "--verifier", "none")
