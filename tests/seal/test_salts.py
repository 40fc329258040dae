"""The sealer keeps the 48-hour promise when the API is down."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics_pipeline.core.day import utc_day
from analytics_pipeline.settings import load_settings
from analytics_pipeline.storage.keyring import Keyring
from analytics_pipeline.storage.salts import DailySalts


def test_a_sealer_destroys_salts_of_days_that_are_over(tmp_path: Path) -> None:
    """A salt two days old is gone, in every file of the folder; today's stays."""
    environ = {**os.environ, "ANALYTICS_HOME": str(tmp_path)}
    settings = load_settings(environ)
    Keyring.create(settings.keys_dir)
    salts = DailySalts(settings.salts_dir)
    today = utc_day(datetime.now(UTC))
    old, kept = salts.salt_of(today - timedelta(days=2)), salts.salt_of(today)
    command = [sys.executable, "-m", "analytics_pipeline.sealer", "--once"]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)
    left = b"".join(path.read_bytes() for path in settings.salts_dir.iterdir())
    assert old not in left
    assert kept in left
