#!/usr/bin/env bash
# Installs the Debian and Ubuntu packages that are missing: `system_packages.sh run|test [PACKAGE...]`.
#
# It never removes a package, and it never fails: what it cannot install it names, and the program
# or the tests go on with what is there.
set -euo pipefail

run_packages=(
  libportaudio2 libasound2-plugins                             # microphone, by way of a sound server
  libegl1 libgl1 libfontconfig1 libdbus-1-3 libglib2.0-0       # Qt
  libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0   # Qt's window under X
  libxcb-image0 libxcb-randr0 libxcb-render-util0 libxcb-xkb1 libxkbcommon-x11-0
  libwayland-cursor0 libwayland-egl1                           # and under Wayland
  fonts-dejavu-core fonts-noto-color-emoji                     # text, and the emoji of a terminal
)
test_packages=(
  pulseaudio-utils espeak-ng xvfb xauth
  mosquitto                                                    # a broker for MQTT
  squashfs-tools                                               # what an AppImage is packed by
)

say() { printf '%s\n' "$*" >&2; }

purpose=${1:?run or test}
shift
wanted=("${run_packages[@]}" "$@")
[ "$purpose" = test ] && wanted+=("${test_packages[@]}")

case $(uname -s) in
  Linux) ;;
  *)
    # PortAudio and Qt come inside the Python packages there.
    [ "$purpose" = test ] && say "The tests need espeak-ng: please install it if it is missing."
    exit 0
    ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "This is neither Debian nor Ubuntu: please install PortAudio, ALSA's pulse plugin, and Qt's" \
    "libraries for X and EGL (libxcb-cursor among them) if they are missing."
  [ "$purpose" = test ] && say "The tests also need PulseAudio or PipeWire with pactl and paplay," \
    "espeak-ng, Xvfb, mosquitto, squashfs-tools and Chromium."
  exit 0
fi

# Names without the suffix of the 64-bit time transition, so that one list serves every release.
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sed 's/t64$//')
has() { grep -qxF -- "$1" <<<"$installed"; }

# PulseAudio would push PipeWire out; the tests start whichever is there.
if [ "$purpose" = test ] && ! has pipewire-pulse; then wanted+=(pulseaudio); fi

# A browser for the page; Ubuntu has it as a snap only, and the tests that need it skip there.
if [ "$purpose" = test ] && ! grep -qsx 'ID=ubuntu' /etc/os-release; then wanted+=(chromium); fi

missing=()
for package in "${wanted[@]}"; do has "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends --no-remove "${missing[@]}")
root=()
if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi

if [ ${#root[@]} -gt 0 ] && ! command -v sudo >/dev/null; then
  say "Please have an administrator run: ${install[*]}"
  say "Going on with what is there."
  exit 0
fi
if [ -t 0 ] && [ -t 2 ]; then
  say "System packages are missing. To install them:" "${root[@]}" "${install[@]}"
  read -r -p "Run this now? [Y/n] " answer || answer=n
  case $answer in
    [nN]*) say "Going on with what is there."; exit 0 ;;
  esac
elif [ ${#root[@]} -gt 0 ]; then
  root=(sudo -n)
fi

quietly() {
  local log
  log=$(mktemp)
  if "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
  return 1
}

say "Installing system packages (once): ${missing[*]}"
if ! { quietly apt-get update -qq && quietly "${install[@]}" -qq; }; then
  say "That did not work; going on with what is there. To try again:" "${install[@]}"
fi
