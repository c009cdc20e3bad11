#!/usr/bin/env python3
"""Makes what is shipped in rules/sets from the public lists.

    scripts/warninglists.py WARNINGLISTS PUBLIC_SUFFIX_LIST

WARNINGLISTS is a checkout of https://github.com/MISP/misp-warninglists, PUBLIC_SUFFIX_LIST the file
https://publicsuffix.org/list/public_suffix_list.dat. Needs the package idna (PyPI).
"""

import ipaddress
import json
import pathlib
import sys

import idna

SETS = pathlib.Path(__file__).resolve().parent.parent / "rules" / "sets"

# Taken as they are.
WHOLE = """akamai apple bunny-net captive-portals cloudflare crl-hostname crl-ip fastly findip-host google-gmail-sending-ips googlebot
ipv6-linklocal link-in-bio lots-project microsoft microsoft-office365-ip microsoft-win10-connection-endpoints mozilla-CA multicast
ovh-cluster parking-domain public-ipfs-gateways rfc1918 rfc6598 sinkholes stackpath telegram-ips umbrella-blockpage-hostname
umbrella-blockpage-v4 umbrella-blockpage-v6 url-shortener whats-my-ip wikimedia zscaler cloudflare-top1k moz-top500 oracle-oci
google-gcp microsoft-azure-us-gov""".split()

# Of long lists, a part that everybody meets.
ONLY = {
    # Google, Cloudflare, Quad9, OpenDNS, Level 3, Verisign, AdGuard, CleanBrowsing, Control D, DNS.SB, DNS0, Hurricane Electric, Neustar,
    # Alibaba, DNSPod, 114DNS, Yandex, DNS.WATCH, Freenom, Comodo, NextDNS, Mullvad, DNS4EU.
    "public-dns-v4": """8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 1.1.1.2 1.0.0.2 1.1.1.3 1.0.0.3 9.9.9.9 9.9.9.10 9.9.9.11 149.112.112.112
        149.112.112.10 149.112.112.11 208.67.222.222 208.67.220.220 208.67.222.123 208.67.220.123 4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4 4.2.2.5
        4.2.2.6 64.6.64.6 64.6.65.6 94.140.14.14 94.140.15.15 94.140.14.15 94.140.15.16 94.140.14.140 94.140.14.141 185.228.168.9
        185.228.169.9 185.228.168.10 185.228.169.11 185.228.168.168 185.228.169.168 76.76.2.0 76.76.10.0 185.222.222.222 45.11.45.11
        193.110.81.0 185.253.5.0 74.82.42.42 156.154.70.1 156.154.71.1 223.5.5.5 223.6.6.6 119.29.29.29 114.114.114.114
        114.114.115.115 77.88.8.8 77.88.8.1 77.88.8.88 77.88.8.2 84.200.69.80 84.200.70.40 80.80.80.80 80.80.81.81 8.26.56.26
        8.20.247.20 45.90.28.0 45.90.30.0 194.242.2.2 86.54.11.100 86.54.11.200""".split(),
    "public-dns-v6": """2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2606:4700:4700::1112
        2606:4700:4700::1002 2606:4700:4700::1113 2606:4700:4700::1003 2620:fe::fe 2620:fe::9 2620:fe::10 2620:fe::11
        2620:119:35::35 2620:119:53::53 2a10:50c0::ad1:ff 2a10:50c0::ad2:ff 2a0d:2a00:1:: 2a0d:2a00:2:: 2606:1a40:: 2606:1a40:1::
        2a09:: 2a11:: 2a0f:fc80:: 2a0f:fc81:: 2001:470:20::2 2610:a1:1018::1 2610:a1:1019::1 2400:3200::1 2400:3200:baba::1
        2a02:6b8::feed:0ff 2a02:6b8:0:1::feed:0ff 2001:1608:10:25::1c04:b12f 2001:1608:10:25::9249:d69b""".split(),
    "public-dns-hostname": """dns.google one.one.one.one cloudflare-dns.com mozilla.cloudflare-dns.com dns.quad9.net dns9.quad9.net
        dns10.quad9.net dns11.quad9.net doh.opendns.com dns.opendns.com resolver1.opendns.com resolver2.opendns.com dns.adguard-dns.com
        dns.adguard.com dns.nextdns.io doh.cleanbrowsing.org dns.alidns.com doh.pub dot.pub dns.mullvad.net dns.sb dns0.eu
        freedns.controld.com doh.dns.sb ordns.he.net common.dot.dns.yandex.net protective.joindns4.eu""".split(),
}

# Ranges for documentation stay usable in tests and demonstrations until somebody loads the whole lists. Private ranges are on the list
# of RFC 1918, so that they can be allowed by one action.
WITHOUT = {
    "rfc5735": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
    "rfc6761": ["example", "example.com", "example.net", "example.org", "test", "invalid"],
}



def main(warninglists, public_suffixes):
    SETS.joinpath("warninglists.txt").write_text(selection(pathlib.Path(warninglists)))
    SETS.joinpath("public_suffixes.txt").write_text(suffixes(pathlib.Path(public_suffixes)))


def selection(folder):
    lines = [
        "# A selection of MISP's warninglists (https://github.com/MISP/misp-warninglists), CC0 1.0.",
        "# Made by scripts/warninglists.py. A list begins with its key, comparison, types and name.",
    ]
    for key in sorted(WHOLE + list(ONLY) + list(WITHOUT)):
        document = json.loads((folder / "lists" / key / "list.json").read_text())
        attributes = document.get("matching_attributes") or ["ALL"]
        entries = [entry.strip() for entry in document["list"] if entry.strip()]
        if key in ONLY:
            entries = ONLY[key]
        entries = [entry for entry in entries if entry not in WITHOUT.get(key, [])]
        if document["type"] == "cidr":
            entries = collapsed(entries)
        lines.append("= " + "\t".join([key, document["type"], ",".join(attributes), document["name"]]))
        lines += entries
    return "\n".join(lines) + "\n"


def collapsed(entries):
    networks = [ipaddress.ip_network(entry, strict=False) for entry in entries]
    out = []
    for version in 4, 6:
        family = [network for network in networks if network.version == version]
        for network in ipaddress.collapse_addresses(family):
            single = network.prefixlen == network.max_prefixlen
            out.append(str(network.network_address) if single else str(network))
    return out


def suffixes(path):
    lines = []
    for line in path.read_text().splitlines():
        if line.startswith("//"):
            kept = ("===", "VERSION:", "Mozilla Public", "v. 2.0.", "file, You can")
            if any(word in line for word in kept):
                lines.append(line)
        elif line.strip():
            rule = line.split()[0]
            mark = next((mark for mark in ("!", "*.") if rule.startswith(mark)), "")
            name = rule[len(mark):]
            lines.append(mark + (name if name.isascii() else idna.encode(name, uts46=True).decode()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
