#!/usr/bin/env python3
"""The highest rate at which weir, tcpdump and softflowd lose nothing, on a pair of virtual interfaces.

    scripts/tap-rate.py CAPTURE [--indicators PATH]... [--weir BINARY] [--workers N] [--runs 5] > table.md

tcpreplay sends from one network namespace into another, in which one program at a time captures. For each, the rate is
first as high as the sender goes, and then halved in between until it is known to a tenth; programs alternate, figures are
medians over the runs. Where a program's rate is the sender's, the sender is the limit, not the program. Rings are of the same size. At each step weir's books must balance: sent = received, of which
the kernel dropped some. Needs root, ip, tcpreplay; tcpdump and softflowd where they are to be compared. Sends for at
most some seconds a step, and removes what it made.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

RING_MIB = 64
# Long enough for a ring of 64 MiB to overflow if the program is too slow.
SECONDS_A_STEP = 2.0
# Steps of halving after the first: to about a tenth.
STEPS = 5
PATIENCE = 30
TOP_SPEED = None


def main():
    arguments = parse_arguments()
    with Wire() as wire, tempfile.TemporaryDirectory(prefix="tap-rate-") as scratch:
        programs = [Weir(arguments, pathlib.Path(scratch))]
        programs += [program for program in (Tcpdump(), Softflowd(pathlib.Path(scratch))) if shutil.which(program.name)]
        found = {program.name: [] for program in programs}
        for run in range(1, arguments.runs + 1):
            for program in programs:
                rate, top, cpu = highest(program, wire, arguments.capture)
                found[program.name].append((rate, top, cpu))
                told = f"{rate:,.0f} packets/s without loss, {cpu:.0f} ns of CPU a packet at {top:,.0f}"
                print(f"run {run}: {program.name}: {told}", file=sys.stderr)
    print(markdown(found, arguments))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=pathlib.Path)
    parser.add_argument("--indicators", type=pathlib.Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--weir", type=pathlib.Path, default=pathlib.Path("target/release/weir"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    for path in [arguments.capture, arguments.weir, *arguments.indicators]:
        if not path.exists():
            parser.error(f"there is no {path}")
    for program in ["ip", "tcpreplay"]:
        if not shutil.which(program):
            parser.error(f"{program} is missing (scripts/setup.sh {program})")
    return arguments


# ---------------------------------------------------------------- the wire


class Wire:
    """Two namespaces and what joins them."""

    def __enter__(self):
        self.tap, self.sender = f"rate{os.getpid()}t", f"rate{os.getpid()}s"
        for namespace in [self.tap, self.sender]:
            subprocess.run(["ip", "netns", "add", namespace], check=True)
            for which in ["all", "default"]:
                self.run(namespace, "sysctl", "-qw", f"net.ipv6.conf.{which}.disable_ipv6=1")
        subprocess.run(
            f"ip link add tap0 netns {self.tap} mtu 65535 type veth peer name out0 netns {self.sender} mtu 65535".split(),
            check=True,
        )
        for namespace, interface in [(self.tap, "tap0"), (self.sender, "out0"), (self.tap, "lo")]:
            subprocess.run(["ip", "-n", namespace, "link", "set", interface, "up"], check=True)
        return self

    def __exit__(self, *_):
        for namespace in [self.tap, self.sender]:
            subprocess.run(["ip", "netns", "del", namespace], check=False)

    @staticmethod
    def inside(namespace, *command):
        return ["ip", "netns", "exec", namespace, *map(str, command)]

    def run(self, namespace, *command):
        subprocess.run(self.inside(namespace, *command), check=True, stdout=subprocess.DEVNULL)

    def send(self, capture, rate, packets):
        """Sends that many packets; how many it sent, and how many a second."""
        speed = ["--topspeed"] if rate is TOP_SPEED else [f"--pps={rate:.0f}"]
        command = ["tcpreplay", "-q", "-K", "--loop=1000000", f"--limit={packets}", *speed, "-i", "out0", capture]
        said = subprocess.run(
            self.inside(self.sender, *command), check=True, capture_output=True, text=True, timeout=10 * PATIENCE
        ).stdout
        sent = int(re.search(r"Successful packets:\s+(\d+)", said).group(1))
        return sent, float(re.search(r"([\d.]+) pps", said).group(1))


# ---------------------------------------------------------------- who captures


class Program:
    """Captures from tap0 until told to end; then says how many packets it missed."""

    def __init__(self, name):
        self.name, self.said_at_end = name, ""

    @contextlib.contextmanager
    def capturing(self, wire):
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                wire.inside(wire.tap, *self.command()), stdout=subprocess.DEVNULL, stderr=said, stdin=subprocess.DEVNULL
            )
            try:
                self.until_ready()
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                said.seek(0)
                self.said_at_end = said.read()

    def until_ready(self):
        time.sleep(1.5)

    def missed(self, wire, capture, rate, packets):
        with self.capturing(wire) as process:
            before = cpu_seconds(process.pid)
            sent, reached = wire.send(capture, rate, packets)
            time.sleep(1.0)
            self.before_end(sent)
            self.cpu_ns_a_packet = (cpu_seconds(process.pid) - before) / sent * 1e9
        return self.books(sent), sent, reached


def cpu_seconds(process):
    """User and system time of a process with all its threads."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Weir(Program):
    def __init__(self, arguments, scratch):
        super().__init__("weir")
        self.arguments, self.control, self.status = arguments, scratch / "control", None

    def command(self):
        indicators = [part for path in self.arguments.indicators for part in ("--indicators", path)]
        return [
            self.arguments.weir, "run", "--interface", "tap0", "--workers", self.arguments.workers, *indicators,
            "--ring-size", f"{RING_MIB}MiB", "--control", self.control, "--listen", "off", "--alerts", "/dev/null",
        ]  # fmt: skip

    def ask(self):
        """Its status; nothing while it does not answer."""
        command = [self.arguments.weir, "status", "--json", "--control", self.control]
        said = subprocess.run(command, capture_output=True, check=False).stdout
        return json.loads(said) if said else None

    def until_ready(self):
        for _ in range(PATIENCE * 10):
            if self.ask():
                return
            time.sleep(0.1)
        sys.exit("weir does not answer")

    def before_end(self, sent):
        # What is in the rings is worked off first.
        for _ in range(PATIENCE * 10):
            self.status = self.ask()
            interface = self.status["interfaces"][0]
            taken = sum(worker["packets"] for worker in self.status["workers"])
            if taken + interface["kernel_drops"] + interface["before_joining"] == interface["packets"] == sent:
                break
            time.sleep(0.1)

    def books(self, sent):
        interface = self.status["interfaces"][0]
        taken = sum(worker["packets"] for worker in self.status["workers"])
        if not self.status["is_balanced"] or interface["packets"] != sent:
            sys.exit(f"weir's books do not balance: {sent} sent, {json.dumps(self.status['ledger']['boundaries'][0])}")
        return sent - taken


class Tcpdump(Program):
    def __init__(self):
        super().__init__("tcpdump")

    def command(self):
        return ["tcpdump", "-i", "tap0", "-n", "-B", RING_MIB * 1024, "-w", "/dev/null"]

    def before_end(self, _sent):
        time.sleep(1.0)

    def books(self, sent):
        return sent - int(re.search(r"(\d+) packets captured", self.said_at_end).group(1))


class Softflowd(Program):
    def __init__(self, scratch):
        super().__init__("softflowd")
        self.control, self.said = scratch / "softflowd.ctl", ""

    def command(self):
        return ["softflowd", "-d", "-i", "tap0", "-n", "127.0.0.1:9", "-c", self.control, "-p", f"{self.control}.pid"]

    def before_end(self, _sent):
        time.sleep(1.0)
        self.said = subprocess.run(
            ["softflowctl", "-c", str(self.control), "statistics"], capture_output=True, text=True, check=False
        ).stdout

    def books(self, sent):
        return int(re.search(r"Packets dropped by libpcap: (\d+)", self.said).group(1))


# ---------------------------------------------------------------- the search


def highest(program, wire, capture):
    """The highest rate without loss, the highest that tcpreplay reached, and what a packet cost at that."""
    packets = 100_000
    missed, _, top = program.missed(wire, capture, TOP_SPEED, packets)
    packets = int(top * SECONDS_A_STEP)
    missed, _, top = program.missed(wire, capture, TOP_SPEED, packets)
    cpu = program.cpu_ns_a_packet
    if missed == 0:
        return top, top, cpu
    good, bad = 0.0, top
    for _ in range(STEPS):
        rate = (good + bad) / 2
        missed, _, reached = program.missed(wire, capture, rate, int(rate * SECONDS_A_STEP))
        if missed == 0:
            good = max(good, reached)
        else:
            bad = rate
    return good, top, cpu


def markdown(found, arguments):
    lines = [
        f"`{arguments.capture.name}`, {RING_MIB} MiB of ring, {arguments.workers} worker(s), {arguments.runs} runs, medians; "
        f"{len(arguments.indicators)} files of indicators",
        "",
        "| program | packets/s without loss | sender's top speed beside it | ns of CPU a packet at that | CPU to tcpdump's |",
        "|---|---|---|---|---|",
    ]
    for name, rates in found.items():
        rate, top, cpu = (statistics.median(column) for column in zip(*rates))
        pairs = zip(rates, found.get("tcpdump", []))
        ratios = [own[2] / reference[2] for own, reference in pairs if reference[2] > 0]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else "-"
        lines.append(f"| {name} | {rate:,.0f} | {top:,.0f} | {cpu:.0f} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
