"""What scenarios take from `capture/traces`: packets, and the certificates that TLS 1.2 servers presented in them."""

import hashlib
import ipaddress
import struct
from dataclasses import dataclass

HEADER = struct.Struct("<IIII")


@dataclass
class Certificate:
    sha1: str
    sha256: str


def packets_of(path):
    """(header, frame) of each packet of a little-endian pcap file, as tcpdump writes it here."""
    data, at, packets = path.read_bytes(), 24, []
    while at < len(data):
        header = data[at : at + 16]
        length = HEADER.unpack(header)[2]
        packets.append((header, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return packets


def write_packets(path, packets):
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    path.write_bytes(head + b"".join(header + frame for header, frame in packets))


def certificates(packets, address, port):
    """The leaf certificates that IPv4 server presented in clear, in the order of its connections."""
    streams = {}
    for _, frame in packets:
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or frame[26:30] != ipaddress.ip_address(address).packed:
            continue
        segment = frame[14 + (frame[14] & 15) * 4 : 14 + struct.unpack("!H", frame[16:18])[0]]
        if struct.unpack("!H", segment[:2])[0] != port:
            continue
        streams.setdefault(segment[2:4], bytearray()).extend(segment[(segment[12] >> 4) * 4 :])
    return [found for stream in streams.values() if (found := certificate_in(bytes(stream)))]


def certificate_in(stream):
    """The first certificate of the first Certificate message (RFC 5246 section 7.4.2), wherever TLS begins."""
    at = stream.find(b"\x16\x03\x03")
    handshake = b""
    while 0 <= at and stream[at : at + 1] == b"\x16":
        length = struct.unpack("!H", stream[at + 3 : at + 5])[0]
        handshake += stream[at + 5 : at + 5 + length]
        at += 5 + length
    while len(handshake) > 4:
        length = int.from_bytes(handshake[1:4])
        if handshake[0] == 11:
            first = int.from_bytes(handshake[7:10])
            der = handshake[10 : 10 + first]
            return Certificate(hashlib.sha1(der).hexdigest(), hashlib.sha256(der).hexdigest())
        handshake = handshake[4 + length :]
    return None
