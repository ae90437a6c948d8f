#!/usr/bin/env bash
# Compile the lock files: hashes for every file of every package, and no address of any index.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { uv pip compile "$@" --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header; }
lock pyproject.toml -o requirements/runtime.txt
lock pyproject.toml --group tests --group lint -o requirements/dev.txt
lock requirements/docs.in -o requirements/docs.txt
lock requirements/build.in -o requirements/build.txt
