#!/usr/bin/env python3
"""Does Weir find in what softflowd exports of a capture what it finds in the capture itself? And do nfcapd and nfdump count the
same records?

    exported-agreement.py [CAPTURE]

softflowd reads the capture (else bench/base.pcap.zst of the corpora, else a trace of the project) and exports it as NetFlow v5, v9 and
IPFIX; the datagrams are received here, written to a capture of their own with the times in their headers, and read by
`weir read --netflow-port`. Compared are conversations with their packets and bytes each way, and alerts on addresses. Differences that
the programs' own rules make are computed, not tolerated (RULES). The same datagrams go to nfcapd, and nfdump's totals must be those of
Weir's books. Ends with 1 when anything else differs.
"""

import ipaddress
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict, namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPORA = Path(os.environ.get("WEIR_CORPORA", ROOT / "../shared/corpora"))
WEIR = Path(os.environ.get("WEIR", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/weir"))
VERSIONS = {"5": "NetFlow v5", "9": "NetFlow v9", "10": "IPFIX"}
COLLECTOR_PORT = 2055
TCP, UDP, ICMP, ICMPV6 = "6", "17", "1", "58"
# IP in IP, 6in4, GRE; GTP-U, Teredo, VXLAN (also as Linux first had it), Geneve.
TUNNEL_PROTOCOLS, TUNNEL_PORTS = {"4", "41", "47"}, {2152, 3544, 4789, 8472, 6081}
# Extension headers of IPv6.
FRAGMENT, AUTHENTICATION, EXTENSIONS = 44, 51, {0, 43, 44, 51, 60}
PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
# One address in so many is listed.
LISTED_ONE_IN = 16
SO_RCVBUFFORCE = 33

RULES = {
    "tunnel": "flows in tunnels: Weir looks inside, softflowd exports the tunnel",
    "carried": "conversations, in one direction, in carriers that softflowd does not look through, as several VLAN tags",
    "ipv6": "flows of IPv6, of which NetFlow v5 cannot tell",
    "fragments": "address pairs with fragments: softflowd knows no ports of later ones, Weir puts them together; compared without ports",
    "no ports": "address pairs of ICMP and protocols without ports: compared without types and codes",
    "frame length": "conversations with frames longer or shorter than their IP headers say (padding, cut packets): softflowd counts frames",
    "extension headers": "conversations with IPv6 fragments, of which softflowd knows the protocol of the first only, or with authentication headers",
}


def main():
    missing = [program for program in ("softflowd", "nfcapd", "nfdump") if not shutil.which(program)]
    if missing:
        sys.exit(f"skipped: {', '.join(missing)} missing (scripts/setup.sh softflowd nfdump)")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        capture = find_capture(scratch)
        print(f"{capture}\n")
        own, _ = weir(scratch, "own", capture)
        listed = scratch / "listed.txt"
        listed.write_text("".join(f"{address}\n" for address in choose(own)))
        own_alerts = alerts(scratch, listed, capture)
        frames = Frames(capture)
        differences = sum(compare(scratch, capture, version, own, own_alerts, listed, frames) for version in VERSIONS)
    print("everything agrees" if differences == 0 else f"{differences} DIFFERENCES")
    sys.exit(differences > 0)


def find_capture(scratch):
    if len(sys.argv) > 1:
        return Path(sys.argv[1])
    packed = CORPORA / "bench/base.pcap.zst"
    if packed.exists():
        subprocess.run(["zstd", "-qd", packed, "-o", scratch / "base.pcap"], check=True)
        return scratch / "base.pcap"
    return ROOT / "capture/traces/browsing.pcap"


def compare(scratch, capture, version, own, own_alerts, listed, frames):
    """The number of differences that no rule explains; prints what was compared."""
    datagrams = export(capture, version)
    exported = scratch / f"v{version}.pcap"
    write_capture(exported, datagrams)
    told, said = weir(scratch, "told", exported, "--netflow-port", str(COLLECTOR_PORT))
    told = [flow for flow in told if "exported" in flow["weir"]["flow"]]
    mine, theirs, explained = by_rules(own, told, frames, version)
    different = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
    packets, size = (sum(counters[at] for counters in mine.values()) for at in (0, 1))
    print(f"{VERSIONS[version]}: {len(datagrams)} datagrams; {len(mine)} conversations each way, {packets} packets, {size} bytes")
    for rule, text in RULES.items():
        if explained[rule]:
            print(f"    {explained[rule]:6} {text}")
    for key in different[:20]:
        print(f"    DIFFERENT {key}: {mine.get(key)} in the capture, {theirs.get(key)} exported")
    found = alerts(scratch, listed, exported, "--netflow-port", str(COLLECTOR_PORT))
    wrong_alerts = compare_alerts(own_alerts, found, told, {end for key in mine for end in key[1:3]})
    return len(different) + wrong_alerts + compare_nfdump(scratch, datagrams, told, said)


# ---------------------------------------------------------------- softflowd


def export(capture, version):
    """The datagrams that softflowd sends. It forgets nothing early and joins no directions."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receive_all(receiver)
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.5)
        port = receiver.getsockname()[1]
        command = ["softflowd", "-r", str(capture), "-n", f"127.0.0.1:{port}", "-v", version, "-d", "-a", "-6"]
        command += ["-m", "4000000", "-c", "none", "-p", f"/tmp/softflowd-{os.getpid()}.pid"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            datagrams = []
            while True:
                try:
                    datagrams.append(receiver.recv(65_535))
                except TimeoutError:
                    if process.poll() is not None:
                        return datagrams


def receive_all(receiver):
    """A burst waits in the kernel; only root may have as much room as it takes."""
    for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            return receiver.setsockopt(socket.SOL_SOCKET, option, 256 << 20)
        except PermissionError:
            continue


def export_seconds(datagram):
    at = 4 if datagram[1] == 10 else 8
    return struct.unpack_from("!I", datagram, at)[0]


def write_capture(path, datagrams):
    """As if they had come over Ethernet when their headers say."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))
        for datagram in datagrams:
            udp = struct.pack("!HHHH", 40_000, COLLECTOR_PORT, 8 + len(datagram), 0) + datagram
            ends = bytes([192, 0, 2, 1, 192, 0, 2, 2])
            packet = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, ends) + udp
            file.write(struct.pack("<IIII", export_seconds(datagram), 0, len(packet), len(packet)) + packet)


# ---------------------------------------------------------------- Weir


def weir(scratch, name, capture, *arguments):
    """All flows of a capture, and what was said of it."""
    flows = scratch / f"{name}.jsonl"
    run = subprocess.run([WEIR, "read", capture, "--flows", flows, *arguments], capture_output=True, text=True)
    if run.returncode not in (0, 3) or "the ledger balances" not in run.stderr:
        sys.exit(f"weir failed:\n{run.stderr}")
    with flows.open() as lines:
        return [json.loads(line) for line in lines], run.stderr


def alerts(scratch, listed, capture, *arguments):
    """For each alert: the listed address, direction, grade, the host inside, and as what it was met."""
    run = subprocess.run([WEIR, "read", capture, "--no-screening", "--indicators", listed, *arguments], capture_output=True, text=True)
    if "the ledger balances" not in run.stderr:
        sys.exit(f"weir failed:\n{run.stderr}")
    all_alerts = []
    for line in run.stdout.splitlines():
        weir = json.loads(line)["weir"]
        fields = {match["field"] for match in weir["incident"]["matched"]}
        incident = weir["incident"]
        host = weir.get("host", {}).get("ip")
        all_alerts.append((weir["indicator"]["value"], incident["direction"], incident["grade"], host, fields))
    return all_alerts


def choose(flows):
    """Some addresses, the same each time."""
    addresses = {end for flow in flows for end in (flow["source"]["ip"], flow["destination"]["ip"])}
    return [address for address in sorted(addresses) if may_be_listed(ipaddress.ip_address(address))][::LISTED_ONE_IN]


def may_be_listed(address):
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local:
        return False
    return not any(address in net for net in PRIVATE if net.version == address.version)


# ---------------------------------------------------------------- rules


def by_rules(own, told, frames, version):
    """Packets and bytes by protocol, ends and direction, as both programs can know them, and how often each rule counted."""
    explained = Counter()
    tunnels = {end for flow in own for layer in flow["weir"]["flow"].get("tunnels", [])[:1] for end in layer["ip"]}
    kept = []
    for flow in own:
        rule = left_out(flow, version, tunnels)
        explained[rule] += 1
        kept += [flow] if rule is None else []
    told = [flow for flow in told if not is_tunnel(flow, tunnels)]
    fragmented = frames.fragmented
    mine, theirs = (sums(flows, fragmented) for flows in (kept, told))
    for key in mine.keys() - frames.visible:
        explained["carried"] += mine.pop(key)[0] > 0
    for (protocol, sender, receiver, *ports), (seen_as, packets, size) in frames.hidden.items():
        move(mine, (protocol, sender, receiver, *ports), (seen_as, sender, receiver, 0, 0), packets, size)
        explained["extension headers"] += (protocol, sender, receiver, *ports) in mine
    for key, extra in frames.extra.items():
        if key in mine:
            mine[key][1] += extra
            explained["frame length"] += 1
    explained["fragments"] = len(fragmented)
    explained["no ports"] = len({(key[0], frozenset(key[1:3])) for key in mine if key[0] not in (TCP, UDP)})
    mine, theirs = ({key: tuple(counter) for key, counter in side.items() if counter[0]} for side in (mine, theirs))
    return mine, theirs, explained


def left_out(flow, version, tunnels):
    """The rule by which softflowd does not tell of a flow, if any."""
    if flow["weir"]["flow"].get("tunnels") or is_tunnel(flow, tunnels):
        return "tunnel"
    return "ipv6" if version == "5" and flow["network"]["type"] == "ipv6" else None


def is_tunnel(flow, tunnels):
    """Whether it is what Weir looks into: of a tunnel's protocol or port, at an end of a tunnel."""
    ports = {flow["source"].get("port"), flow["destination"].get("port")}
    may_be = flow["network"]["iana_number"] in TUNNEL_PROTOCOLS or ports & TUNNEL_PORTS
    return may_be and not tunnels.isdisjoint((flow["source"]["ip"], flow["destination"]["ip"]))


def sums(flows, fragmented):
    """Packets and bytes by protocol, sender, receiver and ports."""
    counters = defaultdict(lambda: [0, 0])
    for flow in flows:
        for sender, key in zip(("source", "destination"), keys(flow, fragmented)):
            counters[key][0] += flow[sender]["packets"]
            counters[key][1] += flow[sender]["bytes"]
    return counters


def keys(flow, fragmented):
    """Of the direction from its source, and of the other."""
    ends = [(flow[side]["ip"], flow[side].get("port", 0)) for side in ("source", "destination")]
    protocol = flow["network"]["iana_number"]
    return [key_of(protocol, one[0], other[0], one[1], other[1], fragmented) for one, other in (ends, ends[::-1])]


def key_of(protocol, sender, receiver, sender_port, receiver_port, fragmented):
    has_ports = protocol in (TCP, UDP) and (protocol, frozenset((sender, receiver))) not in fragmented
    return (protocol, sender, receiver, sender_port if has_ports else 0, receiver_port if has_ports else 0)


def move(counters, source, target, packets, size):
    if source in counters:
        for key, sign in ((source, -1), (target, 1)):
            counters[key][0] += sign * packets
            counters[key][1] += sign * size


class Frames:
    """What the two programs see differently in the packets of a capture."""

    def __init__(self, capture):
        packets = [packet for frame in frames_of(capture) if (packet := ip_packet(*frame))]
        # Protocol and address pair of fragments, of which the first alone says the protocol behind extension headers.
        first = {packet.fragment: packet.protocol for packet in packets if packet.fragment and packet.ports}
        packets = [packet._replace(protocol=first.get(packet.fragment, packet.protocol)) for packet in packets]
        self.fragmented = {(packet.protocol, frozenset(packet[1:3])) for packet in packets if packet.fragment}
        # Conversations that lie right behind an Ethernet header, or one tag.
        self.visible = set()
        # Bytes of frames behind their link header that are more, or less, than the IP header says.
        self.extra = Counter()
        # Packets with extension headers: as what softflowd takes them, and their packets and bytes.
        self.hidden = {}
        for packet in packets:
            key = key_of(packet.protocol, packet.sender, packet.receiver, *(packet.ports or (0, 0)), self.fragmented)
            self.visible.add(key)
            if packet.seen_as is not None:
                _, count, size = self.hidden.get(key, (packet.seen_as, 0, 0))
                self.hidden[key] = (packet.seen_as, count + 1, size + packet.size)
                key = (packet.seen_as, packet.sender, packet.receiver, 0, 0)
            if packet.extra:
                self.extra[key] += packet.extra


# `fragment` names the datagram, `ports` is None in later fragments, `extra` are bytes of the frame beyond what the IP header says,
# `seen_as` is the protocol for which softflowd takes the packet, None where it agrees.
Packet = namedtuple("Packet", "protocol sender receiver ports fragment extra seen_as size")


def frames_of(capture):
    """Link type, length on the wire and bytes of each frame of a pcap file."""
    data = Path(capture).read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link, at = struct.unpack_from(order + "I", data, 20)[0], 24
    while at + 16 <= len(data):
        kept, length = struct.unpack_from(order + "II", data, at + 8)
        yield link, length, data[at + 16 : at + 16 + kept]
        at += 16 + kept


def ip_packet(link, length, frame):
    """What both programs agree on of an IP packet right behind an Ethernet header or one tag, or None."""
    at = {1: 14, 101: 0}.get(link, len(frame))
    ethertype = frame[at - 2 : at] if link == 1 else b""
    if ethertype == b"\x81\x00":
        at, ethertype = at + 4, frame[at + 2 : at + 4]
    packet = frame[at:]
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20 and ethertype in (b"\x08\x00", b""):
        return ip_version_4(packet, length - at)
    if version == 6 and len(packet) >= 40 and ethertype in (b"\x86\xdd", b""):
        return ip_version_6(packet, length - at)
    return None


def ip_version_4(packet, length):
    size, identification, fragment = struct.unpack_from("!HHH", packet, 2)
    sender, receiver = (str(ipaddress.ip_address(packet[at : at + 4])) for at in (12, 16))
    # A length of zero is one that the network card would have filled in: both count the frame.
    size = size or length
    datagram = (sender, receiver, identification, packet[9]) if fragment & 0x3FFF else None
    ports = None if fragment & 0x1FFF else ports_at(packet, 4 * (packet[0] & 15))
    return Packet(str(packet[9]), sender, receiver, ports, datagram, length - size, None, size)


def ip_version_6(packet, length):
    size = 40 + struct.unpack_from("!H", packet, 4)[0]
    sender, receiver = (str(ipaddress.ip_address(packet[at : at + 16])) for at in (8, 24))
    protocol, at, datagram, offset, seen_as = packet[6], 40, None, 0, None
    while protocol in EXTENSIONS and at + 8 <= len(packet) and not offset:
        if protocol == FRAGMENT:
            datagram = (sender, receiver, packet[at + 4 : at + 8])
            offset = struct.unpack_from("!H", packet, at + 2)[0] >> 3
            seen_as = "0" if offset or packet[at] in EXTENSIONS else None
        elif protocol == AUTHENTICATION:
            seen_as = seen_as or str(AUTHENTICATION)
        length_of = {FRAGMENT: 8, AUTHENTICATION: 4 * (packet[at + 1] + 2)}
        protocol, at = packet[at], at + length_of.get(protocol, 8 * (packet[at + 1] + 1))
    ports = None if offset else ports_at(packet, at)
    return Packet(str(protocol), sender, receiver, ports, datagram, length - size, seen_as, size)


def ports_at(packet, at):
    return struct.unpack_from("!HH", packet, at) if at + 4 <= len(packet) else (0, 0)


# ---------------------------------------------------------------- alerts


def compare_alerts(own, found, told, told_of):
    """Addresses that only one of the two alerts on, and grades and directions that records cannot explain."""
    by_address = [group(alerts, told_of) for alerts in (own, found)]
    # Who certainly sent each other more than headers, as the records tell.
    spoke = {frozenset(flow[side]["ip"] for side in ("source", "destination")) for flow in told if has_payload_both_ways(flow)}
    differences, lower, unknown = 0, 0, 0
    for address in sorted(by_address[0].keys() | by_address[1].keys()):
        mine, theirs = (side.get(address) for side in by_address)
        if mine is None or theirs is None:
            differences += 1
            print(f"    DIFFERENT alerts on {address}: {mine} in the capture, {theirs} exported")
            continue
        unexplained = [alert for alert in theirs if not any(is_explained(alert, other, address, spoke) for other in mine)]
        lower += sum(alert[1] not in [other[1] for other in mine] for alert in theirs)
        unknown += sum(alert[0] not in [other[0] for other in mine] for alert in theirs)
        if unexplained:
            differences += 1
            print(f"    DIFFERENT alerts on {address}: {unexplained} exported, of {mine} in the capture")
    print(f"    alerts on {len(by_address[0])} of the same addresses; {lower} grades are lower, because bytes both ways could all be headers;")
    print(f"    {unknown} directions are unknown, because what told who began was in payload or in the order of packets")
    return differences


def group(alerts, told_of):
    """Direction, grade and host of alerts on the address of a flow, by the listed address. Only of addresses of which softflowd
    tells."""
    by_address = defaultdict(list)
    for address, direction, grade, host, fields in alerts:
        if "flow_address" in fields and address in told_of:
            by_address[address].append((direction, grade, host))
    return by_address


def has_payload_both_ways(flow):
    """Enough for an exchange; the payload of pings comes back unchanged, and is none."""
    is_ping = flow["network"]["iana_number"] in (ICMP, ICMPV6)
    return not is_ping and all(flow["weir"]["flow"][side]["payload_bytes"] > 0 for side in ("source", "destination"))


def is_explained(exported, own, address, spoke):
    with_host = {address} if exported[2] is None else {address, exported[2]}
    may_be_lower = not any(with_host <= pair for pair in spoke)
    is_same = exported[1] == own[1] or (exported[1] == "connected" and own[1] == "exchanged" and may_be_lower)
    return is_same and exported[0] in (own[0], "unknown")


# ---------------------------------------------------------------- nfcapd and nfdump


def compare_nfdump(scratch, datagrams, told, said):
    """Records, packets and bytes in all, as nfdump counts what nfcapd kept of the same datagrams, and as Weir does."""
    theirs = nfdump(scratch, datagrams)
    records = int(re.search(r"records and sampled packets: ([\d,]+) received", said)[1].replace(",", ""))
    mine = {"flows": records}
    for what in ("packets", "bytes"):
        mine[what] = sum(flow[side][what] for flow in told for side in ("source", "destination"))
    is_same = theirs == mine
    totals = ", ".join(f"{count} {what}" for what, count in mine.items())
    print(f"    nfcapd and nfdump: {'the same ' + totals if is_same else f'DIFFERENT: {mine}, nfdump {theirs}'}")
    return not is_same


def nfdump(scratch, datagrams):
    folder = Path(tempfile.mkdtemp(dir=scratch))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port = free_port()
        command = ["nfcapd", "-w", folder, "-b", "127.0.0.1", "-p", str(port), "-B", "8000000", "-t", "3600"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(port)
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", port))
                # Slow enough for its queue.
                time.sleep(0.0005)
            time.sleep(1)
            process.terminate()
    run = subprocess.run(["nfdump", "-R", folder, "-I"], capture_output=True, text=True)
    count = lambda name: int(re.search(rf"^{name}: (\d+)$", run.stdout, re.MULTILINE)[1])
    return {"flows": count("Flows"), "packets": count("Packets"), "bytes": count("Bytes")}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    """Until somebody listens there."""
    for _ in range(100):
        if f":{port:04X} " in Path("/proc/net/udp").read_text():
            return
        time.sleep(0.05)
    sys.exit("nfcapd does not listen")


if __name__ == "__main__":
    main()
