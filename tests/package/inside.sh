#!/usr/bin/env bash
# Runs as root on a machine that has nothing else to do (run.sh). Each line of what is printed is `ok: ...` or `wrong: ...`; after `wrong` comes
# why. `done` is the last.
set -uo pipefail
export LC_ALL=C.UTF-8

is() { # is WHAT COMMAND...: the command succeeds
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then echo "ok: $what"; else echo "wrong: $what"; sed 's/^/    /' <<<"$said" | tail -n 30; fi
}
same() { # same WHAT WANTED GOT
    if [[ $2 == "$3" ]]; then echo "ok: $1"; else echo "wrong: $1: wanted <$2>, got <$3>"; fi
}
eventually() { # eventually COMMAND...: within twenty seconds
    local try
    for try in {1..100}; do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
    "$@"
}
main_process() { systemctl show --property=MainPID --value weir; }
of_process() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$(main_process)/status"; }

ip link add tap0 type veth peer name wire0
ip link set tap0 up
ip link set wire0 up

is "the package installs" dpkg --install /try/weir.deb
same "nothing is started that nobody configured" inactive "$(systemctl is-active weir)"
is "the program runs" weir --version
is "there is a manual" man --where weir-run
same "strangers do not read the configuration" "root weir 640" "$(stat -c '%U %G %a' /etc/weir/weir.toml)"
same "what is kept lies where the unit makes room for it, and all else is to be said" 'state = "/var/lib/weir"' "$(grep '^[a-z[]' /etc/weir/weir.toml)"
same "the configuration that comes with it lacks nothing but what to watch" "1 mistake, say what to watch" \
    "$(weir config check /etc/weir/weir.toml 2>&1 | grep -o 'say what to watch\|1 mistake$' | sort | paste -s -d , | sed 's/,/, /')"

cp /try/indicators.txt /etc/weir/indicators.txt
cat >/etc/weir/weir.toml <<'TOML'
interface = ["tap0"]
indicators = ["indicators.txt"]
home_net = ["10.20.0.0/24", "2001:db8:20::/64"]
state = "/var/lib/weir"

[sink.soc]
type = "file"
path = "/var/log/weir/alerts.jsonl"
TOML
is "it starts, and says when it is ready" systemctl start weir
systemctl --quiet is-active weir || { journalctl --unit weir --output cat | tail -n 40; exit; }
same "it runs" active "$(systemctl is-active weir)"
same "as its own user" weir "$(stat -c %U "/proc/$(main_process)")"
same "it can get no rights" 1 "$(of_process NoNewPrivs)"
same "its calls are filtered" 2 "$(of_process Seccomp)"
is "the journal has what it says" bash -c 'journalctl --unit weir --output cat | grep -q .'

python3 /try/send.py /try/traffic.pcap wire0
is "alerts are written" eventually grep -q '"kind":"alert"' /var/log/weir/alerts.jsonl
is "weir status says that all is well" weir status
clock_unit_ends() { ! systemctl --quiet is-active weir-clock; }
knows_clock() { weir status --json | python3 -c 'import json, sys; sys.exit(json.load(sys.stdin)["clock"]["synchronised"] is None)'; }
is "it knows whether anything keeps the clock" eventually knows_clock
is "and alerts say so" eventually grep -q '"clock":{[^}]*"synchronised":' /var/log/weir/alerts.jsonl
weir status | sed 's/^/    /'
is "it can be loaded anew" systemctl reload weir
is "and goes on" eventually systemctl --quiet is-active weir

before=$(main_process)
same "there is a process to kill" yes "$([[ $before -gt 1 ]] && kill -KILL "$before" && echo yes)"
restarted() { local now; now=$(main_process); [[ $now != 0 && $now != "$before" && $(systemctl is-active weir) == active ]]; }
is "killed, it is started again" eventually restarted
ip link delete tap0
ip link add tap0 type veth peer name wire0
ip link set tap0 up
ip link set wire0 up
sees_packets() {
    python3 /try/send.py /try/traffic.pcap wire0
    weir status --json | python3 -c 'import json, sys; tap = json.load(sys.stdin)["interfaces"][0]; sys.exit(not (tap["is_up"] and tap["packets"] > 0))'
}
is "an interface that vanished is taken up again" eventually sees_packets

is "the same package installs over itself" dpkg --install /try/weir.deb
is "and the service goes on" eventually systemctl --quiet is-active weir
is "it stops" systemctl stop weir
is "who tells of the clock goes with it" eventually clock_unit_ends
same "without failure" success "$(systemctl show --property=Result --value weir)"
journalctl --unit weir --output cat | sed 's/^/    /' | tail -n 60
systemd-analyze security weir 2>/dev/null | tail -n 1 | sed 's/^/    /'
is "it can be purged" dpkg --purge weir
same "and leaves what others put there" /etc/weir/indicators.txt \
    "$(ls -d /etc/weir/* /var/lib/weir /var/log/weir /usr/bin/weir 2>/dev/null)"
echo done
