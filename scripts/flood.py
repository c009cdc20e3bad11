#!/usr/bin/env python3
"""A SYN flood of 20 million flows, with 1,000 real conversations among them, through `weir read`.

Shows that memory stays within its budget, that all real flows come out whole, and that alerts about them are raised. Exit
code 1 when one of them is not so. Bounded: the packets are made to order and piped, nothing is stored but the lines of the
real flows."""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Of the packets of the flood one in this many belongs to a real conversation (`weir-traffic synflood`).
REAL_AMONG_FLOOD = 20
# What weir holds besides its flow table: batches, passive DNS, code.
OTHER_MEMORY_MB = 200


def traffic(args, packets):
    command = [args.traffic, "synflood", "--packets", str(packets), "--flows", str(args.real)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def read(args, packets, folder, *options):
    """Runs the flood; gives the alerts, the lines of flows that speak TLS, and what was said on stderr."""
    fifo, real = folder / "flows", folder / "real"
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo)
    with real.open("wb") as lines:
        grep = subprocess.Popen(
            ["grep", "-F", '"tls":{', fifo], stdout=lines, env={**os.environ, "LC_ALL": "C"}
        )
        source = traffic(args, packets)
        command = [args.weir, "read", "-", "--flows", fifo, "--flow-memory", args.memory, *options]
        weir = subprocess.run(command, stdin=source.stdout, capture_output=True, check=False)
        source.stdout.close()
        source.wait()
        grep.wait()
    if weir.returncode not in (0, 1):
        sys.exit(f"weir read ended with {weir.returncode}:\n{weir.stderr.decode()}")
    flows = [json.loads(line) for line in real.read_text().splitlines()]
    return [json.loads(line) for line in weir.stdout.splitlines()], flows, weir.stderr.decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weir", required=True, help="the program")
    parser.add_argument("--traffic", required=True, help="weir-traffic")
    parser.add_argument("--flood", type=int, default=20_000_000, help="flows of the flood")
    parser.add_argument("--real", type=int, default=1_000, help="real flows")
    parser.add_argument("--memory", default="256MiB", help="budget of the flow table")
    args = parser.parse_args()
    packets = args.flood * REAL_AMONG_FLOOD // (REAL_AMONG_FLOOD - 1)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # The same seed gives the same conversations: some of their servers are bad.
        _, seen, _ = read(args, args.real * REAL_AMONG_FLOOD * 20, folder)
        bad = sorted({flow["destination"]["ip"] for flow in seen})[::100]
        (folder / "bad.txt").write_text("".join(f"{address}\n" for address in bad))
        # Without lines of flows, which wait in memory for whoever reads them.
        source = traffic(args, packets)
        command = [args.weir, "read", "-", "-q", "--flow-memory", args.memory, "--no-screening", "--indicators", folder / "bad.txt"]
        subprocess.run(command, stdin=source.stdout, stdout=subprocess.DEVNULL, check=False)
        source.stdout.close()
        source.wait()
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        began = time.monotonic()
        alerts, flows, said = read(args, packets, folder, "--no-screening", "--indicators", folder / "bad.txt")
        elapsed = time.monotonic() - began
    with_lines_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    counted = sum(flow["network"]["packets"] for flow in flows)
    sent = (packets + REAL_AMONG_FLOOD - 1) // REAL_AMONG_FLOOD
    budget_mb = int(args.memory.removesuffix("MiB"))
    print(said)
    print(f"{packets:,} packets in {elapsed:.0f} s, {args.flood:,} of them flows of the flood; {len(bad)} bad servers")
    print(f"peak memory while lines of all flows are written: {with_lines_mb:.0f} MB")
    results = [
        (f"real flows: {len(flows):,} of {args.real:,}", len(flows) == args.real),
        (f"their packets: {counted:,} of {sent:,}", counted == sent),
        (f"alerts about bad servers: {len(alerts)}", len(alerts) >= len(bad) > 0),
        (f"peak memory: {peak_mb:.0f} MB, of which {budget_mb} may be flows", peak_mb < budget_mb + OTHER_MEMORY_MB),
    ]
    for text, holds in results:
        print(f"{'ok ' if holds else 'NOT'} {text}")
    sys.exit(0 if all(holds for _, holds in results) else 1)


if __name__ == "__main__":
    main()
