#!/usr/bin/env bash
# Builds sdist and wheel into dist, checks them, and runs the wheel in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf build/release
rm -f dist/*.whl dist/realtime_ser-*.tar.gz
.venv/bin/python -m build --no-isolation --outdir dist
.venv/bin/python -m twine check --strict dist/*.whl dist/realtime_ser-*.tar.gz

.venv/bin/python -m venv build/release
pip=(build/release/bin/python -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" --require-hashes -r requirements/run.txt
"${pip[@]}" --no-deps dist/*.whl

cd build/release
bin/realtime-ser --version
bin/realtime-ser analyze lib/python3.*/site-packages/realtime_ser/demo.flac --out results
