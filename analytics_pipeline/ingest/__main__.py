"""``python -m analytics_pipeline.ingest``: serve the ingestion API with the settings of the
environment until SIGTERM."""

import argparse
import logging
import os
import sys

import uvloop

from analytics_pipeline.core.errors import EXPECTED, KeyUnavailable, describe_error
from analytics_pipeline.ingest.server import serve
from analytics_pipeline.settings import Settings, load_settings, prepare_home
from analytics_pipeline.storage.api_keys import load_api_keys
from analytics_pipeline.storage.public_keys import active_public_key

_log = logging.getLogger(__name__)


def main() -> int:
    """Run the API; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.ingest")
    parser.description = "Serve the ingestion API until SIGTERM. Settings: docs/settings.md."
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    try:
        settings = load_settings()
        prepare_home(settings)
        _warn_of_missing_keys(settings)
        uvloop.run(serve(settings))
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    return 0


def _warn_of_missing_keys(settings: Settings) -> None:
    """Without them every upload is refused; the API serves, and takes up keys once they exist."""
    try:
        active_public_key(settings.keys_dir)
    except KeyUnavailable:
        _log.warning("no public batch key yet: run `analytics-pipeline keys create`")
    if not load_api_keys(settings.api_keys_path):
        _log.warning("no API key yet: run `analytics-pipeline api-keys create LABEL`")


if __name__ == "__main__":
    sys.exit(main())
