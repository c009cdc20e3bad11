#!/usr/bin/env python3
"""Writes the captures of the scenarios beside it (`make scenarios`): the same bytes each time, but for what is cut from
`capture/traces`. Each function below is one scenario, named as its folder; its README.md says what it is about.

    make.py              all
    make.py NAME ...     only these
"""

import ipaddress
import pathlib
import struct
import sys

import exports
from exports import Exporter, record, set_of, template
from packets import *
from traces import certificates, packets_of, write_packets

HERE = pathlib.Path(__file__).resolve().parent
TRACES = HERE.parent.parent / "capture" / "traces"
SCENARIOS = {}

ALICE, BOB, CAROL, SHELL, RESOLVER = "10.20.0.11", "10.20.0.12", "10.20.0.13", "10.20.0.22", "10.20.0.53"
ALICE6, BOB6, RESOLVER6 = "2001:db8:20::11", "2001:db8:20::12", "2001:db8:20::53"
CDN, UPSTREAM, EVIL, BARE = "192.0.2.10", "192.0.2.53", "198.51.100.66", "203.0.113.99"
CDN6, EVIL6 = "2001:db8:80::10", "2001:db8:bad::66"
# An SSH key exchange (RFC 4253 section 7.1) that offers nothing.
SSH_KEXINIT = struct.pack("!IBB", 68, 5, 20) + bytes(16 + 40 + 5 + 5)


def scenario(function):
    """Registers a function that fills a Wire."""
    def write(folder):
        wire = Wire()
        function(wire)
        wire.write(folder / "input.pcap")
    SCENARIOS[function.__name__.replace("_", "-")] = write
    return function


def file_scenario(function):
    """Registers a function that writes its files itself."""
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


# ---------------------------------------------------------------- nothing bad


@scenario
def clean(wire):
    wire.lookup(ALICE, RESOLVER, "www.example.org", [(CNAME, "cdn.example"), (A, CDN)])
    wire.tls((ALICE, 50001), (CDN, 443), "www.example.org")
    wire.http((BOB, 50002), (CDN, 80), http_request("www.example.org", "/index.html"))
    wire.packet(icmp_echo(ALICE, CDN, payload=bytes(56)))
    wire.packet(icmp_echo(CDN, ALICE, reply=True, payload=bytes(56)))
    wire.tls((ALICE6, 50003), (CDN6, 443), "cdn.example")
    wire.tcp((BOB, 50004), (CDN, 8443)).refuse()


# ---------------------------------------------------------------- each kind of indicator, hit and narrowly missed


@scenario
def indicator_ipv4(wire):
    wire.tls((ALICE, 50001), (EVIL, 443))
    wire.tls((BOB, 50002), ("198.51.100.67", 443))
    wire.tls((BOB, 50003), ("198.51.100.65", 443))
    wire.tls((BOB, 50004), ("66.100.51.198", 443))


@scenario
def indicator_ipv6(wire):
    wire.tls((ALICE6, 50001), (EVIL6, 443))
    wire.tls((BOB6, 50002), ("2001:db8:bad::67", 443))
    wire.tls((BOB6, 50003), ("2001:db8:bad:66::", 443))


@scenario
def indicator_cidr(wire):
    for port, last in enumerate([64, 127], 50001):
        wire.tls((ALICE, port), (f"203.0.113.{last}", 443))
    for port, last in enumerate([63, 128], 50001):
        wire.tls((BOB, port), (f"203.0.113.{last}", 443))
    wire.tls((ALICE6, 50001), ("2001:db8:bad:1:ffff::1", 443))
    wire.tls((BOB6, 50001), ("2001:db8:bad:2::1", 443))


@scenario
def indicator_address_port(wire):
    wire.tls((ALICE, 50001), (EVIL, 8443))
    wire.tls((BOB, 50002), (EVIL, 443))
    # The right address and the right number, but it is bob's own port.
    wire.tls((BOB, 8443), (EVIL, 444))
    wire.tls((CAROL, 50003), ("198.51.100.67", 8443))


@scenario
def indicator_domain(wire):
    wire.tls((ALICE, 50001), (CDN, 443), "a.b.evil.example")
    wire.lookup(BOB, RESOLVER, "EVIL.example", [(A, EVIL)])
    wire.lookup(CAROL, RESOLVER, "notevil.example", [(A, CDN)])
    wire.tls((CAROL, 50002), (CDN, 443), "notevil.example")
    wire.tls((CAROL, 50003), (CDN, 443), "evil.example.org")
    wire.http((CAROL, 50004), (CDN, 80), http_request("example"))


@scenario
def indicator_host(wire):
    wire.tls((ALICE, 50001), (CDN, 443), "www.evil.example")
    wire.tls((BOB, 50002), (CDN, 443), "a.www.evil.example")
    wire.tls((BOB, 50003), (CDN, 443), "evil.example")
    wire.tls((BOB, 50004), (CDN, 443), "ww.evil.example")


@scenario
def indicator_url(wire):
    wire.http((ALICE, 50001), (CDN, 80), http_request("Files.example", "/kit/payload.bin?id=7"))
    # Through a proxy it is the same URL.
    wire.http((CAROL, 50002), ("10.20.0.80", 3128), http_request("files.example", "http://files.example/kit/payload.bin?id=7"))
    for port, (host, path) in enumerate([
        ("files.example", "/kit/"), ("files.example", "/"), ("files.example", "/kit/payload.bin"),
        ("files.example", "/kit/payload.bin?id=77"), ("files.example", "/KIT/payload.bin?id=7"),
        ("www.files.example", "/kit/payload.bin?id=7"), ("files.example:8080", "/kit/payload.bin?id=7"),
    ], 50003):
        wire.http((BOB, port), (CDN, 8080 if ":" in host else 80), http_request(host, path))
    wire.tls((BOB, 50100), (CDN, 443), "files.example")


@scenario
def indicator_ja4(wire):
    implant = (0x1302, 0x1301, 0xC02F)
    wire.tls((ALICE, 50001), (CDN, 443), "cdn.example", ciphers=implant, protocols=("http/1.1",))
    # One cipher suite less, and another first protocol.
    wire.tls((BOB, 50002), (CDN, 443), "cdn.example", ciphers=implant[:2], protocols=("http/1.1",))
    wire.tls((BOB, 50003), (CDN, 443), "cdn.example", ciphers=implant, protocols=("h2",))


@file_scenario
def indicator_certificate(folder):
    """From a trace: the server's certificate over TLS 1.2, and over SMTP after STARTTLS."""
    packets = packets_of(TRACES / "tls.pcap")
    of_evil, of_mail = (certificates(packets, address, port)[0] for address, port in [(EVIL, 443), ("192.0.2.25", 25)])
    nearly = of_evil.sha256[:-1] + ("0" if of_evil.sha256[-1] != "0" else "1")
    write_packets(folder / "input.pcap", packets)
    (folder / "indicators.txt").write_text(
        "# Written by make.py: the certificates of capture/traces/tls.pcap.\n"
        f"{of_evil.sha1}   # the certificate of c2.evil.example, SHA-1\n"
        f"{of_mail.sha256}   # the certificate of mail.example, SHA-256\n"
        f"{nearly}   # nearly the SHA-256 of the first\n"
    )


@scenario
def indicator_idn(wire):
    wire.lookup(ALICE, RESOLVER, "www.xn--bse-kaffee-ecb.example", [(A, CDN)])
    wire.tls((BOB, 50001), (CDN, 443), "bose-kaffee.example")


# ---------------------------------------------------------------- names


@scenario
def looked_up_only(wire):
    wire.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, EVIL)])
    wire.tls((ALICE, 50001), (CDN, 443), "cdn.example")


@scenario
def passive_dns(wire):
    wire.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, EVIL)])
    wire.wait(20)
    raw_talk(wire, (ALICE, 50001), (EVIL, 4444))


@scenario
def passive_dns_of_others(wire):
    wire.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, EVIL)])
    wire.wait(20)
    raw_talk(wire, (BOB, 50001), (EVIL, 4444))


@scenario
def passive_dns_expired(wire):
    wire.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, EVIL, 30)])
    wire.wait(20 * 3600)
    raw_talk(wire, (ALICE, 50001), (EVIL, 4444))


@scenario
def cdn_two_clients(wire):
    wire.lookup(ALICE, RESOLVER, "bad.example", [(A, CDN)])
    wire.lookup(BOB, RESOLVER, "good.example", [(A, CDN)])
    wire.lookup(CAROL, RESOLVER, "bad.example", [(A, CDN)])
    wire.wait(1)
    raw_talk(wire, (ALICE, 50001), (CDN, 4444))
    raw_talk(wire, (BOB, 50002), (CDN, 4444))
    # Carol asked for the bad name, but then said whom she meant.
    wire.tls((CAROL, 50003), (CDN, 443), "good.example")


@scenario
def resolver_with_client(wire):
    port = 41000
    wire.udp((ALICE, port), (RESOLVER, 53), dns_query(1, "c2.evil.example"))
    wire.udp((RESOLVER, 53111), (UPSTREAM, 53), dns_query(2, "c2.evil.example"))
    answer = [("c2.evil.example", A, 300, EVIL)]
    wire.udp((UPSTREAM, 53), (RESOLVER, 53111), dns_answer(2, "c2.evil.example", answer))
    wire.udp((RESOLVER, 53), (ALICE, port), dns_answer(1, "c2.evil.example", answer))


@scenario
def resolver_alone(wire):
    wire.lookup(RESOLVER, UPSTREAM, "c2.evil.example", [(A, EVIL)], port=53111)


@scenario
def cname_to_bad(wire):
    wire.lookup(ALICE, RESOLVER, "news.example", [(CNAME, "track.example"), (CNAME, "t7.evil.example"), (A, CDN)])
    wire.lookup(BOB, RESOLVER, "news.example", [(CNAME, "track.example"), (CNAME, "t7.notevil.example"), (A, CDN)])


@scenario
def address_in_answer(wire):
    wire.lookup(ALICE, RESOLVER, "innocent.example", [(A, CDN), (A, EVIL)])
    wire.lookup(ALICE, RESOLVER, "innocent.example", [(AAAA, "2001:db8:80::11")], qtype=AAAA)
    wire.lookup(BOB, RESOLVER, "innocent.example", [(A, CDN), (A, "198.51.100.67")])
    wire.lookup(BOB6, RESOLVER6, "innocent.example", [(AAAA, EVIL6)], qtype=AAAA)


@scenario
def nxdomain(wire):
    wire.lookup(ALICE, RESOLVER, "kill-switch.evil.example", rcode=NXDOMAIN)


@scenario
def rewritten_answer(wire):
    wire.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, "0.0.0.0")])


@scenario
def only_explains(wire):
    wire.lookup(ALICE, RESOLVER, "example.org", [(MX, "mx.evil.example")], qtype=MX)
    wire.lookup(ALICE, RESOLVER, "10.2.0.192.in-addr.arpa", [(PTR, "host.evil.example")], qtype=PTR)
    wire.lookup(ALICE, RESOLVER, "example.org", [(TXT, "see http://c2.evil.example/ and 198.51.100.66")], qtype=TXT)


@scenario
def dns_over_tcp(wire):
    question, answer = dns_query(9, "c2.evil.example"), dns_answer(9, "c2.evil.example", [("c2.evil.example", A, 300, EVIL)])
    connection = wire.tcp((ALICE, 50001), (RESOLVER, 53)).open()
    # The length in a segment of its own, the message in two.
    connection.send(struct.pack("!H", len(question))).send(question[:20]).send(question[20:])
    connection.reply(struct.pack("!H", len(answer)) + answer).close()


@scenario
def http_proxy(wire):
    proxy = ("10.20.0.80", 3128)
    wire.http((ALICE, 50001), proxy, http_request("www.evil.example", "http://www.evil.example/a"))
    connection = wire.tcp((BOB, 50002), proxy).open()
    connection.send(b"CONNECT c2.evil.example:443 HTTP/1.1\r\nHost: c2.evil.example:443\r\n\r\n")
    connection.reply(b"HTTP/1.1 200 Connection established\r\n\r\n").close()
    wire.http((CAROL, 50003), proxy, http_request("www.notevil.example", "http://www.notevil.example/evil.example"))


@scenario
def hello_in_three_segments(wire):
    connection = wire.tcp((ALICE, 50001), (CDN, 443)).open()
    hello = client_hello("deep.evil.example", padding=3000)
    pieces = [hello[:1200], hello[1200:2400], hello[2400:]]
    first = connection.next[connection.client]
    at = [first, first + 1200, first + 2400]
    # The last first, the middle twice, the first at the end, and once more.
    for index in [2, 1, 1, 0, 0]:
        connection.at(connection.client, at[index], PSH | ACK, pieces[index])
    connection.next[connection.client] += len(hello)
    connection.segment(connection.server, ACK)
    connection.reply(server_hello()).send(application_data(300)).reply(application_data(900)).close()


# ---------------------------------------------------------------- flows and incidents


@scenario
def one_sided(wire):
    # Only what alice sends is seen; her acknowledgements tell of 900 bytes that came back.
    connection = wire.tcp((ALICE, 50001), (EVIL, 443), see="client").open()
    connection.send(application_data(300)).reply(application_data(900)).close()
    # Only what bob receives.
    connection = wire.tcp((BOB, 50002), (EVIL, 443), see="server").open()
    connection.send(application_data(300)).reply(application_data(900)).close()
    # A SYN without an answer, and datagrams without one.
    wire.tcp((CAROL, 50003), (EVIL, 443), see="client").segment((CAROL, 50003), SYN)
    for _ in range(3):
        wire.udp((SHELL, 50004), (EVIL, 9999), b"anybody there?")


@scenario
def backscatter(wire):
    # Somebody floods the bad server in alice's, bob's and carol's name.
    for client in ((ALICE, 50001), (BOB, 50002), (CAROL, 50003)):
        connection = wire.tcp(client, (EVIL, 443), see="server")
        if client[0] == CAROL:
            connection.segment((EVIL, 443), RST | ACK)
            continue
        for _ in range(3):
            connection.at((EVIL, 443), 7000, SYN | ACK)
        if client[0] == BOB:
            wire.packet(ip(BOB, EVIL, TCP, tcp(client, (EVIL, 443), 1, 0, RST)))
    # The like over UDP, from the port of a service.
    for _ in range(2):
        wire.udp((EVIL, 443), ("10.20.0.14", 50004), b"an answer to nobody")
    # What an inside server answers was asked for by somebody: the flood's other way round.
    connection = wire.tcp((EVIL, 40001), (SHELL, 22), see="server")
    connection.at((SHELL, 22), 9000, SYN | ACK)


@scenario
def scanner_meets_resets(wire):
    for host in range(11, 16):
        for port in (22, 23, 445):
            wire.tcp(("203.0.113.7", 40000 + host), (f"10.20.0.{host}", port)).refuse()


@scenario
def brute_force(wire):
    for attempt in range(6):
        login_attempt(wire, attempt)


@scenario
def calls_back(wire):
    for attempt in range(3):
        login_attempt(wire, attempt)
    wire.wait(60)
    wire.http((SHELL, 50001), ("203.0.113.7", 80), http_request("203.0.113.7", "/stage2.sh", agent="Wget/1.21"))


@scenario
def mid_flow(wire):
    for client, server in [((ALICE, 50001), (EVIL, 443)), ((BOB, 50002), (EVIL, 51000))]:
        connection = wire.tcp(client, server)
        connection.reply(b"more of it" * 90).send(b"go on").reply(b"and more" * 90)


@scenario
def icmp_only(wire):
    wire.packet(icmp_echo(ALICE, EVIL))
    wire.packet(icmp_echo(EVIL, ALICE, reply=True))
    wire.packet(icmp_echo(BOB, EVIL, payload=bytes(56)))
    datagram = ip(CAROL, EVIL, UDP, udp((CAROL, 50001), (EVIL, 9999), b"hello"))
    wire.packet(datagram)
    wire.packet(icmp_port_unreachable(EVIL, datagram))


@scenario
def lateral_and_transit(wire):
    wire.tls((ALICE, 50001), ("10.20.0.99", 445))
    wire.tls(("192.0.2.77", 50002), (EVIL, 443))


@scenario
def several_indicators(wire):
    wire.lookup(ALICE, RESOLVER, "www.evil.example", [(A, EVIL)])
    wire.http((ALICE, 50001), (EVIL, 80), http_request("www.evil.example", "/drop.php", "POST", b"x=1"))


@scenario
def two_incidents(wire):
    wire.tls((ALICE, 50001), (EVIL, 443))
    wire.wait(3 * 24 * 3600)
    wire.tls((ALICE, 50002), (EVIL, 443))


@scenario
def roles(wire):
    mail, crawler, honeypot, nat = "10.20.0.25", "10.20.0.31", "10.20.0.66", "10.20.0.1"
    for host in (mail, crawler):
        wire.lookup(host, RESOLVER, "c2.evil.example", [(A, EVIL)])
    wire.tcp((EVIL, 40001), (honeypot, 23)).open().reply(b"login: ").send(b"root\r\n").close()
    wire.tls((nat, 61234), (EVIL, 443))
    wire.tls((nat, 61240), (EVIL, 443))


# ---------------------------------------------------------------- ways in which packets come


@scenario
def ipv6(wire):
    wire.lookup(ALICE6, RESOLVER6, "c2.evil.example", [(AAAA, EVIL6)], qtype=AAAA)
    wire.tls((ALICE6, 50001), (EVIL6, 443), "c2.evil.example")
    # The same host behind an extension header.
    datagram = udp((BOB6, 50002), (EVIL6, 123), b"hello")
    wire.packet(ip(BOB6, EVIL6, DESTINATION_OPTIONS, destination_options(UDP, datagram)))


@scenario
def qinq_in_mpls(wire):
    def tagged_then_labelled(packet):
        return ethernet(ETHERTYPE_QINQ, vlan(100, ETHERTYPE_VLAN, vlan(42, ETHERTYPE_MPLS, mpls([16001, 24], packet))))

    def pseudowire(packet):
        inner = ethernet(ETHERTYPE_QINQ, vlan(100, ETHERTYPE_VLAN, vlan(42, ethertype_of(packet), packet)))
        return ethernet(ETHERTYPE_MPLS, mpls([16001, 25], bytes(4) + inner))

    wire.frame_of = tagged_then_labelled
    wire.tls((ALICE, 50001), (EVIL, 443), "one.example")
    wire.frame_of = pseudowire
    wire.tls((BOB, 50002), (EVIL, 443), "two.example")


@scenario
def vxlan_inner_and_outer(wire):
    def through(near, far):
        """Frames in a tunnel whose near end is that of the inside clients."""
        def frame_of(packet):
            ends = (near, far) if packet[12:14] == ip_bytes("10.20.0.0")[:2] else (far, near)
            return ethernet_ip(vxlan(*ends, 42, ethernet_ip(packet)))
        return frame_of

    wire.frame_of = through("192.0.2.1", "192.0.2.2")
    wire.tls((ALICE, 50001), (EVIL, 443), "cdn.example")
    wire.frame_of = through("10.20.0.2", BARE)
    wire.tls((BOB, 50002), (CDN, 443), "cdn.example")


@scenario
def tunnels(wire):
    ends = "192.0.2.1", "192.0.2.2"
    ways = [
        lambda packet: gre(*ends, packet),
        lambda packet: ip(*ends, IPIP, packet),
        lambda packet: geneve(*ends, 42, ethernet_ip(packet)),
        lambda packet: gtp_u(*ends, 42, packet),
    ]
    for host, way in enumerate(ways, 11):
        wire.frame_of = lambda packet, way=way: ethernet_ip(way(packet))
        wire.tls((f"10.20.0.{host}", 50001), (EVIL, 443), "cdn.example")
    wire.frame_of = lambda packet: ethernet_ip(ip(*ends, SIXIN4, packet))
    wire.tls((ALICE6, 50001), (EVIL6, 443), "cdn.example")


@scenario
def fragmented(wire):
    chain = [("news.example", CNAME, 300, "a" * 40 + ".example"), ("a" * 40 + ".example", CNAME, 300, "b" * 40 + ".example"),
             ("b" * 40 + ".example", CNAME, 300, "t7.evil.example"), ("t7.evil.example", A, 300, CDN)]
    for client, resolver in ((ALICE, RESOLVER), (ALICE6, RESOLVER6)):
        wire.udp((client, 41000), (resolver, 53), dns_query(5, "news.example"))
        datagram = udp((resolver, 53), (client, 41000), dns_answer(5, "news.example", chain))
        for piece in reversed(fragments(resolver, client, UDP, datagram, 96, 77)):
            wire.packet(piece)
    # A datagram whose last fragments never come: the first still has the ports.
    for piece in fragments(BOB, EVIL, UDP, udp((BOB, 50001), (EVIL, 123), bytes(400)), 96, 78)[:2]:
        wire.packet(piece)


@file_scenario
def pcapng_two_links(folder):
    """Alice's packets on an Ethernet interface, the server's on one that delivers bare IP."""
    wire = Wire()
    wire.frame_of = bytes
    wire.tls((ALICE, 50001), (EVIL, 443), "cdn.example")
    packets = []
    for time_us, packet in wire.frames:
        from_alice = packet[12:16] == ip_bytes(ALICE)
        packets.append((0, time_us * 1000, ethernet_ip(packet)) if from_alice else (1, time_us * 1000 + 7, packet))
    write_pcapng(folder / "input.pcap", [LINK_ETHERNET, LINK_RAW], packets)


@file_scenario
def truncated(folder):
    wire = Wire()
    wire.tls((ALICE, 50001), (EVIL, 443), "cdn.example")
    wire.tls((BOB, 50002), (CDN, 443), "cdn.example")
    wire.write(folder / "input.pcap", cut=30)


# ---------------------------------------------------------------- parts of scenarios


# ---------------------------------------------------------------- what routers export

COLLECTOR, EDGE, CORE, BRANCH, SWITCH = ("10.20.0.9", 2055), "10.20.0.1", "10.20.0.2", "10.20.0.3", "10.20.0.4"
OPENS, GOES_ON, ALL_FLAGS = SYN | ACK | PSH, ACK | PSH, SYN | ACK | PSH | FIN


@scenario
def exported_flows(wire):
    """NetFlow v9, v5 and IPFIX of three routers."""
    edge, core, branch = Exporter(wire, EDGE, COLLECTOR), Exporter(wire, CORE, COLLECTOR, domain=7), Exporter(wire, BRANCH, COLLECTOR)

    def v9(source, destination, flags, packets, size, lasted=20):
        return record(exports.V9_FLOW, source[0], destination[0], source[1], destination[1], TCP, flags, packets, size, edge.uptime(lasted), edge.uptime(1))

    def ipfix(fields, source, destination, flags, packets, size, lasted=20):
        return record(fields, source[0], destination[0], source[1], destination[1], TCP, flags, packets, size, core.milliseconds(lasted), core.milliseconds(1))

    alice, evil = (ALICE, 50001), (EVIL, 443)
    # Data before its template: it waits.
    edge.v9(set_of(256, v9(alice, evil, OPENS, 12, 4_000), v9(evil, alice, OPENS, 14, 9_000)), count=2)
    wire.wait(1)
    edge.v9(set_of(0, template(256, exports.V9_FLOW)))
    # Another router tells of the same packets: they count once.
    core.ipfix(set_of(2, template(300, exports.IPFIX_FLOW), template(301, exports.IPFIX_FLOW6)))
    core.ipfix(set_of(300, ipfix(exports.IPFIX_FLOW, alice, evil, OPENS, 12, 4_000), ipfix(exports.IPFIX_FLOW, evil, alice, OPENS, 14, 9_000)), records=2)
    wire.wait(60)
    # The conversation goes on: the next records of the active timeout.
    edge.v9(set_of(256, v9(alice, evil, GOES_ON | FIN, 6, 1_000, 55), v9(evil, alice, GOES_ON | FIN, 5, 3_000, 55)), count=2)
    # Of bob only one direction is exported; the bytes next door are not listed.
    branch.v5((BOB, BARE, 3, 180, 50002, 8443, SYN, TCP), (BOB, "203.0.113.98", 30, 18_000, 50003, 8443, ALL_FLAGS, TCP),
              ("203.0.113.98", BOB, 30, 18_000, 8443, 50003, ALL_FLAGS, TCP))
    # Carol is answered with nothing but acknowledgements: connected, not exchanged.
    carol6, evil6 = ("2001:db8:20::13", 50004), (EVIL6, 443)
    core.ipfix(set_of(301, ipfix(exports.IPFIX_FLOW6, carol6, evil6, SYN | ACK, 4, 240), ipfix(exports.IPFIX_FLOW6, evil6, carol6, SYN | ACK, 3, 180)), records=2)


@scenario
def exported_sampled_frames(wire):
    """sFlow of a switch that sends the beginning of one frame in 512."""
    switch, seen = Exporter(wire, SWITCH, ("10.20.0.9", 6343)), Wire()
    seen.lookup(ALICE, RESOLVER, "c2.evil.example", [(A, CDN)])
    seen.tls((ALICE, 50001), (CDN, 443), "c2.evil.example")
    seen.tls((BOB, 50002), (BARE, 443), "www.example.org")
    frames = [frame for _, frame in seen.frames]
    question, answer, alice, bob = frames[0], frames[1], frames[2:], frames[len(frames) // 2 + 1:]
    switch.sflow([question, answer], 512)
    wire.wait(2)
    # A SYN of alice, her hello; of bob's connection one packet of the server.
    switch.sflow([alice[0], alice[3]], 512)
    from_server = [frame for frame in bob if frame[26:30] == ip_bytes(BARE)]
    switch.sflow(from_server[-1:], 512)


@scenario
def exported_garbage(wire):
    """What strangers may send to the port of a collector."""
    edge = Exporter(wire, EDGE, COLLECTOR)
    stranger = lambda payload: wire.udp(("198.51.100.200", 4000), COLLECTOR, payload)
    flow = record(exports.V9_FLOW, ALICE, CDN, 50001, 443, TCP, ALL_FLAGS, 12, 4_000, edge.uptime(20), edge.uptime(1))
    stranger(b"")
    stranger(b"GET / HTTP/1.1\r\n\r\n")
    stranger(struct.pack("!HH", 5, 31) + bytes(20))
    stranger(struct.pack("!HHIIII", 5, 2, 0, 0, 0, 0))
    stranger(struct.pack("!HHIII", 10, 9, 0, 0, 0))
    # Templates that lie: no fields, more fields than follow, records longer than a message.
    for lie in (struct.pack("!HH", 256, 0), struct.pack("!HHHH", 257, 65535, 8, 4), struct.pack("!HHHHHH", 258, 2, 8, 65000, 12, 65000)):
        edge.v9(set_of(0, lie))
    edge.v9(struct.pack("!HH", 0, 2))
    edge.v9(struct.pack("!HH", 256, 60_000) + flow)
    # Data for a template that never comes, and a datagram that comes twice.
    edge.v9(set_of(999, flow))
    edge.v9(set_of(0, template(256, exports.V9_FLOW)), set_of(256, flow), count=2)
    wire.frames.append((wire.now_us, wire.frames[-1][1]))


def ip_bytes(address):
    return ipaddress.ip_address(address).packed


def raw_talk(wire, client, server):
    """A connection whose payload names nobody."""
    wire.tcp(client, server).open().send(b"\x00\x00\x00\x08ping-one").reply(b"\x00\x00\x00\x08pong-two").close()


def login_attempt(wire, attempt):
    connection = wire.tcp(("203.0.113.7", 41000 + attempt), (SHELL, 22)).open()
    connection.reply(b"SSH-2.0-OpenSSH_9.2p1\r\n").send(b"SSH-2.0-libssh2_1.10.0\r\n").reply(SSH_KEXINIT).close()
    wire.wait(2)


def main():
    names = sys.argv[1:] or SCENARIOS
    for name in names:
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        SCENARIOS[name](folder)
    print(f"{len(names)} captures written")


if __name__ == "__main__":
    main()
