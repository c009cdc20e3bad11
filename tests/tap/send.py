"""send.py PACKETS_PER_SECOND CAPTURE INTERFACE [INTERFACE]: sends the frames of a plain little-endian pcap; with two
interfaces, those of the first frame's sender through the first, all others through the second. Prints how many."""

import socket
import struct
import sys
import time


def frames(path):
    data = open(path, "rb").read()
    at = 24
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def main(rate, path, interfaces):
    sockets = []
    for interface in interfaces:
        sockets.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        sockets[-1].bind((interface, 0))
    began, sent, first = time.monotonic(), 0, None
    for frame in frames(path):
        first = first or frame[6:12]
        out = sockets[0] if frame[6:12] == first else sockets[-1]
        out.send(frame)
        sent += 1
        ahead = began + sent / float(rate) - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
    print(sent)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
