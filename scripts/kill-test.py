#!/usr/bin/env python3
"""Kills a running `weir run` (`kill -9`) at random moments under load, and starts it again, over and over.

Weir hears NetFlow v5 on the loopback, about hosts that talk to listed addresses, and tells a file and a TCP syslog receiver; both are given
everything at least once. At the end it is let finish, and then must hold: whatever was in the spool after one of the kills was told by
every sink; no incident was told under two identifiers, and no identifier stands for two notices; the notices of an incident came in order,
without gaps; every message that was ever spooled was told; the counts of each sink balance.

Exit code 1 when one of them is not so. Bounded: a few hundred incidents, one process at a time, ended by its own id."""

import argparse
import collections
import json
import random
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

LISTED = [f"198.51.100.{last}" for last in range(1, 41)]
HOSTS = [f"10.0.{third}.{last}" for third in range(4) for last in range(1, 21)]
# Conversations with listed addresses that there are; each becomes an incident.
INCIDENTS = 400
# Datagrams a second, each of up to 30 records.
RATE = 40
# Seconds that the last run has to tell what waits.
PATIENCE = 120
SINKS = ["file", "siem"]


def main():
    args = arguments()
    root = Path(args.keep) if args.keep else Path(tempfile.mkdtemp(prefix="weir-kill-"))
    root.mkdir(parents=True, exist_ok=True)
    print(f"seed {args.seed}, in {root}", flush=True)
    chance = random.Random(args.seed)
    receiver = Receiver(chance.random())
    port = free_port()
    configure(root, receiver.port)
    load = Load(port, chance.random())
    spooled = kill_often(args, root, port, chance)
    load.stop()
    finish(args, root, port)
    receiver.stop()
    problems = check(root, receiver.messages, spooled)
    for problem in problems[:20]:
        print("WRONG:", problem)
    if not problems and not args.keep:
        shutil.rmtree(root)
    sys.exit(1 if problems else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", required=True, help="the program")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--longest", type=float, default=1.4, help="seconds from a start to a kill, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="work in this folder, and keep it")
    return parser.parse_args()


def configure(root, syslog_port):
    (root / "bad.txt").write_text("\n".join(LISTED) + "\n")
    (root / "weir.toml").write_text(
        f"""
indicators = ["bad.txt"]
state = "state"
control = "control"
listen = "off"
receive_buffer = "1MiB"
canary = "off"

[storm]
per_minute = "off"

[sink.file]
type = "file"
path = "alerts.json"
tlp = "red"

[sink.siem]
type = "syslog"
url = "tcp://127.0.0.1:{syslog_port}"
tlp = "red"
"""
    )


def start(args, root, port):
    said = open(root / "said", "a")
    command = [args.weir, "run", "--config", root / "weir.toml", "--netflow", f"127.0.0.1:{port}"]
    return subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)


def kill_often(args, root, port, chance):
    """Gives the identifiers of all messages that were in the spool after one of the kills."""
    spooled, early = set(), 0
    for number in range(args.kills):
        weir = start(args, root, port)
        time.sleep(chance.uniform(0, args.longest))
        if weir.poll() is not None:
            sys.exit(f"weir ended by itself with {weir.returncode}:\n{tail(root)}")
        weir.send_signal(signal.SIGKILL)
        weir.wait()
        held = in_spool(root)
        early += not held
        spooled |= held
        if number % 20 == 19:
            print(f"{number + 1} kills: {len(spooled)} messages seen in the spool", flush=True)
    print(f"{args.kills} kills, after {early} of them the spool was empty or not there yet")
    return spooled


def in_spool(root):
    """What is held, read from a copy: the spool and its log stay as the kill left them."""
    if not (root / "state/spool.sqlite").exists():
        return set()
    with tempfile.TemporaryDirectory() as copy:
        for name in ["spool.sqlite", "spool.sqlite-wal"]:
            if (root / "state" / name).exists():
                shutil.copy(root / "state" / name, copy)
        connection = sqlite3.connect(Path(copy) / "spool.sqlite")
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'message'").fetchone()[0]
            rows = connection.execute("SELECT id FROM message").fetchall() if tables else []
        finally:
            connection.close()
        return {str(uuid.UUID(bytes=row[0])) for row in rows}


def finish(args, root, port):
    """Runs it without load until nothing waits, and ends it as a service manager does."""
    weir = start(args, root, port)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and waiting(args, root) != 0:
        if weir.poll() is not None:
            sys.exit(f"weir ended by itself with {weir.returncode}:\n{tail(root)}")
        time.sleep(0.5)
    # Status may know of nothing that waits before the first datagram is taken; what is told last comes with the end.
    time.sleep(2)
    weir.send_signal(signal.SIGTERM)
    if weir.wait(PATIENCE) not in (0, 1):
        sys.exit(f"weir ended with {weir.returncode}:\n{tail(root)}")


def waiting(args, root):
    """Messages that wait for any sink, as the running program says; None where it does not answer yet."""
    told = status(root)
    if told is None:
        return None
    sinks = told.get("sinks") or []
    return sum(sink.get("waiting", 0) for sink in sinks) if sinks else None


def status(root):
    try:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(root / "control"))
            control.sendall(b"GET /status HTTP/1.1\r\n\r\n")
            answer = b"".join(iter(lambda: control.recv(65536), b""))
        return json.loads(answer.split(b"\r\n\r\n", 1)[1])
    except (OSError, ValueError, IndexError):
        return None


def check(root, syslog, spooled):
    lines = (root / "alerts.json").read_text().splitlines()
    told = {"file": [json.loads(line) for line in lines], "siem": [json.loads(message) for message in syslog]}
    problems = []
    for sink, events in told.items():
        problems += [f"{sink}: {problem}" for problem in check_sink(events, spooled)]
    totals, cursors = books(root)
    ids = {sink: {event["event"]["id"] for event in events} for sink, events in told.items()}
    for sink in SINKS:
        cursor = cursors[sink]
        if len(ids[sink]) != totals["last"]:
            problems.append(f"{sink}: {totals['last']} messages were spooled, {len(ids[sink])} told")
        if cursor["delivered"] != totals["last"] - cursor["began"] + cursor["held"]:
            problems.append(f"{sink}: its counts do not balance: {cursor} of {totals}")
        print(f"{sink}: {len(told[sink])} told, {len(told[sink]) - len(ids[sink])} of them again; {cursor['delivered']} counted as delivered")
    incidents = {event["weir"]["incident"]["id"] for event in told["file"] if "incident" in event["weir"]}
    print(f"{totals['last']} messages of {len(incidents)} incidents spooled, {len(spooled)} of them seen in the spool after a kill")
    said = (root / "said").read_text()
    if "DOES NOT" in said or "panicked" in said:
        problems.append(f"it said:\n{tail(root)}")
    if "balances" not in said:
        problems.append(f"the last run did not say that its ledger balances:\n{tail(root)}")
    return problems


def check_sink(events, spooled):
    alerts = [event for event in events if event["event"]["dataset"] == "weir.alert"]
    lost = spooled - {event["event"]["id"] for event in events}
    if lost:
        yield f"{len(lost)} messages that were in the spool are lost: {sorted(lost)[:3]}"
    names, keys, next_notice = {}, collections.defaultdict(set), collections.Counter()
    for alert in alerts:
        incident = alert["weir"]["incident"]
        name, number, identifier = incident["id"], incident["notice"], alert["event"]["id"]
        if names.setdefault(identifier, (name, number)) != (name, number):
            yield f"{identifier} stands for two notices"
        indicator = alert["threat"]["enrichments"][0]["indicator"]["ip"]
        keys[indicator, json.dumps(incident.get("direction")), json.dumps(host(alert))].add(name)
        if number > next_notice[name] + 1:
            yield f"notice {number} of incident {name} came after {next_notice[name]}"
        next_notice[name] = max(next_notice[name], number)
    by_notice = collections.defaultdict(set)
    for identifier, notice in names.items():
        by_notice[notice].add(identifier)
    for notice, identifiers in by_notice.items():
        if len(identifiers) > 1:
            yield f"notice {notice} was told under {len(identifiers)} identifiers"
    for key, incidents in keys.items():
        if len(incidents) > 1:
            yield f"{key} rang as {len(incidents)} incidents"


def host(alert):
    return alert.get("host", {}).get("ip") or alert["source"]["ip"]


def books(root):
    connection = sqlite3.connect(root / "state/spool.sqlite")
    connection.row_factory = sqlite3.Row
    totals = dict(connection.execute("SELECT * FROM totals").fetchone())
    cursors = {row["sink"]: dict(row) for row in connection.execute("SELECT * FROM cursor")}
    connection.close()
    return totals, cursors


def tail(root):
    return "\n".join((root / "said").read_text().splitlines()[-25:])


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Load:
    """Routers that tell of conversations with listed addresses, whether or not somebody listens."""

    def __init__(self, port, seed):
        self.chance = random.Random(seed)
        pairs = [(host, bad) for host in HOSTS for bad in LISTED]
        self.pairs = self.chance.sample(pairs, INCIDENTS)
        self.port, self.running, self.known = port, True, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        # Without a connection a port that nobody listens at is no error.
        exporter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sequence = 0
        while self.running:
            # Incidents begin over all of the time, and those that began go on.
            self.known = min(len(self.pairs), self.known + (self.chance.random() < 0.2))
            told = [self.chance.choice(self.pairs[: self.known or 1]) for _ in range(self.chance.randint(1, 15))]
            datagram, records = netflow_v5(sequence, told, self.chance)
            exporter.sendto(datagram, ("127.0.0.1", self.port))
            sequence += records
            time.sleep(1 / RATE)

    def stop(self):
        self.running = False
        self.thread.join()


def netflow_v5(sequence, pairs, chance):
    """A datagram, and how many records it has."""
    records, count = b"", 0
    for inside, outside in pairs:
        port, packets = chance.randint(20_000, 60_000), chance.randint(2, 5_000)
        ways = [(inside, outside, (port, 443)), (outside, inside, (443, port))]
        # Mostly nobody answers, so that incidents begin as attempts and are raised later.
        for source, destination, ports in ways[: 1 + (chance.random() < 0.1)]:
            records += socket.inet_aton(source) + socket.inet_aton(destination) + bytes(4)
            records += struct.pack(">HHIIIIHH", 1, 2, packets, packets * 900, 55_000, 59_000, *ports)
            records += struct.pack(">BBBBHHBBH", 0, 0x1B, 6, 0, 0, 0, 24, 24, 0)
            count += 1
    header = struct.pack(">HHIIIIBBH", 5, count, 60_000, int(time.time()), 0, sequence, 0, 0, 0)
    return header + records, count


class Receiver:
    """A syslog receiver over TCP (RFC 6587, octet counting) that now and then hangs up and is away for seconds. It reads what was sent to it
    before: over syslog nobody can know what a receiver had not read."""

    def __init__(self, seed):
        self.chance, self.messages, self.running, self.port = random.Random(seed), [], True, 0
        self.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def listen(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.listener.settimeout(0.5)
        self.port = self.listener.getsockname()[1]

    def run(self):
        while self.running:
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(0.5)
                is_away = self.receive(connection)
            if is_away:
                time.sleep(self.chance.uniform(0, 4))
                self.listen()

    def receive(self, connection):
        """Whether it goes away behind this connection."""
        buffer, is_away = b"", False
        while self.running:
            try:
                read = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if not read:
                break
            buffer += read
            while (message := whole(buffer)) is not None:
                text, buffer = message
                self.messages.append(text[text.index("{") :])
            if not is_away and self.chance.random() < 0.1 and not self.is_called():
                is_away = True
                self.listener.close()
                connection.shutdown(socket.SHUT_WR)
        return is_away

    def is_called(self):
        """Whether a connection waits, which would be lost with the listener."""
        return bool(select.select([self.listener], [], [], 0)[0])

    def stop(self):
        self.running = False
        self.thread.join()


def whole(buffer):
    """The first message and what is behind it, if it is whole."""
    length, space, rest = buffer.partition(b" ")
    if not space or len(rest) < int(length):
        return None
    return rest[: int(length)].decode(), rest[int(length) :]


if __name__ == "__main__":
    main()
