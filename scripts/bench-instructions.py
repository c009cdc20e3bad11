#!/usr/bin/env python3
"""Counts the instructions of each bench and compares them with the baseline: a regression shows on a noisy machine too.

    scripts/bench-instructions.py [--write] [--bench BINARY] [NAME]...

Each bench of `weir-bench` runs once, with small inputs, under valgrind's callgrind, which counts only what happens inside
`weir_bench_measured`. Counts depend on the compiler and the C library: after a change of those, write the baseline anew.
Exit code 1: something needs over 3 % more than its baseline.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Seeds of hash maps differ from run to run; what they do to a count is well below this.
TOLERATED = 0.03
BASELINE = pathlib.Path(__file__).resolve().parent.parent / "benches" / "baseline.tsv"
HEADER = "bench\tinstructions per item\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only benches whose name contains one of these")
    parser.add_argument("--write", action="store_true", help="write the baseline instead of comparing with it")
    parser.add_argument("--bench", type=pathlib.Path, default=pathlib.Path("target/release/weir-bench"))
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        parser.error("valgrind is missing (apt-get install valgrind)")

    baseline = read_baseline()
    counted = {}
    for name in listed(arguments.bench, arguments.names):
        counted[name] = count(arguments.bench, name)
        print(line(name, counted[name], baseline.get(name)), flush=True)
    if arguments.write:
        rows = sorted((baseline | counted).items()) if arguments.names else sorted(counted.items())
        BASELINE.write_text(HEADER + "".join(f"{name}\t{per_item:.1f}\n" for name, per_item in rows))
        return 0
    worse = [name for name, now in counted.items() if name in baseline and now > baseline[name] * (1 + TOLERATED)]
    missing = sorted(counted.keys() - baseline.keys())
    if worse:
        print(f"more than {TOLERATED:.0%} worse: {', '.join(worse)}")
    if missing:
        print(f"not in the baseline: {', '.join(missing)}")
    return 1 if worse else 0


def read_baseline():
    if not BASELINE.exists():
        return {}
    rows = (row.split("\t") for row in BASELINE.read_text().splitlines()[1:])
    return {name: float(per_item) for name, per_item in rows}


def listed(bench, names):
    return subprocess.run([bench, "--list", *names], check=True, capture_output=True, text=True).stdout.split()


def count(bench, name):
    """Instructions per item."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        command = [
            "valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*weir_bench_measured*",
            f"--callgrind-out-file={out}", bench, "--once", name,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        items = re.search(rf"^{re.escape(name)}\t(\d+)$", done.stdout, re.M)
        if done.returncode != 0 or items is None:
            raise SystemExit(f"{name} failed under valgrind:\n{done.stderr[-2000:]}")
        total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M)
    return int(total.group(1)) / int(items.group(1))


def line(name, now, before):
    change = f"{now / before - 1:+.1%}" if before else "new"
    return f"{name:24} {now:10.1f} instructions/item  {change}"


if __name__ == "__main__":
    sys.exit(main())
