"""Take servers of HAProxy in and out of rotation: standard library only, run as `python3 -c`.

Where the load balancer's host has no python3 the controller runs it, with an `ask` of its own.

What an operator set is in HAProxy's admin state, what its health checks found is in the status. A
server is out when the admin state says maint: then no health check ever puts it back.
"""

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
import time

MAINT, DRAIN = 1, 8  # bits of srv_admin_state
SESSIONS = "sessions of "
REHEARSAL = "rehearsal_"  # a backend of such a name takes no customers
STEP_SECONDS, MOST_SECONDS = 90, 80  # what a run gives a step, and what of it may be waited
ENDING_SECONDS = 2  # HAProxy ends a session within milliseconds
SECONDS = {"undrain": 15.0, "drain": 30.0, "close": 5.0, "serving": 15.0}

# The processes of before a reload: those of the same program and unit as $1, which answers now,
# but for the master. One that began after $1 is not ended: it is about to take over.
FORMER = r"""
know() {
  read -r program <"/proc/$1/comm" && read -r line <"/proc/$1/stat" || return
  unit=
  while read -r group; do unit="$unit $group"; done <"/proc/$1/cgroup"
  set -- ${line##*) }
  state=$1 parent=$2 began=${20}
} 2>/dev/null
worker=$1
know "$worker"
case $program in
  haproxy*) ;;
  *) echo "no process of HAProxy has the number $worker there" >&2 && exit 1 ;;
esac
its="$program $unit" master=$parent since=$began
for place in /proc/[0-9]*; do
  pid=${place#/proc/}
  [ "$pid" != "$worker" ] && [ "$pid" != "$master" ] && know "$pid" || continue
  [ "$program $unit" = "$its" ] && [ "$state" != Z ] || continue
  echo "$pid"
  [ "$2" != end ] || [ "$began" -gt "$since" ] || kill -TERM "$pid"
done
"""


class Server:
    """A server as HAProxy shows it: status, what an operator set, customers at it or waiting.

    `total` counts all who were ever sent to it.
    """

    def __init__(self, row, admin):
        self.place = (row["pxname"], row["svname"])
        self.total = int(row["stot"] or 0)
        self.status = row["status"]
        self.is_out = bool(admin & MAINT)
        self.is_draining = bool(admin & DRAIN)
        self.sessions = int(row["scur"] or 0) + int(row["qcur"] or 0)

    def is_up(self):
        """Whether HAProxy itself has found it up; "UP 1/2" is on its way up or down."""
        return self.status in ("UP", "no check")

    def set_to(self):
        """What it is set to, in the word that sets it so again."""
        return "maint" if self.is_out else "drain" if self.is_draining else "ready"


class Former:
    """HAProxy's processes of before a reload; a `doubt` says why it is not known whether any is."""

    def __init__(self, pids=(), doubt=""):
        self.pids, self.doubt = pids, doubt

    def __bool__(self):
        return bool(self.pids or self.doubt)

    def __str__(self):
        return self.doubt or f"process {' '.join(self.pids)} of before a reload"


def main():
    """Read what to do from standard input, do it, print the result."""
    params = json.load(sys.stdin)
    try:
        result = answer(params)
    except BrokenPipeError:
        os._exit(1)
    print("@raceday " + json.dumps(result))


def answer(params):
    """The result of the action; when HAProxy cannot be asked, why.

    Raises BrokenPipeError when nobody waits for it any more.
    """
    try:
        return rotate(params, check=params["check"])
    except BrokenPipeError:
        raise
    except OSError as error:
        return {"failed": True, "msg": f"HAProxy's socket {params['socket']}: {error}"}


def rotate(params, *, check):
    """Do the action and report every server it is about."""
    began = time.monotonic()
    act = {"undrain": undrain, "drain": drain, "close": close, "serving": serving}[params["action"]]
    timeout = params.get("timeout")
    params = {"ask": ask, "run": run, "see_who_waits": see_who_waits, **params}
    params["timeout"] = SECONDS[params["action"]] if timeout is None else timeout
    if params["timeout"] > MOST_SECONDS:
        return {"failed": True, "msg": too_long(params)}
    before = look(params)
    changed, checks, *told = act(params, before, check)
    unknown = [no_such_server(params, name) for name in missing(params, before)]
    report = {"component": params["component"], "checks": checks + unknown}
    report["state"] = ("would" if check else "ok") if changed else "already"
    report["seconds"] = round(time.monotonic() - began, 3)
    report["evidence"] = evidence(params, wanted(before, params), look(params))
    report["evidence"].update(*told)
    bad = unknown + [item for item in checks if not item["passed"]]
    result = {"changed": bool(changed), "failed": bool(bad), "raceday": [report]}
    return {**result, "msg": "; ".join(map(sentence, bad))} if bad else result


def too_long(params):
    """Why it is not even begun: the run would end it in the middle of its wait."""
    variable = {"drain": "haproxy_drain_timeout", "close": "haproxy_close_timeout"}
    name = variable.get(params["action"], "haproxy_up_timeout")
    said = f"timeout is {params['timeout']:g} s, and a run gives up after {STEP_SECONDS} s"
    return f"{said}: set {name} to {MOST_SECONDS} or less"


def undrain(params, before, check):
    """Set what is closed to ready, and wait until HAProxy sees it up."""
    closed = [name for name, server in wanted(before, params).items() if not server.is_up()]
    if not check:
        set_state(params, closed, "ready")
    after = before if check else wait(params, is_settled)
    checks = [up_check(name, server, check) for name, server in wanted(after, params).items()]
    due = wanted(after, params)
    return closed, checks + [takes_check(name, due, after, check) for name in params["backends"]]


def drain(params, before, check):
    """Let no new customer in, wait until the others are gone, then take it out."""
    taken, left, after = in_rotation(before, params), before, before
    former = Former()
    if not check:
        set_state(params, taken, "drain")
        try:
            left, former = wait_for_customers(params)
        except BrokenPipeError:  # nobody wants it any more
            set_back(params, taken, before)
            raise
        set_state(params, taken, "maint")
        after = look(params)
    due = wanted(left, params).items()
    checks = [sessions_check(name, server, former, check) for name, server in due]
    out = [out_check(name, server, check) for name, server in wanted(after, params).items()]
    return taken, checks + out


def close(params, before, check):
    """Refuse customers from this instant; who is still connected at the timeout is cut off.

    In maint a session goes on for as long as the customer likes, and a machine buys through one
    all day. How many were cut off is told beside the checks, as evidence.
    """
    taken, told, after, former = in_rotation(before, params), {"cut_off": "0"}, before, Former()
    if not check:
        set_state(params, taken, "maint")
        told, after, former = cut_off(params, *wait_for_customers(params))
        told.update(let_in(after))
    checks = [refuses_check(name, after, check) for name in params["backends"]]
    checks += [let_in_check(params, after), connected_check(after, former, check)]
    if former:
        told["sales"] = "open"
    return taken or told["cut_off"] != "0" or "ended" in told, checks, told


def cut_off(params, servers, former):
    """End the sessions that are left at servers that are out, and HAProxy's former processes.

    Returns what to tell of it, and the servers and former processes that are then.
    """
    due = wanted(servers, params).values()
    left = [server for server in due if server.is_out and server.sessions]
    if not (left or former):
        return {"cut_off": "0"}, servers, former
    tell(params, [f"shutdown sessions server {'/'.join(server.place)}" for server in left])
    find_former(params, "end")
    after, still = wait_for_customers({**params, "timeout": ENDING_SECONDS})
    gone = (server.sessions - after[server.place].sessions for server in left)
    told = {"cut_off": str(max(0, sum(gone)))}
    if former.pids and not still:
        told["ended"] = " ".join(former.pids)
    return told, after, still


def serving(params, before, check):
    """Change nothing: wait until each is up and was sent somebody since it was.

    In check mode nobody buys, so nobody is waited for.
    """
    if check:
        return [], [
            serves_check(name, server, 0, check) for name, server in wanted(before, params).items()
        ]
    until = time.monotonic() + params["timeout"]
    up = wait(params, Server.is_up)
    rest = {**params, "timeout": until - time.monotonic()}
    after = wait(rest, lambda server: server.is_up() and server.total > up[server.place].total)
    return [], [
        serves_check(name, server, server.total - up[name].total, check)
        for name, server in wanted(after, params).items()
    ]


def in_rotation(servers, params):
    """The servers to act on that are not out already: `drain` would open one that is."""
    return [name for name, server in wanted(servers, params).items() if not server.is_out]


def wait_for_customers(params):
    """Wait until they have gone, be it from a former process; who is left at the timeout."""
    servers = wait(params, has_no_sessions, lambda: not find_former(params))
    return servers, find_former(params)


def wait(params, condition, also=lambda: True):
    """The servers as soon as each that is wanted meets the condition, or at the timeout."""
    deadline = time.monotonic() + params["timeout"]
    while True:
        servers = look(params)
        met = all(condition(server) for server in wanted(servers, params).values())
        if (met and also()) or time.monotonic() > deadline:
            return servers
        params["see_who_waits"]()
        time.sleep(0.1)


def see_who_waits():
    """Raise BrokenPipeError once whoever asked for it is gone."""
    print("waiting", flush=True)


def is_settled(server):
    """Whether HAProxy's own checks have found it up or down.

    A server that has just left maintenance is "UP 1/2": taken for up, and not asked yet.
    """
    return server.is_up() or server.status == "DOWN"


def has_no_sessions(server):
    """Whether no customer is at it or waits for it."""
    return server.sessions == 0


def wanted(servers, params):
    """The servers to act on: those of the backends that are named, or all that are not left out."""
    named = params.get("servers")
    return {
        place: server
        for place, server in servers.items()
        if place[0] in params["backends"]
        and place[1] not in params.get("leave_out", ())
        and (not named or not names_of(place).isdisjoint(named))
    }


def names_of(place):
    """What a server may be called: by its name, as in every other backend, or with its own."""
    return {place[1], "/".join(place)}


def missing(params, servers):
    """Names of servers that no backend has."""
    mine = (place for place in servers if place[0] in params["backends"])
    known = set().union(*map(names_of, mine))
    if params["action"] == "undrain":  # whoever is in another backend was not taken out of it
        known.update(map("/".join, servers))
    return [name for name in params.get("servers") or () if name not in known]


def look(params):
    """Every server of every backend, by (backend, server)."""
    # "show servers state" begins with a line that is its version
    states = params["ask"](params["socket"], "show servers state").partition("\n")[2]
    admin = {
        (row["be_name"], row["srv_name"]): int(row["srv_admin_state"]) for row in table(states, " ")
    }
    rows = {
        (row["pxname"], row["svname"]): row
        for row in table(params["ask"](params["socket"], "show stat"))
    }
    return {place: Server(rows[place], bits) for place, bits in admin.items() if place in rows}


def table(text, delimiter=","):
    """The rows of one of HAProxy's tables."""
    return csv.DictReader(io.StringIO(text.lstrip("# ")), delimiter=delimiter)


def find_former(params, *end):
    """The processes that a reload has left: a customer may go on at one that no socket tells of.

    They are ended if `end` says so.
    """
    try:
        pid = re.search(r"^Pid: (\d+)$", params["ask"](params["socket"], "show info"), re.MULTILINE)
        if not pid:
            return Former(doubt="HAProxy does not say which process answers")
        return Former(params["run"](["/bin/sh", "-c", FORMER, "sh", pid[1], *end]).split())
    except OSError as error:
        return Former(doubt=str(error))


def set_state(params, names, state):
    """Tell HAProxy what to do with these servers, all in one line."""
    tell(params, [f"set server {backend}/{name} state {state}" for backend, name in names])


def set_back(params, names, servers):
    """Set each of these servers to what it was set to."""
    ways = [f"set server {'/'.join(name)} state {servers[name].set_to()}" for name in names]
    tell(params, ways)


def tell(params, commands):
    """Give HAProxy these commands in one line."""
    if commands:
        params["ask"](params["socket"], "; ".join(commands))


def evidence(params, before, after):
    """What each was set to before, and whether any server of the load balancer takes customers.

    After a closing those who are still connected count: they can go on buying.
    """
    told = {f"before:{'/'.join(name)}": server.set_to() for name, server in before.items()}
    sells = any(not server.is_out for server in selling(after))
    sells |= params["action"] == "close" and any(server.sessions for server in selling(after))
    told["sales"] = "open" if sells else "closed"
    if params["action"] != "undrain":
        told["sessions"] = str(sum(server.sessions for server in wanted(after, params).values()))
    return told


def let_in(servers):
    """Whom customers may be sent to, and whom they get to, in the words of the role's facts."""
    sent = [item for item in selling(servers) if not (item.is_out or item.is_draining)]
    up = [item for item in sent if item.is_up()]
    return {"rotation": words(sent), "serving": words(up)}


def words(servers):
    """Servers as BACKEND/SERVER with blanks between."""
    return " ".join("/".join(item.place) for item in servers) or "none"


def selling(servers):
    """All that customers can be sent to, whether the venue file names their backend or not."""
    return [item for item in servers.values() if not item.place[0].startswith(REHEARSAL)]


def up_check(name, server, check):
    """Whether a server is up; in check mode whatever it is will do."""
    return record("/".join(name), "UP", server.status, check or server.is_up())


def out_check(name, server, check):
    """Whether a server is out for good, whatever its health checks say."""
    return record("/".join(name), "MAINT", server.status, check or server.is_out)


def sessions_check(name, server, former, check):
    """Whether the customers of a server are gone; those of a former process may be at any."""
    seen = f"{server.sessions}, and {former}" if former else str(server.sessions)
    passed = check or not (server.sessions or former)
    told = record(SESSIONS + "/".join(name), "0", seen, passed)
    return {**told, **about_former(former)} if former else told


def about_former(former):
    """Why it matters that a process of before a reload lives, and what to do about it."""
    if former.doubt:
        text = "it is not known whether a process of HAProxy of before a reload lives: %(doubt)s"
        following = "See that none does (systemctl status), then run it again"
        return {"why": message(text, doubt=former.doubt), "next": message(following)}
    pids = " ".join(former.pids)
    text = "HAProxy was reloaded, and customers can buy through its former process %(pids)s still"
    following = "To cut them off: kill -TERM %(pids)s. To bound it from now on: hard-stop-after"
    return {"why": message(text, pids=pids), "next": message(following, pids=pids)}


def takes_check(name, due, servers, check):
    """Whether customers of a backend find at least one server, if any of it was to be opened."""
    its = [server for (backend, _), server in servers.items() if backend == name]
    if its and all(backend != name for backend, _ in due):
        return record(f"backend {name} takes customers", "left out", "left out", True)
    up = sum(server.is_up() for server in its)
    seen = f"{up} UP" if its else "no such backend"
    passed = bool(its) and (check or up > 0)
    return record(f"backend {name} takes customers", "a server UP", seen, passed)


def refuses_check(name, servers, check):
    """Whether customers of a backend find none; a backend nobody knows proves nothing."""
    its = [server for (backend, _), server in servers.items() if backend == name]
    let_in = sum(not server.is_out for server in its)
    seen = f"{let_in} UP" if its else "no such backend"
    return record(
        f"backend {name} refuses customers", "0 UP", seen, bool(its) and (check or not let_in)
    )


def let_in_check(params, servers):
    """Whether no other backend lets customers in: what the venue file does not name stays open."""
    backends = params["backends"]
    others = [item for item in selling(servers) if item.place[0] not in backends]
    places = [item.place for item in others if not item.is_out]
    names = ", ".join(map("/".join, places))
    check = record("nobody is let in", "nobody", names or "nobody", not places)
    if places:
        ways = [f"set server {'/'.join(place)} state maint" for place in places]
        check["why"] = message(
            "customers are let in at %(backends)s, which no component of the venue file is behind",
            backends=", ".join(dict.fromkeys(backend for backend, _ in places)),
        )
        check["next"] = message(
            "Name it in the venue file (restart: {behind: {backend: ...}}). "
            "At HAProxy's admin socket: %(commands)s",
            commands="; ".join(ways),
        )
    return check


def connected_check(servers, former, check):
    """Whether no customer is connected, to whichever backend; in check mode they may be."""
    left = [item for item in selling(servers) if item.sessions and not check]
    places = [f"{item.sessions} at {'/'.join(item.place)}" for item in left]
    seen = ", ".join([*places, *([str(former)] if former else [])])
    told = record("nobody is connected", "nobody", seen or "nobody", not seen)
    if left:
        ways = [f"shutdown sessions server {'/'.join(item.place)}" for item in left]
        told["why"] = message("customers are connected, and can go on buying: %(seen)s", seen=seen)
        told["next"] = message("At HAProxy's admin socket: %(commands)s", commands="; ".join(ways))
    return {**told, **about_former(former)} if former else told


def message(text, **args):
    """A sentence of the run's journal, its arguments apart."""
    return {"text": text, "args": args}


def serves_check(name, server, count, check):
    """Whether a server is up and is sent somebody; in check mode it need not."""
    return record(
        f"{name[1]} is sent purchases",
        "UP, 1 or more",
        f"{server.status}, {count}",
        check or (server.is_up() and count > 0),
    )


def no_such_server(params, name):
    """A server that was named and is in none of the backends."""
    kind = "" if params["action"] == "undrain" else SESSIONS
    place = name if "/" in name else f"{'|'.join(params['backends'])}/{name}"
    return record(kind + place, "a server", "no such server", False)


def sentence(item):
    """A check that did not hold, for people who have only Ansible's output."""
    said = f"{item['name']}: expected {item['expected']}, observed {item['observed']}"
    following = item.get("next")
    return f"{said}. {following['text'] % following['args']}" if following else said


def record(name, expected, observed, passed):
    """A check in the words of the run's journal."""
    return {"name": name, "expected": expected, "observed": observed, "passed": passed}


def ask(path, command):
    """HAProxy's answer to one line on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(5)
        link.connect(path)
        link.sendall(command.encode() + b"\n")
        return link.makefile().read()


def run(argv):
    """What a program says. Raises OSError when it fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=5, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise OSError(error.stderr.strip()) from error
    except subprocess.TimeoutExpired as error:
        raise OSError(str(error)) from error


if __name__ == "__main__":
    main()
