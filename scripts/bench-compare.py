#!/usr/bin/env python3
"""Runs one capture through weir and whichever of its peers are on the PATH, and says what each of them costs.

    scripts/bench-compare.py CAPTURE [--indicators PATH]... [--runs 5] [--weir BINARY] [--svg PICTURE] > table.md

Runs alternate: each round runs every candidate once, so that a noisy neighbour meets all of them. Costs are user and system
time of the child and all its threads, and its largest resident set, as wait4(2) tells them. Ratios are medians of
the ratios within each round; everything else is the median over the rounds. Nothing is installed.

Before each run the capture is read into the page cache and 512 MiB of memory are touched and given back: a virtual machine
whose host takes free memory away pays for the first touch of a page with a hundred times what it costs otherwise, and whoever
comes first would pay for all.

Weir runs with one worker and with two. What the second is worth depends on whether the machine lets two processes run at full
speed at all, so tcpdump is also run beside a process that does nothing but keep a processor busy.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from html import escape

REFERENCE = "tcpdump -w /dev/null"
LOADING = "weir, loading the indicators only"
NEIGHBOUR = "tcpdump -w /dev/null beside a busy process"
# A process of its own: what a process held when it forked counts as its children's largest resident set.
TOUCH = [
    sys.executable, "-c",
    "import mmap\nmemory = mmap.mmap(-1, 512 << 20)\nmemory.madvise(mmap.MADV_HUGEPAGE)\n"
    "for page in range(0, len(memory), mmap.PAGESIZE): memory[page] = 1",
]
BUSY = [sys.executable, "-c", "while True: pass"]


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="bench-compare-", dir=arguments.scratch) as scratch:
        comparison = Comparison(arguments, pathlib.Path(scratch))
        comparison.count_packets()
        for round_number in range(1, arguments.runs + 1):
            print(f"round {round_number} of {arguments.runs}", file=sys.stderr)
            comparison.round()
    print(markdown(comparison))
    if arguments.svg:
        arguments.svg.write_text(svg(comparison), encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=pathlib.Path)
    parser.add_argument("--indicators", type=pathlib.Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--weir", type=pathlib.Path, default=pathlib.Path("target/release/weir"))
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder for what is written and removed again")
    arguments = parser.parse_args()
    for path in [arguments.capture, arguments.weir, *arguments.indicators]:
        if not path.exists():
            parser.error(f"there is no {path}")
    return arguments


# ---------------------------------------------------------------- what is run


class Candidate:
    """A program with its arguments, run in an empty folder that is removed after each run."""

    def __init__(self, name, command, good_codes=(0,), neighbour=None, one_worker=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.good_codes = good_codes
        self.neighbour = neighbour
        self.one_worker = one_worker
        self.runs = []

    def run(self, scratch):
        busy = subprocess.Popen(self.neighbour) if self.neighbour else None
        try:
            self.runs.append(self.run_once(scratch))
        finally:
            if busy:
                busy.kill()
                busy.wait()

    def run_once(self, scratch):
        folder = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        with open(folder / "said", "wb") as said:
            began = time.monotonic()
            child = subprocess.Popen(self.command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.monotonic() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in self.good_codes:
            tail = (folder / "said").read_text(errors="replace")[-2000:]
            raise SystemExit(f"{self.name} ended with {child.returncode}: {' '.join(self.command)}\n{tail}")
        shutil.rmtree(folder)
        return Run(usage.ru_utime, usage.ru_stime, wall, usage.ru_maxrss / 1024)

    def median(self, of):
        return statistics.median(of(run) for run in self.runs)


class Run:
    def __init__(self, user, system, wall, peak_mib):
        self.user, self.system, self.wall, self.peak_mib = user, system, wall, peak_mib

    @property
    def cpu(self):
        return self.user + self.system


WORKERS = (1, 2)


def weir_candidates(weir, capture, indicators, empty):
    """weir 0 says nothing bad, 1 says alerts."""
    lists = [part for path in indicators for part in ("--indicators", path.resolve())]

    def candidate(name, source, *more, **how):
        command = [weir, "read", source, "--quiet", "--alerts", "/dev/null", *more]
        return Candidate(name, command, good_codes=(0, 1), **how)

    candidates = []
    for what, with_lists in (("", []), (", indicators", lists)) if lists else (("", []),):
        for written, flows in (("", []), (", flows written", ["--flows", "flows.jsonl"])):
            names = [f"weir{what}{written}, {workers} worker{'s' * (workers > 1)}" for workers in WORKERS]
            for workers, name in zip(WORKERS, names):
                one = names[0] if workers > 1 else None
                candidates.append(candidate(name, capture, *with_lists, *flows, "--workers", workers, one_worker=one))
    if lists:
        candidates.append(candidate(LOADING, empty, *lists))
    return candidates


# Each with the least that still makes it do its work; what it writes goes to /dev/null or to a folder that is removed.
PEERS = {
    "tcpdump": (REFERENCE, ["-n", "-r", "{capture}", "-w", "/dev/null"]),
    "softflowd": ("softflowd, a million flows at most, nothing exported", ["-r", "{capture}", "-m", "1000000"]),
    "nfpcapd": ("nfpcapd", ["-r", "{capture}", "-w", "."]),
    "argus": ("argus", ["-r", "{capture}", "-w", "/dev/null"]),
    "suricata": ("suricata without rules", ["-r", "{capture}", "-l", ".", "-k", "none", "-S", "/dev/null"]),
    "zeek": ("zeek", ["-C", "-r", "{capture}"]),
    "ipfixprobe": (
        "ipfixprobe with dns, tls, http and quic",
        ["-i", "pcap;file={capture}", "-p", "dns", "-p", "tls", "-p", "http", "-p", "quic", "-o", "text;file=/dev/null"],
    ),
}


def peer_candidates(capture):
    """Those on the PATH, and the names of those that are not."""
    found, missing = [], []
    for program, (name, arguments) in PEERS.items():
        path = shutil.which(program)
        if path:
            found.append(Candidate(name, [path, *(part.format(capture=capture) for part in arguments)]))
        else:
            missing.append(program)
    return found, missing


class Comparison:
    def __init__(self, arguments, scratch):
        self.scratch = scratch
        self.capture = arguments.capture.resolve()
        self.weir = arguments.weir.resolve()
        self.rounds = arguments.runs
        empty = scratch / "empty.pcap"
        empty.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        peers, self.missing = peer_candidates(self.capture)
        self.candidates = peers + weir_candidates(self.weir, self.capture, arguments.indicators, empty)
        references = [candidate for candidate in peers if candidate.name == REFERENCE]
        self.beside = [Candidate(NEIGHBOUR, reference.command, neighbour=BUSY) for reference in references]
        self.packets = 0

    def count_packets(self):
        """Counts the packets of the capture."""
        metrics = self.scratch / "metrics.prom"
        command = [self.weir, "read", self.capture, "--quiet", "--alerts", "/dev/null", "--metrics", metrics]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        entered = re.search(r'^weir_ledger_total\{entry="read",side="entered",unit="frames"\} (\d+)', metrics.read_text(), re.M)
        self.packets = int(entered.group(1))

    def round(self):
        for candidate in self.candidates + self.beside:
            self.settle()
            candidate.run(self.scratch)

    def settle(self):
        """Brings the capture into the page cache again, and free memory into the machine."""
        into = bytearray(1 << 20)
        with open(self.capture, "rb", buffering=0) as capture:
            while capture.readinto(into):
                pass
        subprocess.run(TOUCH, check=True)

    def ratio(self, candidate):
        """CPU as a multiple of tcpdump's in the same round; None where there is no tcpdump."""
        return self.median_of_rounds(lambda mine, reference: mine.cpu / reference.cpu, candidate, REFERENCE)

    def ratio_less_loading(self, candidate):
        """Likewise, less the cost of loading the indicators in the same round; None where that is not part of it."""
        if not self.loads_indicators(candidate):
            return None
        return self.median_of_rounds(
            lambda mine, reference, loading: (mine.cpu - loading.cpu) / reference.cpu, candidate, REFERENCE, LOADING
        )

    def loads_indicators(self, candidate):
        return "indicators" in candidate.name and candidate.name != LOADING

    def speed_up(self, candidate):
        """Wall time of one worker as a multiple of its own, less loading where that is part of both; None for one worker."""
        if candidate.one_worker is None:
            return None
        if not self.loads_indicators(candidate):
            return self.median_of_rounds(lambda mine, one: one.wall / mine.wall, candidate, candidate.one_worker)
        return self.median_of_rounds(
            lambda mine, one, loading: (one.wall - loading.wall) / (mine.wall - loading.wall),
            candidate, candidate.one_worker, LOADING,
        )

    def slowed_down(self):
        """Wall and CPU time of tcpdump beside a busy process, as multiples of those alone; None where there is no tcpdump."""
        if not self.beside:
            return None
        return [
            self.median_of_rounds(lambda mine, alone, of=of: of(mine) / of(alone), self.beside[0], REFERENCE)
            for of in (lambda run: run.wall, lambda run: run.cpu)
        ]

    def median_of_rounds(self, of, candidate, *others):
        """The median of what `of` makes of the runs of a round; None where one of the others was not run."""
        named = {one.name: one.runs for one in self.candidates}
        if any(other not in named for other in others):
            return None
        rounds = zip(candidate.runs, *(named[other] for other in others), strict=True)
        return statistics.median(of(*runs) for runs in rounds)


# ---------------------------------------------------------------- what is said


def markdown(comparison):
    lines = [
        f"`{comparison.capture.name}`: {comparison.packets:,} packets, {comparison.capture.stat().st_size:,} bytes; "
        f"medians of {comparison.rounds} alternating runs on {os.cpu_count()} processors.",
        "",
        "| | x tcpdump | less loading | CPU s | user s | system s | wall s | as fast as 1 worker | peak MiB | packets per CPU second |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(row(comparison, candidate) for candidate in comparison.candidates),
    ]
    slowed_down = comparison.slowed_down()
    if slowed_down:
        wall, cpu = slowed_down
        lines += ["", f"Beside a process that only keeps a processor busy, tcpdump takes {wall:.2f} x the wall time and {cpu:.2f} x the CPU."]
    if comparison.missing:
        lines += ["", f"Not on the PATH, so not compared: {', '.join(comparison.missing)}."]
    return "\n".join(lines)


def row(comparison, candidate):
    ratios = (comparison.ratio(candidate), comparison.ratio_less_loading(candidate))
    cpu = candidate.median(lambda run: run.cpu)
    reads_the_capture = str(comparison.capture) in " ".join(candidate.command)
    speed_up = comparison.speed_up(candidate)
    cells = [
        candidate.name,
        *("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        f"{cpu:.2f}",
        *(f"{candidate.median(of):.2f}" for of in (lambda r: r.user, lambda r: r.system, lambda r: r.wall)),
        "-" if speed_up is None else f"{speed_up:.2f} x",
        f"{candidate.median(lambda run: run.peak_mib):.0f}",
        f"{comparison.packets / cpu:,.0f}" if reads_the_capture and cpu else "-",
    ]
    return f"| {' | '.join(cells)} |"


BAR_LEFT, BAR_WIDTH, ROW_HEIGHT, TOP = 330, 480, 30, 60


def svg(comparison):
    """A bar of CPU time for each candidate, user and system, and the line of tcpdump."""
    candidates = comparison.candidates
    longest = max(candidate.median(lambda run: run.cpu) for candidate in candidates) or 1
    height = TOP + ROW_HEIGHT * len(candidates) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 {height}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="13">',
        "  <title>CPU time for the same capture</title>",
        f'  <rect width="940" height="{height}" fill="#ffffff"/>',
        f'  <text x="20" y="26" fill="#1d2a3a" font-weight="bold" font-size="15">CPU seconds for '
        f"{comparison.packets:,} packets (user, system), and as a multiple of tcpdump</text>",
    ]
    for number, candidate in enumerate(candidates):
        lines += bar(comparison, candidate, TOP + ROW_HEIGHT * number, BAR_WIDTH / longest)
    return "\n".join([*lines, "</svg>", ""])


def bar(comparison, candidate, y, scale):
    user = candidate.median(lambda run: run.user) * scale
    system = candidate.median(lambda run: run.system) * scale
    ratio = comparison.ratio(candidate)
    label = f"{candidate.median(lambda run: run.cpu):.2f} s" + (f" = {ratio:.2f} x" if ratio is not None else "")
    colour = "#2f6f9f" if candidate.name.startswith("weir") else "#8a97a6"
    return [
        f'  <text x="{BAR_LEFT - 8}" y="{y + 15}" text-anchor="end" fill="#1d2a3a" font-size="11">'
        f"{escape(candidate.name)}</text>",
        f'  <rect x="{BAR_LEFT}" y="{y}" width="{user:.1f}" height="20" fill="{colour}"/>',
        f'  <rect x="{BAR_LEFT + user:.1f}" y="{y}" width="{system:.1f}" height="20" fill="{colour}" opacity="0.55"/>',
        f'  <text x="{BAR_LEFT + user + system + 6:.1f}" y="{y + 15}" fill="#1d2a3a" font-size="12">{label}</text>',
    ]


if __name__ == "__main__":
    main()
