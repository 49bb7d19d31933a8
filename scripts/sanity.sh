#!/usr/bin/env bash
# ansible-test's sanity checks of the collection raceday.core: those that need nothing from the network.
# The others (import, validate-modules, pylint, ...) set up environments of their own; where that is possible:
#   scripts/sanity.sh validate-modules import
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(action-plugin-docs compile empty-init line-endings no-assert no-get-exception no-illegal-filenames no-smart-quotes
  replace-urlopen runtime-metadata shebang symlinks use-argspec-type-path use-compat-six)
[ $# -eq 0 ] || tests=("$@")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
collection=$folder/ansible_collections/raceday/core # ansible-test goes by the place, and follows no links
mkdir -p "$collection"
cp -rL plugins "$collection/plugins"
find "$collection" -name __pycache__ -prune -exec rm -rf {} +
export PATH=$PWD/.venv/bin:$PATH
cd "$collection"
ansible-test sanity --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "${tests[@]/#/--test=}"
