#!/usr/bin/env python3
"""Years in minutes: a running weir, packets at full speed, and everything around it fails at random: soak.py --weir PATH [--minutes 20] [--seed 1] CAPTURE.

In a network namespace of its own (root), weir watches one end of a virtual wire and hears NetFlow on the loopback, asks a source over HTTP, and tells a
file and a syslog receiver. Meanwhile, at random and every few seconds: the configuration changes, rightly or wrongly; it is told to read it (SIGHUP); the
source answers with errors, garbage, half a list or not at all; the receiver goes, hangs, comes back; the interface goes down, or is deleted and made again.

At the end must hold: it is the same process; memory did not grow after the first third (the slope of a line through it is within what it scatters, or
below one percent an hour); the ledger balanced whenever it was asked, and at the end. Exit code 1 when one of them is not so. All processes are ended by their ids,
and the namespace goes with them."""

import argparse
import collections
import http.server
import json
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TAP, WIRE = "tap0", "wire0"
# Seconds between two disturbances, at least and at most.
PAUSES = (1, 6)
# Seconds between two looks at memory and books.
LOOK_EVERY = 2
# What is not yet steady: tables fill, and flows reach their time-outs.
WARM_UP = 1 / 3


def main():
    args = arguments()
    if os.environ.get("WEIR_SOAK_INSIDE") is None:
        os.environ["WEIR_SOAK_INSIDE"] = "yes"
        # With namespaces for all of it, nothing is left behind, however this ends.
        spaces = ["--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child"]
        os.execvp("unshare", ["unshare", *spaces, sys.executable, *sys.argv])
    folder = Path(args.keep) if args.keep else Path(tempfile.mkdtemp(prefix="weir-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {args.seed}, {args.minutes} minutes, in {folder}", flush=True)
    chance = random.Random(args.seed)
    # /sys shows the interfaces of whoever mounted it.
    command("mount", "-t", "sysfs", "sysfs", "/sys")
    command("ip", "link", "set", "lo", "up")
    wire()
    source, receiver, exporter = Source(), Receiver(), Exporter()
    settings = Settings(folder, source.port, receiver.port, exporter.port)
    settings.write(chance)
    weir = subprocess.Popen([args.weir, "run", "--config", settings.path], stderr=open(folder / "weir.err", "wb"))
    traffic = Traffic(args.capture)
    disturb = Disturb(chance, weir, settings, source, receiver, traffic)
    looks = watch(args, weir, disturb, settings)
    traffic.stop()
    exporter.stop()
    source.mood, receiver.mood = "well", "well"
    time.sleep(5)
    is_alive = weir.poll() is None
    weir.send_signal(signal.SIGTERM)
    code = weir.wait(timeout=120)
    problems = judge(looks, is_alive, code, folder)
    print("disturbances:", ", ".join(f"{name} {count}" for name, count in sorted(disturb.counts.items())))
    print((folder / "weir.err").read_text(errors="replace")[-2500:])
    for unit, count in disturb.unbalanced.most_common():
        print(f"did not balance {count} times: {unit}")
    for problem in problems:
        print("WRONG:", problem)
    sys.exit(1 if problems else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", help="is sent again and again at full speed (pcap)")
    parser.add_argument("--weir", required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="the folder to work in, which is kept")
    return parser.parse_args()


def command(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def wire():
    """A virtual wire, whose ends are in this namespace."""
    command("ip", "link", "add", TAP, "mtu", "9000", "type", "veth", "peer", "name", WIRE, "mtu", "9000")
    for end in (TAP, WIRE):
        command("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
        command("ip", "link", "set", end, "up")


class Traffic:
    """tcpreplay, begun again whenever it ended."""

    def __init__(self, capture):
        self.capture = capture
        self.is_over = False
        self.process = None
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while not self.is_over:
            arguments = ["tcpreplay", "--quiet", "--topspeed", "--loop=1000000", f"--intf1={WIRE}", self.capture]
            self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.process.wait()
            time.sleep(0.5)

    def begin_again(self):
        """It sends to the interface that is gone until it is told to end."""
        if self.process:
            self.process.kill()

    def stop(self):
        self.is_over = True
        self.begin_again()


class Exporter:
    """A router that tells of conversations with listed and other hosts (NetFlow v5)."""

    def __init__(self):
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind(("127.0.0.1", 0))
        self.port = probe.getsockname()[1]
        probe.close()
        self.is_over = False
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sequence, chance = 0, random.Random(2)
        while not self.is_over:
            now = time.time()
            records = b"".join(self.record(chance) for _ in range(30))
            head = struct.pack(">HHIIIIBBH", 5, 30, 100_000, int(now), int(now % 1 * 1e9), sequence & 0xFFFFFFFF, 0, 0, 0)
            sequence += 30
            wire.sendto(head + records, ("127.0.0.1", self.port))
            time.sleep(0.02)

    @staticmethod
    def record(chance):
        host = 0x0A000000 + chance.randrange(20)
        # One in a hundred may be listed; incidents are few, because it is not a flood of these that is tried here.
        other = 0xC6336400 + chance.randrange(50) if chance.random() < 0.01 else 0x64400000 + chance.randrange(250)
        ports = (chance.randrange(1024, 65535), 443)
        return struct.pack(
            ">IIIHHIIIIHHBBBBHHBBH", host, other, 0, 1, 2, 10, 4_000, 90_000, 99_000, *ports, 0, 0x1B, 6, 0, 0, 0, 24, 24, 0
        )

    def stop(self):
        self.is_over = True


class Source:
    """A list of indicators over HTTP, by its mood."""

    moods = ["well", "well", "error", "garbage", "half", "hang", "huge", "empty"]

    def __init__(self):
        self.mood = "well"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        turn = int(time.time()) % 50
        text = "".join(f"198.51.100.{last}\n" for last in range(turn, turn + 200)) + f"turn{turn}.evil.example\n"
        body = {
            "garbage": os.urandom(20_000),
            "huge": b"203.0.113.7\n" * 500_000,
            "empty": b"",
        }.get(self.mood, text.encode())
        try:
            if self.mood == "hang":
                time.sleep(8)
            request.send_response(503 if self.mood == "error" else 200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[: len(body) // 2] if self.mood == "half" else body)
        except OSError:
            pass


class Receiver:
    """Syslog over TCP: takes, hangs, or is away."""

    moods = ["well", "well", "hang", "away"]

    def __init__(self):
        self.mood = "well"
        self.taken = 0
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        self.port = probe.getsockname()[1]
        probe.close()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            if self.mood == "away":
                time.sleep(0.2)
                continue
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind(("127.0.0.1", self.port))
                server.listen()
                server.settimeout(0.5)
                self.serve(server)

    def serve(self, server):
        while self.mood != "away":
            try:
                connection, _ = server.accept()
            except OSError:
                continue
            with connection:
                connection.settimeout(0.5)
                while self.mood != "away":
                    if self.mood == "hang":
                        time.sleep(0.2)
                        continue
                    try:
                        data = connection.recv(65536)
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                    if not data:
                        break
                    self.taken += len(data)


class Settings:
    """The configuration, which changes."""

    def __init__(self, folder, source, receiver, exporter):
        self.folder, self.source, self.receiver, self.exporter = folder, source, receiver, exporter
        self.path = folder / "weir.toml"
        self.control = folder / "control.sock"

    def write(self, chance):
        """Another right one."""
        (self.folder / "own.txt").write_text("".join(f"192.0.2.{chance.randrange(1, 250)}\n" for _ in range(100)))
        second = '[sink.second]\ntype = "file"\npath = "second.jsonl"\nrotate_size = "4MiB"\n' if chance.random() < 0.5 else ""
        text = f"""
interface = ["{TAP}"]
netflow = ["127.0.0.1:{self.exporter}"]
indicators = ["own.txt"]
home_net = ["10.0.0.0/8", "192.168.0.0/{chance.choice([16, 17, 20])}"]
flow_memory = "128MiB"
ring_size = "16MiB"
state = "state"
control = "control.sock"
listen = "off"
canary = "{chance.choice(['5s', '10s', '20s'])}"
[storm]
per_minute = {chance.choice([60, 600, 6000])}
[source.list]
type = "feed"
url = "http://127.0.0.1:{self.source}/list"
interval = "{chance.choice(['5s', '10s'])}"
[sink.siem]
type = "syslog"
url = "tcp://127.0.0.1:{self.receiver}"
severity = "{chance.choice(['low', 'medium'])}"
[sink.disk]
type = "file"
path = "alerts.jsonl"
rotate_size = "{chance.choice([4, 8])}MiB"
{second}"""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.path)

    def spoil(self, chance):
        """A wrong one, as people make them."""
        wrong = ["interfce = [\"x\"]\n", "[sink.siem\n", "storm = 5\n", "\x00\x01", "[sink.siem]\ntype = \"syslog\"\n"]
        self.path.write_text(chance.choice(wrong))


class Disturb:
    """Does one of them now and then."""

    def __init__(self, chance, weir, settings, source, receiver, traffic):
        self.chance, self.weir, self.settings = chance, weir, settings
        self.source, self.receiver, self.traffic = source, receiver, traffic
        self.counts = {}
        self.unbalanced = collections.Counter()
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        acts = [self.settle, self.settle, self.reload, self.spoil, self.moods, self.moods, self.flap, self.vanish]
        while not self.is_over:
            time.sleep(self.chance.uniform(*PAUSES))
            act = self.chance.choice(acts)
            self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
            act()

    def settle(self):
        self.settings.write(self.chance)

    def reload(self):
        self.settings.write(self.chance)
        self.weir.send_signal(signal.SIGHUP)

    def spoil(self):
        self.settings.spoil(self.chance)
        if self.chance.random() < 0.5:
            self.weir.send_signal(signal.SIGHUP)
        time.sleep(2)
        self.settings.write(self.chance)

    def moods(self):
        self.source.mood = self.chance.choice(Source.moods)
        self.receiver.mood = self.chance.choice(Receiver.moods)

    def flap(self):
        command("ip", "link", "set", TAP, "down")
        time.sleep(self.chance.uniform(0.05, 2))
        command("ip", "link", "set", TAP, "up")

    def vanish(self):
        command("ip", "link", "delete", TAP)
        time.sleep(self.chance.uniform(0.05, 2))
        wire()
        self.traffic.begin_again()


def watch(args, weir, disturb, settings):
    """Looks at memory and books until the time is over: (seconds, resident bytes, is balanced, packets)."""
    looks, began, said = [], time.time(), 0
    while time.time() - began < args.minutes * 60 and weir.poll() is None:
        time.sleep(LOOK_EVERY)
        status = subprocess.run(
            [args.weir, "status", "--json", "--control", settings.control], capture_output=True, check=False, timeout=60
        )
        try:
            status = json.loads(status.stdout)
        except ValueError:
            status = None
        seconds = time.time() - began
        if status and not status["is_balanced"]:
            disturb.unbalanced.update(boundary["unit"] for boundary in status["ledger"]["boundaries"] if not is_balanced(boundary))
        packets = sum(worker["packets"] for worker in status["workers"]) if status else None
        looks.append((seconds, resident(weir.pid), status and status["is_balanced"], packets))
        if seconds - said > 60:
            said = seconds
            print(f"{seconds / 60:5.1f} min: {looks[-1][1] / 2**20:7.1f} MiB resident, {packets} packets", flush=True)
    disturb.is_over = True
    disturb.thread.join()
    settings.write(disturb.chance)
    return looks


def is_balanced(boundary):
    return boundary["entered"]["count"] == sum(entry["count"] for entry in boundary["left"])


def resident(process):
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    # One that has ended has none.
    return int(text.split("VmRSS:")[1].split()[0]) * 1024 if "VmRSS:" in text else 0


def judge(looks, is_alive, code, folder):
    """What is wrong."""
    problems = []
    if not is_alive:
        problems.append(f"it ended before it was told to, with code {code}")
    if code not in (0, 1):
        problems.append(f"it ended with code {code}")
    unanswered = sum(1 for look in looks if look[2] is None)
    unbalanced = sum(1 for look in looks if look[2] is False)
    print(f"{len(looks)} looks, {unanswered} unanswered, {unbalanced} with books that do not balance")
    if unbalanced:
        problems.append(f"the ledger did not balance {unbalanced} times")
    if unanswered > len(looks) / 20:
        problems.append(f"it did not answer {unanswered} times")
    said = (folder / "weir.err").read_text(errors="replace")
    if "the ledger balances" not in said:
        problems.append("the ledger does not balance at the end")
    steady = [look for look in looks if look[0] > looks[-1][0] * WARM_UP]
    if len(steady) < 10:
        return problems + ["it was not looked at often enough to tell anything of memory"]
    times, sizes = [look[0] for look in steady], [look[1] for look in steady]
    slope, intercept = statistics.linear_regression(times, sizes)
    scatter = statistics.stdev(size - slope * at - intercept for at, size in zip(times, sizes))
    spread = statistics.stdev(times) * len(times) ** 0.5
    error = scatter / spread
    mean = statistics.mean(sizes)
    print(
        f"resident after the first third: mean {mean / 2**20:.1f} MiB, from {min(sizes) / 2**20:.1f} to {max(sizes) / 2**20:.1f}; "
        f"slope {slope * 3600 / 2**20:+.2f} MiB an hour, standard error {error * 3600 / 2**20:.2f}"
    )
    if slope > 3 * error and slope * 3600 > mean / 100:
        problems.append("memory grows")
    return problems


if __name__ == "__main__":
    main()
