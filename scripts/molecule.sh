#!/usr/bin/env bash
# One molecule scenario: a line when it passes, all of it when it does not. However it ends, no host is left.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
scenario=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'remove_hosts; exit 130' INT TERM

remove_hosts() { molecule destroy --no-command-borders -s "$scenario" >/dev/null 2>&1 9>&-; }

# The hosts of another checkout would have the same names and ports.
exec 9>"/tmp/raceday-molecule-$scenario.lock"
flock --nonblock 9 || { echo "waiting  $scenario, which another checkout runs" && flock 9; }

began=$SECONDS
if molecule test --no-command-borders -s "$scenario" >"$log" 2>&1 9>&-; then
  verdict=passed
else
  verdict=FAILED
  remove_hosts
  cat "$log"
fi
printf '%-8s %-18s on %-9s %3d s\n' "$verdict" "$scenario" "${RACEDAY_PLATFORM:-debian-12}" $((SECONDS - began))
[ "$verdict" = passed ]
