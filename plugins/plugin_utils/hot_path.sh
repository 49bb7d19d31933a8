# What the hot path does on a host, in POSIX sh. The plugin puts variables in front and a call behind.
# shellcheck disable=SC2154  # those variables
# Answers are lines "@raceday key=value"; "key@=" carries base64. Times are centiseconds of uptime.

answer_within=5 answer_within_at_last=15 # seconds for a page; the second look is look_longer's

put() { printf '@raceday %s=%s\n' "$1" "$2"; }

put_text() { printf '@raceday %s@=%s\n' "$1" "$(base64 | tr -d '\n')"; }

centiseconds() {
  read -r uptime _ </proc/uptime
  echo "${uptime%.*}${uptime#*.}"
}

has() { command -v "$1" >/dev/null 2>&1; }

bounded() { # SECONDS COMMAND...: one command that cannot hang us
  limit=$1
  shift
  if has timeout; then timeout "$limit" "$@" </dev/null; else "$@" </dev/null; fi
}

# --- the unit -----------------------------------------------------------------------------------

look_at_unit() { # sets load, active, doubt, sub, result, restarts, invocation, pid, status, since
  load=loaded active=unknown doubt='' sub='' result='' restarts=0 invocation='' pid=0 status=0 since=0
  if [ -n "$status_command" ]; then
    eval "bounded 10 $status_command" >/dev/null 2>&1
    believe $?
    return
  fi
  properties=LoadState,ActiveState,SubState,Result,NRestarts,InvocationID,MainPID,ExecMainStatus
  answer=$(bounded 10 systemctl show -p "$properties,ActiveEnterTimestampMonotonic" -- "$unit" 2>/dev/null)
  while IFS='=' read -r key value; do
    case $key in
      LoadState) load=$value ;;
      ActiveState) active=$value ;;
      SubState) sub=$value ;;
      Result) result=$value ;;
      NRestarts) restarts=$value ;;
      InvocationID) invocation=$value ;;
      MainPID) pid=$value ;;
      ExecMainStatus) status=$value ;;
      ActiveEnterTimestampMonotonic) since=$((value / 10000)) ;;
    esac
  done <<EOF
$answer
EOF
}

believe() { # the CODE of a status command: LSB's 4, timeout's, the shell's and a signal's say nothing
  case $1 in
    0) active=active ;;
    124) doubt='no end within 10 s' ;;
    4 | 12[5-9] | 1[3-9]? | 2??) doubt="exit $1" ;;
    *) active=inactive ;;
  esac
}

tell_boot() { # the kernel's, and when PID 1 began: containers have only that of their own
  answer=$(cat /proc/sys/kernel/random/boot_id /proc/1/stat 2>/dev/null) || return 0
  # shellcheck disable=SC2086  # fields
  set -- "${answer%%[!0-9a-f-]*}" ${answer##*) }
  put boot "$1/${21}"
}

tell_unit() {
  tell_boot
  put unit "$unit"
  put load "$load"
  put active "$active"
  put sub "$sub"
  put result "$result"
  put restarts "$restarts"
  put invocation "$invocation"
  put pid "$pid"
  put status "$status"
  put seen "$seen"
}

tell_log() {
  if [ -n "$unit" ] && has journalctl; then
    bounded 10 journalctl -u "$unit" -n 20 --no-pager -o short-iso 2>/dev/null | put_text log
  fi
}

# --- the health check ---------------------------------------------------------------------------

is_healthy() { # sets seen
  case $probe in
    http) answers_http ;;
    tcp) answers_tcp ;;
    command)
      seen=$(eval "bounded 10 $probe_command" 2>&1) && return 0
      seen="exit $?: $(printf %s "$seen" | tail -n 1 | cut -c 1-200)"
      return 1
      ;;
    unit)
      seen=$(bounded 10 systemctl is-active -- "$probe_unit" 2>/dev/null)
      [ "$seen" = active ]
      ;;
    none) seen=$active ;;
  esac
}

answers_http() { # a proxy that the host has for the world answers for partners only
  around='*'
  if [ "$active" = external ]; then around=${no_proxy-}; fi
  if has curl; then
    times='%{time_connect} %{time_starttransfer}'
    answer=$(curl -q -s --noproxy "$around" -m "$answer_within" -w "\\n%{http_code} $times" -- "$probe_url" 2>/dev/null)
    ended=$?
    body=${answer%
*}
    # shellcheck disable=SC2086  # fields
    set -- ${answer##*
}
    code=$1 connected=$2 heard=$3
  elif has wget; then
    if [ "$around" = '*' ]; then unset http_proxy https_proxy; fi
    answer=$(LC_ALL=C bounded 5 wget -q -S -T 5 -O - -- "$probe_url" 2>&1)
    ended=$? connected='' heard=''
    tell_wget
  else
    seen='neither curl nor wget is installed'
    return 1
  fi
  seen="HTTP $code $(printf %s "$body" | tr '\n' ' ' | cut -c 1-120)"
  if [ "$ended" != 0 ]; then seen=$(why_no_answer) && return 1; fi
  [ "$code" = "$probe_status" ] || return 1
  [ -z "$probe_contains" ] || printf %s "$body" | grep -qF -e "$probe_contains"
}

tell_wget() { # it shows the headers, indented, and then the body; the first answer is the one that counts
  code=$(printf %s "$answer" | sed -n 's/.*HTTP\/[0-9.]* \([1-5][0-9][0-9]\).*/\1/p' | head -n 1)
  body=$(printf %s "$answer" | sed -n -e '/^  [A-Za-z]/!{' -e p -e :a -e n -e p -e ba -e '}')
  case $code in
    '') [ "$ended" != 0 ] || ended=1 ;; # who says no status has not answered
    [345]*) ended=0 body='' ;;          # where a redirect leads was not asked for
  esac
}

why_no_answer() { # codes are curl's, 124 is timeout's; of a moment that did not come all digits are 0
  case $ended:$connected:$heard in
    28:*:*[1-9]*) echo "no whole answer within $answer_within s (slow)" ;;
    28:*[1-9]*:*) echo "no answer within $answer_within s (connected)" ;;
    124:* | 28:*) echo "no answer within $answer_within s" ;;
    7:*) echo 'connection refused' ;;
    *) echo 'no answer' ;;
  esac
}

look_longer() { # who took the connection and said nothing is slow, or hangs: sets seen and hangs
  : "${looking_since:=$began}"
  [ "$probe$unhurried" = http1 ] || return 0
  [ $(($(centiseconds) - looking_since)) -lt 1000 ] || return 0 # one on a host: it has a minute
  case $seen in *'(connected)') ;; *) return 0 ;; esac
  at_first=$seen answer_within=$answer_within_at_last
  answers_http || true
  answer_within=5
  case $seen:$heard in
    *'(connected):'*) hangs=yes ;;
    *:*[1-9]*) seen="${at_first% (*}, but after ${heard%[.,]*} s (slow)" ;;
  esac
}

answers_tcp() {
  seen='no connection'
  if has bash; then
    # shellcheck disable=SC2016  # bash itself expands $0 and $1
    said=$(LC_ALL=C bounded 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$probe_host" "$probe_port" 2>&1)
    case $?:$said in
      0:*) ;;
      124:*) seen='no connection within 5 s' && return 1 ;;
      *refused*) seen='connection refused' && return 1 ;;
      *) return 1 ;;
    esac
  elif has nc; then
    nc -z -w 5 "$probe_host" "$probe_port" </dev/null >/dev/null 2>&1 || return 1
  else
    seen='neither bash nor nc is installed'
    return 1
  fi
  seen=connected
}

is_ready() {
  look_at_unit
  [ "$active" = active ] || {
    seen="${unit:-$component} is $active${doubt:+ ($doubt)}"
    return 1
  }
  is_healthy
}

# --- probe: look, change nothing ----------------------------------------------------------------

probe_component() {
  began=$(centiseconds)
  put component "$component"
  hangs=''
  if is_ready; then
    put outcome ready
  else
    look_longer
    put outcome not_ready
    tell_log
  fi
  put hangs "$hangs"
  tell_unit
  tell_facts
  put took $(($(centiseconds) - began))
}

probe_from_outside() { # an external partner has no unit of ours: only the check speaks
  began=$(centiseconds)
  put component "$component"
  active=external outcome=ready
  await_partner || outcome=not_ready
  put outcome "$outcome"
  put seen "$seen"
  put took $(($(centiseconds) - began))
}

await_partner() { # once, or until its timeout when it may take its time; all partners wait together
  : "${asking_since:=$began}"
  deadline=$((asking_since + ${patient:-0} * timeout * 100))
  until is_healthy; do
    [ "$(centiseconds)" -lt $deadline ] || return 1
    sleep "$interval"
  done
}

tell_facts() { # a fact's command finds the component's unit in its environment
  export unit
  for fact in $facts; do
    eval "command=\$fact_$fact"
    put "fact.$fact" "$(eval "bounded 5 $command" 2>/dev/null | head -n 1)"
  done
}

# --- start: and wait until it is ready, and stays so --------------------------------------------

start_component() {
  began=$(centiseconds)
  put component "$component"
  seen=''
  reach_outcome || true
  put outcome "$outcome"
  put was "$before"
  if [ "$outcome" = in_doubt ]; then seen=$doubt; else look_at_unit; fi
  tell_unit
  case $outcome in started | already | would) ;; *) tell_log ;; esac
  tell_facts
  put took $(($(centiseconds) - began))
}

reach_outcome() { # sets outcome; fails when it is a bad one
  look_at_unit
  before=$active outcome=already
  if [ "$load" = not-found ]; then outcome=no_such_unit && return 1; fi
  if [ "$load" = masked ]; then outcome=masked && return 1; fi
  if [ -n "$doubt" ]; then outcome=in_doubt && return 1; fi # a second one beside it does harm
  if [ "$check" = 1 ]; then
    [ "$active" = active ] || outcome=would
    return
  fi
  if [ "$active" != active ] && ! start_it; then outcome=start_failed && return 1; fi
  await_ready || return
  if [ "$before" = active ] && has_settled; then return; fi
  settle_down || return
  [ "$before" = active ] || outcome=started
}

start_it() {
  if [ -n "$start_command" ]; then
    eval "bounded $timeout $start_command" >/dev/null 2>&1
  else
    bounded "$timeout" systemctl start -- "$unit" >/dev/null 2>&1
  fi
}

await_ready() {
  deadline=$((began + timeout * 100))
  while ! is_ready; do
    case $active in failed | inactive) outcome=died && return 1 ;; esac
    if [ "$(centiseconds)" -ge $deadline ]; then outcome=not_ready && return 1; fi
    sleep "$interval"
  done
}

has_settled() { [ "$since" -gt 0 ] && [ $(($(centiseconds) - since)) -ge "$settle_cs" ]; }

lives_on() { # looked at once more: it may have died after the look, and before the question
  look_at_unit
  [ "$active" = active ] && [ "$invocation/$restarts" = "$1" ]
}

settle_down() {
  first="$invocation/$restarts"
  sleep "$settle"
  if ! is_ready; then
    outcome=died_settling
    if lives_on "$first"; then outcome=stopped_answering; fi
    if [ -n "$doubt" ]; then outcome=in_doubt; fi
    return 1
  fi
  if [ "$invocation/$restarts" != "$first" ]; then outcome=restarted && return 1; fi
}

# --- stop: and see that nothing of it is left ---------------------------------------------------

stop_component() {
  began=$(centiseconds)
  put component "$component"
  seen=''
  reach_end || true
  put outcome "$outcome"
  put left "$left"
  tell_unit
  case $outcome in stopped | already | would) ;; *) tell_log ;; esac
  tell_facts
  put took $(($(centiseconds) - began))
}

reach_end() { # sets outcome, and left when something is; fails when it is a bad one
  look_at_unit
  outcome=already left=''
  if ! is_down; then
    if [ "$check" = 1 ]; then outcome=would && return; fi
    if ! stop_it; then outcome=stop_failed && return 1; fi
    outcome=stopped
  elif [ "$load" = not-found ]; then
    outcome=no_such_unit && return 1
  fi
  await_end
}

is_down() { case $active in inactive | failed) ;; *) return 1 ;; esac; }

stop_it() {
  if [ "${force:-0}" = 1 ] && [ -n "$unit" ]; then # no manners, and no start by systemd in between
    bounded 5 systemctl stop --no-block -- "$unit" >/dev/null 2>&1
    bounded 5 systemctl kill --signal=SIGKILL -- "$unit" >/dev/null 2>&1
    let_systemd_notice
  fi
  if [ -n "$stop_command" ]; then
    eval "bounded $timeout $stop_command" >/dev/null 2>&1
  else
    bounded "$timeout" systemctl stop -- "$unit" >/dev/null 2>&1
  fi
  ended=$?
  case $ended in
    0) return 0 ;;
    124) left="no end within $timeout s" ;;
    *) left="exit $ended" ;;
  esac
  return 1
}

let_systemd_notice() { # in a container with cgroup v1 nobody tells it that all are gone; a reload looks
  noticed_by=$(($(centiseconds) + 200))
  while look_at_unit && ! is_down; do
    if [ "$(centiseconds)" -lt $noticed_by ]; then sleep "$interval" && continue; fi
    [ -n "$(processes_left)" ] || bounded 5 systemctl daemon-reload >/dev/null 2>&1
    return
  done
}

await_end() { # ports and processes may need a moment more than the unit
  deadline=$(($(centiseconds) + 500))
  while ! is_gone; do
    if [ "$check" = 1 ] || [ "$(centiseconds)" -ge $deadline ]; then outcome=$remains && return 1; fi
    sleep "$interval"
    look_at_unit
  done
}

is_gone() { # else sets remains and left
  remains=still_active left=$active
  if [ -n "$doubt" ]; then remains=in_doubt left=$doubt; fi
  if [ "$active" = active ] && [ -n "$status_command" ]; then remains=process_left left=''; fi
  is_down || return 1
  remains=port_open
  for port in $ports; do
    left="$port $(listener_on "$port")"
    [ "$left" = "$port " ] || return 1
  done
  remains=process_left left=$(processes_left)
  [ -z "$left" ]
}

processes_left() { # "NAME (pid N)" of each that is still in the unit's cgroup
  [ -n "$unit" ] || return 0
  grep -lF -e "/$unit" /proc/[0-9]*/cgroup 2>/dev/null | while read -r process; do
    process=${process%/cgroup}
    echo "$(tr -d '\n' 2>/dev/null <"$process/comm") (pid ${process#/proc/})"
  done | tr '\n' ' '
}

# --- preflight ----------------------------------------------------------------------------------

preflight_host() {
  put uid "$(id -u)"
  tell_used disk -Pk
  tell_used inodes -Pi
  while read -r key value _; do
    case $key in MemTotal: | MemAvailable:) put "memory.${key%:}" "$value" ;; esac
  done </proc/meminfo
  # shellcheck disable=SC2046  # three numbers; dash cannot read files of /proc/sys by itself
  set -- $(cat /proc/sys/fs/file-nr)
  put files "$1/$3"
  tell_failed_units
}

tell_failed_units() { # nothing at all when systemd gives no answer: not known is not none
  failed=''
  if has systemctl || [ -d /run/systemd/system ]; then
    failed=$(bounded 10 systemctl list-units --failed --plain --no-legend --no-pager) || return 0
  fi
  put failed_units "$(printf %s "$failed" | cut -d ' ' -f 1 | tr '\n' ' ')"
}

tell_used() { # NAME OPTION: percent used of each file system that servers write to
  bounded 10 df "$2" / /var /var/lib /var/log /tmp 2>/dev/null | sed 1d | sort -u |
    while read -r _ _ _ _ used mount; do put "$1:$mount" "${used%\%}"; done
}

preflight_component() {
  put component "$component"
  look_at_unit
  seen='' && tell_unit
  for port in $ports; do put "port:$port" "$(listener_on "$port")"; done
  tell_limits
  tell_program
  for certificate in "$@"; do tell_certificate "$certificate"; done
  tell_facts
}

listener_on() { # who listens on a TCP port: "" for nobody, "unknown", or the worst of judge_listener
  listeners=$(bounded 10 ss -Hltnp "sport = :$1" 2>/dev/null) || {
    echo unknown
    return 0
  }
  worst=''
  while read -r listener; do
    [ -n "$listener" ] || continue
    case $worst in '' | ours*) worst=$(judge_listener "$listener") ;; esac
  done <<EOF
$listeners
EOF
  echo "$worst"
}

judge_listener() { # a line of ss: "ours NAME", "stranger NAME", "doubtful NAME" or "hidden"
  case $1 in *pid=*) ;; *) echo hidden && return ;; esac
  name=${1#*\"} && name=${name%%\"*}
  for owner in $(printf %s "$1" | grep -o 'pid=[0-9]*'); do
    if is_ours "${owner#pid=}"; then echo "ours $name" && return; fi
  done
  owner=${1#*pid=} kind=stranger
  if [ -n "$doubt" ]; then kind=doubtful; fi
  echo "$kind $name (pid ${owner%%,*})"
}

is_ours() { # PID
  if [ -n "$status_command" ] && [ "$active" = active ]; then return 0; fi
  [ -n "$unit" ] && grep -qF -e "/$unit" "/proc/$1/cgroup" 2>/dev/null
}

tell_limits() {
  [ "$pid" -gt 0 ] && [ -r "/proc/$pid/limits" ] || return 0
  limit=$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/$pid/limits")
  # shellcheck disable=SC2012  # counting, names do not matter
  put unit_files "$(ls "/proc/$pid/fd" | wc -l)/$limit"
}

tell_program() { # the first of $programs that is here, "none" when there is none of them
  [ -n "$programs" ] || return 0
  for program in $programs none; do has "$program" && break; done
  put program "$program"
}

tell_certificate() {
  end=$(bounded 5 openssl x509 -enddate -noout -in "$1" 2>/dev/null) || end='='
  if bounded 5 openssl x509 -checkend $((certificate_days * 86400)) -noout -in "$1" >/dev/null 2>&1; then
    put "certificate:$1" "good ${end#*=}"
  else
    put "certificate:$1" "bad ${end#*=}"
  fi
}
