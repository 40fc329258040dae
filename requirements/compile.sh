#!/bin/sh
# Recompile both locks from pyproject.toml: exact versions with hashes, no addresses.
# Needs uv. UPGRADE=--upgrade moves versions.
set -eu
cd "$(dirname "$0")/.."
compile() {
  # hatchling and editables: the editable install of this project builds without isolation.
  printf 'hatchling\neditables\n' | uv pip compile -q pyproject.toml - --extra "$1" \
    --generate-hashes --no-header --no-annotate \
    --prerelease=if-necessary-or-explicit --python-version 3.11 -o "requirements/$2.txt" ${UPGRADE:-}
}
compile pipeline main
compile dev dev
