#!/usr/bin/env python3
"""The highest rate of exported records at which weir and nfcapd lose none, on the loopback.

    scripts/record-rate.py [--indicators PATH]... [--weir BINARY] [--send BINARY] [--version v9|ipfix|v5] [--runs 3] > table.md

One sender (capture/examples/send.rs) sends datagrams at a given rate; one program at a time receives: weir with these indicators
and no flows written, the same with all flows written to /dev/null, and nfcapd writing to a folder of its own, all with receive buffers
of the same size; and weir with the 64 MiB that it takes where it may. A rate counts as held
if not one record of some seconds is missing. Rates are the rungs of a ladder, found by halving, in each run for each program in turn;
what counts is the lowest of the runs.

What arrived is told by weir's ledger, which must balance, and by nfdump's count of what nfcapd wrote. CPU is that of the
receiving process alone, all its threads. Every step goes to stderr, the table to stdout. Three runs take about five minutes; nothing
is left behind. The loopback has no network in between: what is lost was lost because the receiver did not take it in time.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# Datagrams a second; None is as fast as the sender goes.
LADDER = [10_000, 20_000, 30_000, 45_000, 60_000, 70_000, 80_000, 90_000, 100_000, 120_000, 150_000, 180_000, None]
# With weir's default of 2,097,152 flows, all are kept. Both programs meet each of them again and again, from both ends.
CONVERSATIONS = 100_000
# As much as the kernel grants to everybody, so that nobody has more; weir as root could have.
BUFFER = int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text())
# Long enough for such a buffer to overflow if the program is too slow by a tenth.
SECONDS_A_STEP = 3.0
# At top speed, of which nothing is known before.
DATAGRAMS_AT_TOP_SPEED = 400_000
PATIENCE = 60


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="record-rate-") as scratch:
        scratch = pathlib.Path(scratch)
        equal = ["--receive-buffer", BUFFER]
        programs = [
            Weir("weir", arguments, scratch, equal),
            Weir("weir, flows written", arguments, scratch, [*equal, "--flows", "/dev/null"]),
            Weir("weir, as it comes", arguments, scratch, []),
        ]
        if shutil.which("nfcapd") and shutil.which("nfdump"):
            programs.append(Nfcapd("nfcapd", arguments, scratch))
        else:
            print("nfcapd or nfdump is missing (scripts/setup.sh nfdump): weir alone", file=sys.stderr)
        steps = {program.name: [] for program in programs}
        for run in range(1, arguments.runs + 1):
            for program in programs:
                taken = climb(program, run)
                steps[program.name].append(taken)
    print(markdown(steps, arguments))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indicators", type=pathlib.Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--weir", type=pathlib.Path, default=pathlib.Path("target/release/weir"))
    parser.add_argument("--send", type=pathlib.Path, default=pathlib.Path("target/release/examples/send"))
    parser.add_argument("--collectors", type=int, default=1, help="weir's threads that receive")
    parser.add_argument("--sources", type=int, default=1, help="exporters, each with its own conversations")
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS, help="of each exporter")
    parser.add_argument("--version", choices=["v5", "v9", "ipfix"], default="v9")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    for path in [arguments.weir, arguments.send, *arguments.indicators]:
        if not path.exists():
            parser.error(f"there is no {path} (make record-rate builds what is needed)")
    return arguments


# ---------------------------------------------------------------- who receives


class Step:
    """What came of some seconds at one rate."""

    def __init__(self, rung, sent, rate, received, cpu_seconds):
        self.rung, self.sent, self.rate, self.received = rung, sent, rate, received
        self.cpu_ns = cpu_seconds / max(received, 1) * 1e9
        self.lost = sent - received


class Program:
    """Receives until told to end; then says how many records it got."""

    def __init__(self, name, arguments, scratch):
        self.name, self.arguments, self.scratch = name, arguments, scratch
        self.port = 0

    @contextlib.contextmanager
    def receiving(self):
        self.port = free_port()
        said = tempfile.TemporaryFile("w+")
        process = subprocess.Popen(list(map(str, self.command())), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            self.until_ready(process, said)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            said.close()

    def step(self, rung):
        """Receives at that rate for some seconds."""
        with self.receiving() as process:
            before = cpu_seconds(process.pid)
            datagrams, sent, rate = send(self.arguments, self.port, rung)
            self.until_taken(datagrams)
            cpu = cpu_seconds(process.pid) - before
        return Step(rung, sent, rate, self.records(), cpu)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(arguments, port, rung):
    """How many datagrams and records were sent, and how many records a second."""
    count = DATAGRAMS_AT_TOP_SPEED if rung is None else int(rung * SECONDS_A_STEP)
    command = [arguments.send, f"127.0.0.1:{port}", arguments.version, rung or 0, count, arguments.sources, arguments.conversations]
    said = subprocess.run(
        list(map(str, command)), check=True, capture_output=True, text=True, timeout=2 * PATIENCE
    ).stdout
    told = re.search(r"sent (\d+) datagrams, (\d+) records in .* (\d+) records a second", said)
    return tuple(map(int, told.groups()))


def cpu_seconds(process):
    """User and system time of a process with all its threads."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Weir(Program):
    def __init__(self, name, arguments, scratch, more):
        super().__init__(name, arguments, scratch)
        self.control, self.more, self.status = scratch / "control", more, None

    def command(self):
        indicators = [part for path in self.arguments.indicators for part in ("--indicators", path)]
        return [
            self.arguments.weir, "run", "--netflow", f"127.0.0.1:{self.port}", *indicators,
            "--collectors", self.arguments.collectors, "--control", self.control,
            "--listen", "off", "--alerts", "/dev/null", *self.more,
        ]  # fmt: skip

    def ask(self):
        """Its status; nothing while it does not answer."""
        command = [self.arguments.weir, "status", "--json", "--control", self.control]
        said = subprocess.run(command, capture_output=True, check=False).stdout
        return json.loads(said) if said else None

    def until_ready(self, process, said):
        for _ in range(PATIENCE * 10):
            if self.ask():
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        said.seek(0)
        sys.exit(f"weir does not answer; it says:\n{said.read()}")

    def records(self):
        return sum(thread["records"] for thread in self.status["collector"]["threads"])

    def until_taken(self, datagrams):
        """Waits until nothing is in the buffer any more; then the books must balance, and account for all that was sent."""
        for _ in range(PATIENCE):
            time.sleep(0.7)  # counts are put up twice a second
            self.status = self.ask()
            received, dropped = (sum(of[what] for of in self.status["collector"]["sockets"]) for what in ("datagrams", "kernel_drops"))
            if self.taken() == received and received + dropped == datagrams:
                break
        else:
            sys.exit(f"weir's books: {datagrams:,} datagrams sent, {received:,} received, {dropped:,} dropped, {self.taken():,} taken")
        if not self.status["is_balanced"]:
            sys.exit(f"weir's books do not balance: {json.dumps(self.status['ledger'])}")

    def taken(self):
        return sum(thread["datagrams"] for thread in self.status["collector"]["threads"])


class Nfcapd(Program):
    def __init__(self, name, arguments, scratch):
        super().__init__(name, arguments, scratch)
        self.folder = scratch / "nfcapd"

    def command(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        return ["nfcapd", "-b", "127.0.0.1", "-p", self.port, "-w", self.folder, "-B", BUFFER, "-t", 86_400]

    def until_ready(self, process, said):
        time.sleep(1.0)
        if process.poll() is not None:
            said.seek(0)
            sys.exit(f"nfcapd ended; it says:\n{said.read()}")

    def until_taken(self, _datagrams):
        time.sleep(1.4)

    def records(self):
        """Counted after its end, when all is written."""
        told = 0
        for path in self.folder.iterdir():
            said = subprocess.run(["nfdump", "-I", "-r", str(path)], capture_output=True, text=True, check=False).stdout
            found = re.search(r"^Flows: (\d+)", said, re.MULTILINE)
            told += int(found.group(1)) if found else 0
        return told


# ---------------------------------------------------------------- the search


def climb(program, run):
    """Steps on the ladder until the highest rung that holds is known: at top speed first, then halving."""
    steps = []

    def holds(rung):
        step = program.step(rung)
        steps.append(step)
        told = f"{step.rate:,} records/s: {step.sent:,} sent, {step.received:,} received, {step.lost:,} lost"
        print(f"run {run}: {program.name}: {told}; {step.cpu_ns:.0f} ns of CPU a record", file=sys.stderr)
        return step.lost == 0

    if not holds(LADDER[-1]):
        good, bad = -1, len(LADDER) - 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if holds(LADDER[middle]):
                good = middle
            else:
                bad = middle
    return steps


def best(steps):
    """The step with the highest rate of which nothing was lost, if there is one."""
    return max((step for step in steps if step.lost == 0), key=lambda step: step.rate, default=None)


def markdown(found, arguments):
    own = f"{arguments.sources} exporter(s) of {arguments.conversations:,} conversations, both directions of each"
    lines = [
        f"{arguments.version}, {own}; {BUFFER >> 10:,} KiB of receive buffer; {arguments.runs} runs, the lowest of them "
        f"(and all); {len(arguments.indicators)} files of indicators",
        "",
        "| program | records/s without loss | in each run | lost at top speed | ns of CPU a record |",
        "|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        bests = [best(steps) for steps in runs]
        rates = [step.rate if step else 0 for step in bests]
        tops = [steps[0] for steps in runs]
        top = statistics.median_low(tops_of := [step.lost / step.sent for step in tops])
        speed = tops[tops_of.index(top)].rate
        cpu = [step.cpu_ns for step in bests if step]
        cells = [f"{min(rates):,}", ", ".join(f"{rate:,}" for rate in rates), f"{top:.1%} of {speed:,}/s"]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {statistics.median(cpu) if cpu else float('nan'):.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
