#!/usr/bin/env bash
# Everything raceday's tests and demo need on this machine. Safe to run twice; the second time is quick.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(podman runc netavark aardvark-dns iptables mmdebstrap openssh-client shellcheck make prometheus)

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

install_packages() {
  local missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if ! command -v apt-get >/dev/null; then
    say "This machine has no apt-get; install these yourself: ${missing[*]}"
    exit 1
  fi
  say "Installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

find_uv() { # sets uv; installs it under .tools when there is none
  uv=$(command -v uv || true)
  [ -n "$uv" ] && return
  uv=.tools/bin/uv
  [ -x "$uv" ] && return
  say "Installing uv"
  python3 -m venv .tools 2>/dev/null || {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    python3 -m venv .tools
  }
  .tools/bin/pip install --quiet uv
}

find_python() { # a Python of at least 3.12: what uv knows, pyenv's, or one that uv may download
  "$uv" python find '>=3.12' --no-python-downloads 2>/dev/null && return
  for python in "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3; do
    [ -x "$python" ] && echo "$python" && return
  done
  echo 3.13
}

install_python_packages() {
  local stamp=.venv/.requirements
  cmp -s requirements.lock "$stamp" && return
  say "Installing Python packages"
  [ -d .venv ] || "$uv" venv --quiet --python "$(find_python)" .venv
  "$uv" pip sync --quiet --compile-bytecode --require-hashes requirements.lock
  "$uv" pip install --quiet --no-deps --editable .
  cp requirements.lock "$stamp"
}

install_packages
find_uv
install_python_packages
