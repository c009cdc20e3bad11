#!/usr/bin/env python3
"""The highest rate of exported records at which weir and nfcapd lose none, on the loopback.

    scripts/record-rate.py [--indicators PATH]... [--weir BINARY] [--collectors N] [--version 9|10] [--runs 5] > table.md

One sender (this program again, with sendmmsg) sends datagrams of 31 records of NetFlow v9 or IPFIX from one address, each record of
another conversation, a million of them in turn; one program at a time receives. For each, the rate is first as high as the
sender goes, and then halved in between until it is known to a twentieth; programs alternate, figures are medians over the runs.
Receive buffers are of the same size. What arrived is told by weir's ledger, which must balance, and by nfdump's count of what
nfcapd wrote. A run sends for some seconds a step; nothing is left behind.
"""

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

RECORDS = 31
# As many conversations as a busy border has open at a time: 32,256 datagrams of them.
CONVERSATIONS = 31 * 32_256
# Datagrams for each call of the kernel.
BURST = 64
# As much as the kernel grants to everybody; weir as root could have more.
BUFFER = int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text())
# Long enough for such a buffer to overflow if the program is too slow by a tenth.
SECONDS_A_STEP = 4.0
STEPS = 5
PATIENCE = 60
TOP_SPEED = 0.0


def main():
    arguments = parse_arguments()
    if arguments.send:
        print(json.dumps(send(arguments)))
        return
    with tempfile.TemporaryDirectory(prefix="record-rate-") as scratch:
        programs = [Weir(arguments, pathlib.Path(scratch))]
        if shutil.which("nfcapd") and shutil.which("nfdump"):
            programs.append(Nfcapd(arguments, pathlib.Path(scratch)))
        found = {program.name: [] for program in programs}
        for run in range(1, arguments.runs + 1):
            for program in programs:
                result = highest(program, arguments)
                found[program.name].append(result)
                rate, top, cpu = result
                told = f"{rate * RECORDS:,.0f} records/s without loss ({rate:,.0f} datagrams/s)"
                print(f"run {run}: {program.name}: {told}, {cpu:.0f} ns of CPU a record", file=sys.stderr)
        print(markdown(found, arguments))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indicators", type=pathlib.Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--weir", type=pathlib.Path, default=pathlib.Path("target/release/weir"))
    parser.add_argument("--collectors", type=int, default=1)
    parser.add_argument("--version", type=int, choices=[9, 10], default=9)
    parser.add_argument("--runs", type=int, default=5)
    for hidden, kind in [("--send", int), ("--port", int), ("--rate", float)]:
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for path in [arguments.weir, *arguments.indicators]:
        if not path.exists():
            parser.error(f"there is no {path}")
    return arguments


# ---------------------------------------------------------------- the sender

# Elements and lengths: addresses, next hop, interfaces, packets, bytes, last and first, ports, flags, protocol, TOS.
FIELDS = [(8, 4), (12, 4), (15, 4), (10, 4), (14, 4), (2, 4), (1, 4), (7, 2), (11, 2), (6, 1), (4, 1), (5, 1)]
TIMES = {9: [(21, 4), (22, 4)], 10: [(151, 4), (150, 4)]}
RECORD = struct.Struct(">4s4s4sIIIIHHBBBII")
SEQUENCE_AT = {9: 12, 10: 8}


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint32), ("padding", ctypes.c_uint32),
    ]  # fmt: skip


def header(version, now, length, count):
    if version == 9:
        return struct.pack(">HHIIII", 9, count, 3_600_000, now, 0, 7)
    return struct.pack(">HHIII", 10, length + 16, now, 0, 7)


def template(version, now):
    fields = FIELDS + TIMES[version]
    body = struct.pack(">HH", 256, len(fields)) + b"".join(struct.pack(">HH", *field) for field in fields)
    body = struct.pack(">HH", 0 if version == 9 else 2, 4 + len(body)) + body
    return header(version, now, len(body), 1) + body


def datagram(version, now, first):
    """31 records of conversations from this number on; a uniform mix of hosts, as behind a border."""
    times = (3_599_000, 3_570_000) if version == 9 else (now - 1, now - 30)
    records = []
    for number in range(first, first + RECORDS):
        mixed = number * 2_654_435_761 & 0xFFFFFFFF
        source = struct.pack(">I", 0x0A000000 | mixed & 0xFFFFFF)
        destination = struct.pack(">I", 0xC0000000 ^ (mixed * 40_503 & 0x3FFFFFFF))
        records.append(RECORD.pack(
            source, destination, b"\xc0\x00\x02\x01", 1, 2, 10, 8_000, 32_768 + (number & 0x7FFF), 443, 0x1B, 6, 0, *times
        ))  # fmt: skip
    body = b"".join(records)
    body += bytes(-len(body) % 4)
    body = struct.pack(">HH", 256, 4 + len(body)) + body
    return header(version, now, len(body), RECORDS) + body


def send(arguments):
    """Sends that many datagrams at that rate; how many it sent, and how many a second."""
    version, now = arguments.version, int(time.time())
    ring = CONVERSATIONS // RECORDS
    made = [datagram(version, now, index * RECORDS) for index in range(ring)]
    size = len(made[0])
    pool = bytearray(b"".join(made))
    base = ctypes.addressof(ctypes.c_char.from_buffer(pool))
    iovecs = (Iovec * ring)(*[Iovec(base + index * size, size) for index in range(ring)])
    step = ctypes.sizeof(Iovec)
    messages = (Message * ring)()
    for index in range(ring):
        messages[index].iov, messages[index].iov_length = ctypes.addressof(iovecs) + index * step, 1
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    out.connect(("127.0.0.1", arguments.port))
    out.send(template(version, now))
    time.sleep(0.2)
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    number, put, at = 0, struct.Struct(">I").pack_into, SEQUENCE_AT[version]
    unit = 1 if version == 9 else RECORDS
    begun = time.perf_counter()
    while number < arguments.send:
        first = number % ring
        count = min(BURST, ring - first, arguments.send - number)
        for index in range(count):
            put(pool, (first + index) * size + at, (number + index + (version == 9)) * unit & 0xFFFFFFFF)
        if arguments.rate:
            due = begun + number / arguments.rate
            while (wait := due - time.perf_counter()) > 0:
                if wait > 0.0002:
                    time.sleep(wait - 0.0001)
        done = sendmmsg(out.fileno(), ctypes.byref(messages, first * ctypes.sizeof(Message)), count, 0)
        if done <= 0:
            sys.exit(f"sendmmsg: {os.strerror(ctypes.get_errno())}")
        number += done
    return {"sent": number, "rate": number / (time.perf_counter() - begun)}


# ---------------------------------------------------------------- who receives


class Program:
    """Receives until told to end; then says how many records it got."""

    def __init__(self, name, arguments, scratch):
        self.name, self.arguments, self.scratch = name, arguments, scratch
        self.port, self.cpu = 0, 0.0

    @contextlib.contextmanager
    def receiving(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        process = subprocess.Popen(
            list(map(str, self.command())), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self.until_ready(process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

    def missed(self, rate, datagrams):
        """How many records of so many datagrams did not arrive, how many a second were sent, and CPU per record."""
        with self.receiving() as process:
            before = cpu_seconds(process.pid)
            said = subprocess.run(
                [sys.executable, __file__, "--send", str(datagrams), "--port", str(self.port), "--rate", str(rate),
                 "--version", str(self.arguments.version), "--weir", str(self.arguments.weir)],
                check=True, capture_output=True, text=True, timeout=10 * PATIENCE,
            ).stdout  # fmt: skip
            sent = json.loads(said)
            self.before_end()
            self.cpu = (cpu_seconds(process.pid) - before) / (sent["sent"] * RECORDS) * 1e9
        return sent["sent"] * RECORDS - self.records(), sent["rate"]


def cpu_seconds(process):
    """User and system time of a process with all its threads."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Weir(Program):
    def __init__(self, arguments, scratch):
        super().__init__("weir", arguments, scratch)
        self.control, self.status = scratch / "control", None

    def command(self):
        indicators = [part for path in self.arguments.indicators for part in ("--indicators", path)]
        return [
            self.arguments.weir, "run", "--netflow", f"127.0.0.1:{self.port}", *indicators,
            "--collectors", self.arguments.collectors, "--receive-buffer", BUFFER, "--control", self.control,
            "--listen", "off", "--alerts", "/dev/null",
        ]  # fmt: skip

    def ask(self):
        """Its status; nothing while it does not answer."""
        command = [self.arguments.weir, "status", "--json", "--control", self.control]
        said = subprocess.run(command, capture_output=True, check=False).stdout
        return json.loads(said) if said else None

    def until_ready(self, process):
        for _ in range(PATIENCE * 10):
            if self.ask():
                return
            if process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit("weir does not answer")

    def records(self):
        return sum(thread["records"] for thread in self.status["collector"]["threads"])

    def before_end(self):
        # What is in the buffers is worked off first.
        before = -1
        for _ in range(PATIENCE):
            time.sleep(1.1)
            self.status = self.ask()
            if self.records() == before:
                break
            before = self.records()
        if not self.status["is_balanced"]:
            sys.exit(f"weir's books do not balance: {json.dumps(self.status['ledger'])}")


class Nfcapd(Program):
    def __init__(self, arguments, scratch):
        super().__init__("nfcapd", arguments, scratch)
        self.folder = scratch / "nfcapd"

    def command(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        return ["nfcapd", "-b", "127.0.0.1", "-p", self.port, "-w", self.folder, "-B", BUFFER, "-t", 86_400]

    def until_ready(self, _process):
        time.sleep(1.5)

    def before_end(self):
        time.sleep(2.0)

    def records(self):
        told = 0
        for path in self.folder.iterdir():
            said = subprocess.run(["nfdump", "-I", "-r", str(path)], capture_output=True, text=True, check=False).stdout
            found = re.search(r"^Flows: (\d+)", said, re.MULTILINE)
            told += int(found.group(1)) if found else 0
        return told


# ---------------------------------------------------------------- the search


def highest(program, arguments):
    """The highest rate in datagrams/s without loss, the highest that the sender reached, and what a record cost at the former."""
    datagrams = 50_000
    missed, top = program.missed(TOP_SPEED, datagrams)
    missed, top = program.missed(TOP_SPEED, int(top * SECONDS_A_STEP))
    if missed == 0:
        return top, top, program.cpu
    good, bad, cpu = 0.0, top, program.cpu
    for _ in range(STEPS):
        rate = (good + bad) / 2
        missed, reached = program.missed(rate, int(rate * SECONDS_A_STEP))
        if missed == 0:
            good, cpu = max(good, reached), program.cpu
        else:
            bad = rate
    return good, top, cpu


def markdown(found, arguments):
    version = "NetFlow v9" if arguments.version == 9 else "IPFIX"
    lines = [
        f"{version}, {RECORDS} records a datagram, {CONVERSATIONS:,} conversations, {BUFFER >> 10:,} KiB of buffer, "
        f"{arguments.collectors} collector(s), {arguments.runs} runs, medians; {len(arguments.indicators)} files of indicators",
        "",
        "| program | records/s without loss | from | to | sender's top speed beside it | ns of CPU a record |",
        "|---|---|---|---|---|---|",
    ]
    for name, results in found.items():
        rates, tops, cpus = zip(*results, strict=True)
        cells = [statistics.median(rates), min(rates), max(rates), statistics.median(tops)]
        cells = [f"{cell * RECORDS:,.0f}" for cell in cells] + [f"{statistics.median(cpus):.0f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
