"""Packets and capture files from nothing but Python's standard library, the same bytes each time.

Functions build bytes from the inside out (a DNS message, in UDP, in IPv4, in Ethernet); `Wire` keeps the clock and writes
the file, `Tcp` plays a connection on it.
"""

import ipaddress
import struct

LINK_ETHERNET, LINK_RAW = 1, 101
ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_MPLS, ETHERTYPE_TEB = 0x8100, 0x88A8, 0x8847, 0x6558
ICMP, IPIP, TCP, UDP, SIXIN4, FRAGMENT, GRE, ICMPV6, DESTINATION_OPTIONS = 1, 4, 6, 17, 41, 44, 47, 58, 60
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
A, CNAME, PTR, MX, TXT, AAAA = 1, 5, 12, 15, 16, 28
NOERROR, NXDOMAIN = 0, 3


# ---------------------------------------------------------------- link layer


def ethernet(ethertype, payload):
    return bytes.fromhex("020000000002" "020000000001") + struct.pack("!H", ethertype) + payload


def ethernet_ip(packet):
    return ethernet(ethertype_of(packet), packet)


def ethertype_of(packet):
    return ETHERTYPE_IPV6 if packet[0] >> 4 == 6 else ETHERTYPE_IPV4


def vlan(identifier, ethertype, payload):
    """What follows the EtherType of a tag: the tag's identifier and the next EtherType."""
    return struct.pack("!HH", identifier, ethertype) + payload


def mpls(labels, payload):
    last = len(labels) - 1
    return b"".join(struct.pack("!I", label << 12 | (i == last) << 8 | 64) for i, label in enumerate(labels)) + payload


# ---------------------------------------------------------------- IP


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, destination, protocol, payload, identification=0, offset=0, more=False):
    """An IPv4 or IPv6 packet, as the addresses are."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return head + source.packed + destination.packed + payload
    fragment = offset // 8 | more << 13
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, fragment, 64, protocol, 0)
    head += source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def fragments(source, destination, protocol, payload, size, identification):
    """The packet in fragments of `size` bytes of payload (a multiple of 8), in order."""
    pieces = []
    for offset in range(0, len(payload), size):
        piece, more = payload[offset : offset + size], offset + size < len(payload)
        if ipaddress.ip_address(source).version == 6:
            head = struct.pack("!BBHI", protocol, 0, offset | more, identification)
            pieces.append(ip(source, destination, FRAGMENT, head + piece))
        else:
            pieces.append(ip(source, destination, protocol, piece, identification, offset, more))
    return pieces


def destination_options(protocol, payload):
    """An IPv6 extension header with nothing but padding, before `payload`."""
    return struct.pack("!BB", protocol, 0) + b"\x01\x04\0\0\0\0" + payload


# ---------------------------------------------------------------- transport


def with_checksum(source, destination, protocol, segment, at):
    source, destination = ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed
    pseudo = source + destination + struct.pack("!IHBB", len(segment), 0, 0, protocol)
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment) or 0xFFFF) + segment[at + 2 :]


def udp(source, destination, payload):
    """UDP from (address, port) to (address, port): the datagram without its IP header."""
    datagram = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    return with_checksum(source[0], destination[0], UDP, datagram, 6)


def tcp(source, destination, sequence, acknowledgement, flags, payload=b""):
    segment = struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, acknowledgement, 0x50, flags, 64000, 0, 0)
    return with_checksum(source[0], destination[0], TCP, segment + payload, 16)


def icmp_echo(source, destination, reply=False, identifier=7, sequence=1, payload=b""):
    if ipaddress.ip_address(source).version == 6:
        message = struct.pack("!BBHHH", 129 if reply else 128, 0, 0, identifier, sequence) + payload
        return ip(source, destination, ICMPV6, with_checksum(source, destination, ICMPV6, message, 2))
    return icmp(source, destination, 0 if reply else 8, 0, struct.pack("!HH", identifier, sequence) + payload)


def icmp(source, destination, kind, code, rest):
    message = struct.pack("!BBH", kind, code, 0) + rest
    return ip(source, destination, ICMP, message[:2] + struct.pack("!H", checksum(message)) + message[4:])


def icmp_port_unreachable(source, packet):
    """The error that `source` sends to the sender of `packet` (an IPv4 packet), which it quotes."""
    return icmp(source, ipaddress.ip_address(packet[12:16]), 3, 3, bytes(4) + packet[:28])


# ---------------------------------------------------------------- tunnels


def vxlan(source, destination, vni, inner_frame, port=51234):
    payload = struct.pack("!II", 0x08000000, vni << 8) + inner_frame
    return ip(source, destination, UDP, udp((source, port), (destination, 4789), payload))


def geneve(source, destination, vni, inner_frame, port=51235):
    payload = struct.pack("!BBHI", 0, 0, ETHERTYPE_TEB, vni << 8) + inner_frame
    return ip(source, destination, UDP, udp((source, port), (destination, 6081), payload))


def gtp_u(source, destination, teid, inner_packet):
    payload = struct.pack("!BBHI", 0x30, 0xFF, len(inner_packet), teid) + inner_packet
    return ip(source, destination, UDP, udp((source, 2152), (destination, 2152), payload))


def gre(source, destination, inner_packet):
    return ip(source, destination, GRE, struct.pack("!HH", 0, ethertype_of(inner_packet)) + inner_packet)


# ---------------------------------------------------------------- DNS


def dns_name(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def dns_query(identifier, name, qtype=A):
    return struct.pack("!HHHHHH", identifier, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack("!HH", qtype, 1)


def dns_answer(identifier, name, records=(), qtype=A, rcode=NOERROR):
    """Records are (owner, type, ttl, data): data an address, a name, or for TXT a text."""
    head = struct.pack("!HHHHHH", identifier, 0x8180 | rcode, 1, len(records), 0, 0)
    return head + dns_name(name) + struct.pack("!HH", qtype, 1) + b"".join(dns_record(*record) for record in records)


def dns_record(owner, rtype, ttl, data):
    if rtype in (A, AAAA):
        data = ipaddress.ip_address(data).packed
    elif rtype == MX:
        data = struct.pack("!H", 10) + dns_name(data)
    elif rtype == TXT:
        data = bytes([len(data)]) + data.encode()
    else:
        data = dns_name(data)
    return dns_name(owner) + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data


# ---------------------------------------------------------------- TLS


def client_hello(server_name=None, ciphers=(0x1301, 0x1302, 0x1303), protocols=("h2",), padding=0):
    """A TLS 1.3 ClientHello in one record."""
    extensions = b""
    if server_name:
        name = server_name.encode()
        extensions += extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name)
    listed = b"".join(bytes([len(protocol)]) + protocol.encode() for protocol in protocols)
    extensions += extension(10, struct.pack("!HH", 2, 0x001D))
    extensions += extension(13, struct.pack("!HHH", 4, 0x0403, 0x0804))
    extensions += extension(16, struct.pack("!H", len(listed)) + listed)
    extensions += extension(43, struct.pack("!BH", 2, 0x0304))
    extensions += extension(51, struct.pack("!HHH", 36, 0x001D, 32) + bytes(range(32)))
    if padding:
        extensions += extension(21, bytes(padding))
    suites = struct.pack(f"!H{len(ciphers)}H", 2 * len(ciphers), *ciphers)
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + suites + b"\x01\0" + struct.pack("!H", len(extensions)) + extensions
    return tls_record(22, b"\x01" + struct.pack("!I", len(body))[1:] + body)


def server_hello(cipher=0x1301):
    extensions = extension(43, struct.pack("!H", 0x0304)) + extension(51, struct.pack("!HH", 0x001D, 32) + bytes(32))
    body = b"\x03\x03" + bytes(range(32, 64)) + b"\0" + struct.pack("!HBH", cipher, 0, len(extensions)) + extensions
    return tls_record(22, b"\x02" + struct.pack("!I", len(body))[1:] + body)


def extension(kind, data):
    return struct.pack("!HH", kind, len(data)) + data


def tls_record(kind, data):
    return struct.pack("!BHH", kind, 0x0303, len(data)) + data


def application_data(length):
    return tls_record(23, bytes(n * 37 % 251 for n in range(length)))


# ---------------------------------------------------------------- HTTP


def http_request(host, path="/", method="GET", body=b"", agent="curl/7.88.1"):
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def http_response(status=200, length=120):
    return f"HTTP/1.1 {status} OK\r\nContent-Length: {length}\r\n\r\n".encode() + b"x" * length


# ---------------------------------------------------------------- the wire


class Wire:
    """Frames in the order sent, a clock, and how an IP packet becomes a frame."""

    def __init__(self, start_seconds=1_790_000_000):
        self.now_us = start_seconds * 1_000_000
        self.frames = []
        self.frame_of = ethernet_ip
        self.identifier = 0

    def wait(self, seconds):
        self.now_us += round(seconds * 1_000_000)

    def packet(self, packet):
        self.frames.append((self.now_us, self.frame_of(packet)))
        self.now_us += 1_000

    def udp(self, source, destination, payload):
        self.packet(ip(source[0], destination[0], UDP, udp(source, destination, payload)))

    def lookup(self, client, server, name, records=(), qtype=A, rcode=NOERROR, port=None):
        """A question and its answer. Records without owner: (type, data), a TTL of 300 s, CNAMEs chained."""
        self.identifier += 1
        port = port or 40000 + self.identifier
        owner, full = name, []
        for record in records:
            rtype, data, ttl = (*record, 300)[:3]
            full.append((owner, rtype, ttl, data))
            owner = data if rtype == CNAME else owner
        self.udp((client, port), (server, 53), dns_query(self.identifier, name, qtype))
        self.udp((server, 53), (client, port), dns_answer(self.identifier, name, full, qtype, rcode))

    def tcp(self, client, server, see="both"):
        return Tcp(self, client, server, see)

    def tls(self, client, server, server_name=None, **hello):
        """A whole TLS 1.3 session with a little data both ways."""
        connection = self.tcp(client, server).open()
        connection.send(client_hello(server_name, **hello)).reply(server_hello()).send(application_data(300))
        connection.reply(application_data(900)).close()

    def http(self, client, server, request, response=None):
        self.tcp(client, server).open().send(request).reply(response or http_response()).close()

    def write(self, path, cut=0):
        """A pcap file, little-endian, microseconds, without its last `cut` bytes."""
        data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINK_ETHERNET)
        for time_us, frame in self.frames:
            data += struct.pack("<IIII", *divmod(time_us, 1_000_000), len(frame), len(frame)) + frame
        path.write_bytes(data[: len(data) - cut])


def write_pcapng(path, interfaces, packets):
    """A big-endian pcapng file in nanoseconds: the link type of each interface, and (interface, nanoseconds, bytes)."""
    data = pcapng_block(0x0A0D0D0A, struct.pack("!IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link_type in interfaces:
        resolution = struct.pack("!HHB3x", 9, 1, 9) + bytes(4)
        data += pcapng_block(1, struct.pack("!HHI", link_type, 0, 0) + resolution)
    for interface, time_ns, packet in packets:
        head = struct.pack("!IIIII", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, len(packet), len(packet))
        data += pcapng_block(6, head + packet + bytes(-len(packet) % 4))
    path.write_bytes(data)


def pcapng_block(kind, body):
    length = struct.pack("!I", 12 + len(body))
    return struct.pack("!I", kind) + length + body + length


class Tcp:
    """A connection on a wire; `see` says which direction the capture sees: both, client or server."""

    def __init__(self, wire, client, server, see):
        self.wire, self.client, self.server, self.see = wire, client, server, see
        self.next = {client: 1000, server: 5000}

    def other(self, end):
        return self.server if end == self.client else self.client

    def segment(self, end, flags, payload=b""):
        """One segment from `end`, in sequence."""
        self.at(end, self.next[end], flags, payload)
        self.next[end] += len(payload) + bool(flags & (SYN | FIN))

    def at(self, end, sequence, flags, payload=b""):
        """One segment from `end` at a sequence number of its own; nothing advances."""
        other = self.other(end)
        acknowledgement = self.next[other] if flags & ACK else 0
        seen = "client" if end == self.client else "server"
        if self.see in ("both", seen):
            self.wire.packet(ip(end[0], other[0], TCP, tcp(end, other, sequence, acknowledgement, flags, payload)))

    def open(self):
        self.segment(self.client, SYN)
        self.segment(self.server, SYN | ACK)
        self.segment(self.client, ACK)
        return self

    def send(self, payload):
        self.segment(self.client, PSH | ACK, payload)
        self.segment(self.server, ACK)
        return self

    def reply(self, payload):
        self.segment(self.server, PSH | ACK, payload)
        self.segment(self.client, ACK)
        return self

    def close(self):
        self.segment(self.client, FIN | ACK)
        self.segment(self.server, FIN | ACK)
        self.segment(self.client, ACK)
        return self

    def refuse(self):
        """The answer to a SYN where nobody listens."""
        self.segment(self.client, SYN)
        self.segment(self.server, RST | ACK)
        return self
