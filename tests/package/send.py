"""Sends the frames of a capture (classic pcap, little endian) to an interface: send.py CAPTURE INTERFACE."""
import socket
import struct
import sys
import time

capture, interface = sys.argv[1:]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
with open(capture, "rb") as file:
    file.read(24)
    while header := file.read(16):
        length = struct.unpack("<IIII", header)[2]
        frame = file.read(length)
        if len(frame) <= 1514:
            wire.send(frame)
        time.sleep(0.0005)
