#!/usr/bin/env bash
# Builds dist/Realtime SER.app on macOS (Apple silicon, Python 3.11 to 3.13). This recipe was not
# run yet. With SIGN_AS, the name of a certificate for developers, it signs what it has built.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 -m venv .venv
.venv/bin/python -m pip install --require-hashes -r requirements/test.txt
.venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
.venv/bin/python -m PyInstaller --noconfirm --distpath dist --workpath build/package packaging/realtime-ser.spec

if [ -n "${SIGN_AS:-}" ]; then
  codesign --force --deep --options runtime --sign "$SIGN_AS" "dist/Realtime SER.app"
fi
dist/realtime-ser/realtime-ser --version
dist/realtime-ser/realtime-ser doctor
ditto -c -k --keepParent "dist/Realtime SER.app" dist/realtime-ser-macos-arm64.zip
