#!/usr/bin/env bash
# Sets up what `make run` or `make test` needs: `setup.sh run|test`.
#
# System packages, then `.venv` with the versions that requirements/ pins, then the program itself.
# PYTHON names the interpreter; without it the first of 3.11 to 3.13 on the PATH is taken.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:?run or test}
# What pip downloads, in MB, to tell the user.
case $purpose in
  run) size=181 ;;
  test) size=1206 ;;
esac

say() { printf '%s\n' "$*" >&2; }
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  say "${PYTHON:+$PYTHON does not fit: }Realtime SER needs Python 3.11, 3.12 or 3.13;" \
    "install one and name it, for instance: make $purpose PYTHON=python3.12"
  return 1
}

python=$(find_python)
venv_package=()
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  venv_package=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
fi
scripts/system_packages.sh "$purpose" "${venv_package[@]}"

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  say "Creating .venv with $("$python" --version)"
  "$python" -m venv --clear .venv
fi

pip=(.venv/bin/python -m pip install --disable-pip-version-check --no-input)
# At a terminal pip shows its progress; elsewhere only what goes wrong.
[ -t 1 ] || pip+=(--quiet)
say "Installing Python packages into .venv (up to $size MB to download, once)"
"${pip[@]}" --require-hashes -r "requirements/$purpose.txt"
"${pip[@]}" --no-deps --no-build-isolation --editable .
