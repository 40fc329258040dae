"""``python -m analytics_pipeline.serve``: serve the read API with the settings of the environment
until SIGTERM."""

import argparse
import logging
import os
import sys

import uvloop

from analytics_pipeline.core.errors import EXPECTED, describe_error
from analytics_pipeline.serve.server import serve
from analytics_pipeline.settings import load_settings, require_home


def main() -> int:
    """Run the API; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analytics_pipeline.serve")
    parser.description = "Serve the read API until SIGTERM. Settings: docs/settings.md."
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    try:
        settings = load_settings()
        if not settings.chain:
            require_home(settings)
        uvloop.run(serve(settings))
    except EXPECTED as error:
        print(describe_error(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
