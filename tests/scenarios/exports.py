"""Datagrams of exporters: NetFlow v5 and v9 (RFC 3954), IPFIX (RFC 7011), sFlow v5."""

import ipaddress
import struct

# Elements (IANA ipfix): number and length. The same numbers in v9 and IPFIX.
BYTES, PACKETS, PROTOCOL, FLAGS = (1, 4), (2, 4), (4, 1), (6, 1)
SOURCE_PORT, DESTINATION_PORT, SOURCE, DESTINATION = (7, 2), (11, 2), (8, 4), (12, 4)
SOURCE6, DESTINATION6 = (27, 16), (28, 16)
LAST_UPTIME, FIRST_UPTIME = (21, 4), (22, 4)
START_MILLISECONDS, END_MILLISECONDS = (152, 8), (153, 8)
POST_NAT_SOURCE, NAT_EVENT = (225, 4), (230, 1)
FLOW = [SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, PROTOCOL, FLAGS, PACKETS, BYTES]
V9_FLOW = FLOW + [FIRST_UPTIME, LAST_UPTIME]
IPFIX_FLOW = FLOW + [START_MILLISECONDS, END_MILLISECONDS]
IPFIX_FLOW6 = [SOURCE6, DESTINATION6] + IPFIX_FLOW[2:]
# How long exporters have been running when a capture begins, in milliseconds.
UPTIME_MS = 5_000_000


def packed(value, length):
    if isinstance(value, str):
        return ipaddress.ip_address(value).packed
    return value.to_bytes(length, "big")


def record(fields, *values):
    assert len(fields) == len(values)
    return b"".join(packed(value, length) for (_, length), value in zip(fields, values))


def set_of(identifier, *parts):
    body = b"".join(parts)
    return struct.pack("!HH", identifier, 4 + len(body)) + body


def template(identifier, fields):
    return struct.pack("!HH", identifier, len(fields)) + b"".join(struct.pack("!HH", *field) for field in fields)


class Exporter:
    """A router: its address, the collector that it sends to, its clock's error, and its sequence numbers."""

    def __init__(self, wire, address, collector, ahead_seconds=0, domain=1):
        self.wire, self.address, self.collector = wire, address, collector
        self.ahead, self.domain, self.sequence = ahead_seconds, domain, 0
        self.started_us = wire.now_us

    def send(self, datagram):
        self.wire.udp((self.address, 50100), self.collector, datagram)

    def seconds(self):
        return self.wire.now_us // 1_000_000 + self.ahead

    def uptime(self, before=0):
        """Milliseconds since it started, so many seconds ago."""
        return UPTIME_MS + (self.wire.now_us - self.started_us) // 1000 - round(before * 1000)

    def milliseconds(self, before=0):
        return self.wire.now_us // 1000 + self.ahead * 1000 - round(before * 1000)

    def v5(self, *flows, sampling=0):
        """Flows: (source, destination, packets, bytes, source port, destination port, flags, protocol)."""
        head = struct.pack("!HHIIIIBBH", 5, len(flows), self.uptime(), self.seconds(), 0, self.sequence, 0, 0, sampling)
        self.sequence += len(flows)
        records = (
            packed(source, 4) + packed(destination, 4)
            + struct.pack("!IHHIIIIHHxBBBHHBBxx", 0, 1, 2, packets, size, self.uptime(10), self.uptime(1), sport, dport, flags, protocol, 0, 0, 0, 24, 24)
            for source, destination, packets, size, sport, dport, flags, protocol in flows
        )
        self.send(head + b"".join(records))

    def v9(self, *sets, count=1):
        head = struct.pack("!HHIIII", 9, count, self.uptime(), self.seconds(), self.sequence, self.domain)
        self.sequence += 1
        self.send(head + b"".join(sets))

    def ipfix(self, *sets, records=0):
        body = b"".join(sets)
        head = struct.pack("!HHIII", 10, 16 + len(body), self.seconds(), self.sequence, self.domain)
        self.sequence += records
        self.send(head + body)

    def sflow(self, frames, rate):
        """A datagram of flow samples, each with the beginning of a frame (sFlow version 5, raw packet header)."""
        samples = b""
        for frame in frames:
            kept = frame[:256]
            padded = kept + bytes(-len(kept) % 4)
            header = struct.pack("!IIII", 1, len(frame) + 4, 4, len(kept)) + padded
            raw = struct.pack("!II", 1, len(header)) + header
            self.pool = getattr(self, "pool", 0) + rate
            sample = struct.pack("!IIIIIIII", self.sequence, 3, rate, self.pool, 0, 3, 4, 1) + raw
            samples += struct.pack("!II", 1, len(sample)) + sample
        self.sequence += 1
        head = struct.pack("!II4sIIII", 5, 1, packed(self.address, 4), 0, self.sequence, self.uptime(), len(frames))
        self.send(head + samples)
