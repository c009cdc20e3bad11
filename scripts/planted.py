#!/usr/bin/env python3
"""Which indicators of a million occur in a large capture according to tshark, and which does Weir alert?

Reads bench/ of the corpora (WEIR_CORPORA, else beside the checkout), unpacks it to target/planted, and compares the two
sets: all indicators, and those of planted.json. Ends with 1 when there is a difference that KNOWN does not explain, or an
explanation of nothing.
"""

import ipaddress
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = Path(os.environ.get("WEIR_CORPORA", ROOT / "../shared/corpora")) / "bench"
OUT = ROOT / "target/planted"
WEIR = Path(os.environ.get("WEIR", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/weir"))
LISTS = ["domains-700k.txt", "ips-300k.txt"]

# What tshark is asked for, and what it is: every field is a list, in every layer of a packet.
ADDRESSES = ["ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "dns.a", "dns.aaaa"]
NAMES = ["dns.qry.name", "dns.cname", "tls.handshake.extensions_server_name", "dtls.handshake.extensions_server_name",
         "http.host", "http2.headers.authority"]
# The URI holds the host where a proxy is asked.
URIS = ["http.request.full_uri"]

# Differences that are right, each looked at in the packets. Checked like a test: one that explains nothing is an error.
KNOWN = {
    "localhost": "refused when the list is loaded: a name without a dot would match what is local everywhere",
    "127.0.0.2": "refused when the list is loaded: a loopback address (it occurs as the answer of a DNS block list)",
}


def main():
    if not BENCH.is_dir():
        print(f"skipped: no {BENCH} (set WEIR_CORPORA)")
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    for name in ["base.pcap", *LISTS]:
        if not (OUT / name).exists():
            subprocess.run(["zstd", "-dqk", BENCH / f"{name}.zst", "-o", OUT / name], check=True)
    domains, addresses = listed()
    occurring = occurrences(domains, addresses)
    alerted = alerts()
    planted = json.loads((BENCH / "planted.json").read_text())
    planted = {plain(name) for name in planted["names"]} | {address(ip) for ip in planted["ips"]}
    wrong = 0
    wrong += compare("planted.json", {key: occurring[key] for key in occurring if key in planted}, alerted & planted)
    wrong += compare("all million", occurring, alerted)
    stale = [key for key in KNOWN if (key in occurring) == (key in alerted)]
    for key in stale:
        print(f"an explanation of nothing: {key}")
    return 1 if wrong or stale else 0


def listed():
    """Names and addresses of both lists, each by what it is (the list of names holds addresses too)."""
    lines = {plain(line) for name in LISTS for line in (OUT / name).open() if line.strip()}
    names = {line for line in lines if not is_address(line)}
    return names, {address(line) for line in lines - names}


def plain(name):
    return name.strip().rstrip(".").lower()


def address(text):
    """An address in one notation; anything else as it is."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text.strip()


def is_address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def occurrences(domains, addresses):
    """Indicators that tshark meets, with where."""
    found = defaultdict(Counter)
    for row in tshark():
        frame, errors = row["frame.number"], "icmp" in row["frame.protocols"]
        for field in ADDRESSES:
            # The outermost addresses of the packet come first; behind an ICMP header they are those of the packet quoted.
            for position, text in enumerate(row[field]):
                quoted = errors and field.startswith("ip") and position > 0
                if (ip := address(text)) in addresses:
                    found[ip][f"{field}{' quoted in ICMP' if quoted else ''}"] += 1
                    found[ip].setdefault("first frame", int(frame))
        hosts = [(field, name) for field in NAMES for name in row[field]]
        hosts += [(field, host_of(uri)) for field in URIS for uri in row[field]]
        for field, name in hosts:
            host = re.sub(r":\d+$", "", plain(name)) if field != "dns.qry.name" else plain(name)
            candidates = [address(host)] if address(host) in addresses else suffixes(host)
            for candidate in candidates:
                if candidate in domains or candidate in addresses:
                    found[candidate][field] += 1
                    found[candidate].setdefault("first frame", int(frame))
    return found


def host_of(uri):
    match = re.match(r"[a-z]+://([^/?#]*)", uri, re.IGNORECASE)
    return match.group(1).rsplit("@", 1)[-1] if match else ""


def suffixes(name):
    """A name and what it is below, at label boundaries."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def tshark():
    """One dictionary a packet; kept, because it takes minutes."""
    single, lists = ["frame.number", "frame.protocols"], [*ADDRESSES, *NAMES, *URIS]
    kept = OUT / "tshark.tsv"
    header = "\t".join([*single, *lists])
    if not kept.exists() or kept.open(errors="replace").readline().rstrip("\n") != header:
        print("tshark reads the capture (some minutes) ...", flush=True)
        command = ["tshark", "-n", "-r", OUT / "base.pcap", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"]
        command += [part for field in [*single, *lists] for part in ("-e", field)]
        part = kept.with_suffix(".part")
        with part.open("w") as out:
            out.write(header + "\n")
            out.flush()
            subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
        part.rename(kept)
    with kept.open(errors="replace") as rows:
        next(rows)
        for row in rows:
            values = row.rstrip("\n").split("\t")
            values += [""] * (len(single) + len(lists) - len(values))
            yield dict(zip(single, values)) | {
                field: [value for value in values[index].split(",") if value]
                for index, field in enumerate(lists, len(single))
            }


def alerts():
    """Indicators that rang, or were met by a flow that rang."""
    command = [WEIR, "read", OUT / "base.pcap", "--quiet", "--no-screening", "--alerts", OUT / "alerts.jsonl"]
    for name in LISTS:
        command += ["--indicators", OUT / name]
    status = subprocess.run(command).returncode
    if status != 1:
        sys.exit(f"weir ended with status {status}, 1 was expected (alerts raised)")
    found = set()
    for line in (OUT / "alerts.jsonl").open():
        threat = json.loads(line)["threat"]
        for indicator in [threat["indicator"], *(entry["indicator"] for entry in threat.get("enrichments", []))]:
            value = indicator.get("name", "")
            found.add(address(value) if "ip" in indicator else plain(value))
    return found


def compare(title, occurring, alerted):
    """Prints what one side has and the other has not; how much of it is unexplained."""
    missed, more = sorted(set(occurring) - alerted), sorted(alerted - set(occurring))
    print(f"{title}: {len(occurring)} occur, {len(alerted)} alerted, {len(missed)} missed, {len(more)} more")
    for word, keys in (("missed", missed), ("more", more)):
        for key in keys:
            where = dict(occurring.get(key, {}))
            print(f"  {word} {key} {where or ''}: {KNOWN.get(key, 'UNEXPLAINED')}")
    return sum(key not in KNOWN for key in missed + more)


if __name__ == "__main__":
    sys.exit(main())
