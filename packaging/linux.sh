#!/usr/bin/env bash
# Packs the frozen program as an archive and, where that can be done, as an AppImage:
# `linux.sh [FOLDER]`, of which FOLDER/realtime-ser is the program; without one, of dist.
#
# An AppImage takes appimagetool, or mksquashfs with APPIMAGE_RUNTIME, the file that mounts it.
set -euo pipefail
folder=$(realpath "${1:-$(dirname "$0")/../dist}")
program=$folder/realtime-ser
version=$("$program/realtime-ser" --version | cut -d ' ' -f 2)
name=$folder/realtime-ser-$version-$(uname -m)

say() { printf '%s\n' "$*" >&2; }

tar -C "$folder" -czf "$name.tar.gz" --owner=0 --group=0 realtime-ser
say "$name.tar.gz"

if command -v appimagetool >/dev/null; then
  ARCH=$(uname -m) appimagetool --no-appstream "$program" "$name.AppImage"
elif command -v mksquashfs >/dev/null && [ -n "${APPIMAGE_RUNTIME:-}" ]; then
  mksquashfs "$program" "$name.squashfs" -comp zstd -root-owned -noappend -quiet -no-progress
  cat "$APPIMAGE_RUNTIME" "$name.squashfs" >"$name.AppImage"
  rm "$name.squashfs"
  chmod 755 "$name.AppImage"
else
  say "No AppImage: install appimagetool, or mksquashfs and name a runtime in APPIMAGE_RUNTIME."
  exit 0
fi
say "$name.AppImage"
