"""``python -m analytics_pipeline.ingest``: serve the ingestion API with the settings of the
environment until SIGTERM."""

import argparse
import logging
import sys

import uvloop

from analytics_pipeline.core.errors import PipelineError
from analytics_pipeline.ingest.server import serve
from analytics_pipeline.settings import load_settings


def main() -> int:
    """Run the API; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.ingest")
    parser.description = "Serve the ingestion API until SIGTERM. Settings: docs/settings.md."
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        uvloop.run(serve(load_settings()))
    except PipelineError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
