"""A small QUIC and HTTP/3 server and client on aioquic, for record.sh.

    quic.py server CERTIFICATE             answers every GET on port 443; CERTIFICATE.pem and CERTIFICATE.key
    quic.py client [options] HOST PATH     one GET; HOST is resolved by the system
"""

import argparse
import asyncio
import socket
import ssl

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion

VERSIONS = {1: QuicProtocolVersion.VERSION_1, 2: QuicProtocolVersion.VERSION_2}


class Server(QuicConnectionProtocol):
    """Answers each request with a few bytes."""

    http = None

    def quic_event_received(self, event):
        if self.http is None:
            self.http = H3Connection(self._quic)
        for received in self.http.handle_event(event):
            if isinstance(received, HeadersReceived):
                self.http.send_headers(received.stream_id, [(b":status", b"200")])
                self.http.send_data(received.stream_id, b"ok\n", end_stream=True)
                self.transmit()


class Client(QuicConnectionProtocol):
    """Sends one request and waits for the end of its answer."""

    http = None
    answered = None

    def quic_event_received(self, event):
        if self.http is None:
            return
        for received in self.http.handle_event(event):
            if isinstance(received, DataReceived) and received.stream_ended and not self.answered.done():
                self.answered.set_result(None)

    async def get(self, host, path):
        self.http = H3Connection(self._quic)
        self.answered = asyncio.get_running_loop().create_future()
        stream = self._quic.get_next_available_stream_id()
        headers = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", host.encode()), (b":path", path.encode())]
        self.http.send_headers(stream, headers, end_stream=True)
        self.transmit()
        await self.answered


async def run_server(certificate):
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.supported_versions = list(VERSIONS.values())
    configuration.load_cert_chain(certificate + ".pem", certificate + ".key")
    await serve("::", 443, configuration=configuration, create_protocol=Server)
    await asyncio.Future()


async def run_client(options):
    # Protocols that nobody speaks make the ClientHello longer than one packet.
    padding = [f"padding-{number:04}" for number in range(options.padding // 13)]
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN + padding, is_client=True, verify_mode=ssl.CERT_NONE)
    configuration.original_version = VERSIONS[options.version]
    configuration.supported_versions = [VERSIONS[options.version]]
    configuration.server_name = options.host
    family = socket.AF_INET if options.ipv4 else socket.AF_UNSPEC
    address = socket.getaddrinfo(options.host, 443, family, socket.SOCK_DGRAM)[0][4][0]
    async with connect(address, 443, configuration=configuration, create_protocol=Client) as client:
        await asyncio.wait_for(client.get(options.host, options.path), 5)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("server")
    server.add_argument("certificate")
    client = commands.add_parser("client")
    client.add_argument("--version", type=int, default=1, choices=VERSIONS)
    client.add_argument("--padding", type=int, default=0, help="bytes of further protocols to offer")
    client.add_argument("--ipv4", action="store_true")
    client.add_argument("host")
    client.add_argument("path")
    options = parser.parse_args()
    if options.command == "server":
        asyncio.run(run_server(options.certificate))
    else:
        asyncio.run(run_client(options))


main()
