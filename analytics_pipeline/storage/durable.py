"""What it takes for a file's name, not only its bytes, to survive a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make names that were added to, replaced in or removed from a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
