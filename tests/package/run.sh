#!/usr/bin/env bash
# Installs a Debian package on a copy of this machine (an overlay in memory, booted with systemd in namespaces and without a network) and
# works with it as its users do: tests/package/inside.sh. Arguments: the package, a capture, its indicators. Prints what inside.sh
# prints; exit code 77 if no such copy can be made here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$1 capture=$2 indicators=$3

((EUID == 0)) || { echo "not root"; exit 77; }
command -v systemd-nspawn >/dev/null || { echo "no systemd-nspawn (package systemd-container)"; exit 77; }

place=$(mktemp -d)
cleanup() {
    mountpoint -q "$place/root" && umount "$place/root"
    mountpoint -q "$place" && umount "$place"
    rmdir "$place"
}
trap cleanup EXIT
mount -t tmpfs -o mode=755 tmpfs "$place"
mkdir "$place"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/root" 2>"$place/why" ||
    { echo "no overlay: $(cat "$place/why")"; exit 77; }
root=$place/root

mkdir -p "$root/try"
cp "$package" "$root/try/weir.deb"
cp "$capture" "$root/try/traffic.pcap"
cp "$indicators" "$root/try/indicators.txt"
cp "$here/inside.sh" "$here/send.py" "$root/try/"
# Nothing of this machine's own services.
cat >"$root/etc/systemd/system/try.target" <<'UNIT'
[Unit]
Requires=sysinit.target try.service
After=sysinit.target
AllowIsolate=yes
UNIT
cat >"$root/etc/systemd/system/try.service" <<'UNIT'
[Unit]
After=sysinit.target dbus.socket
Wants=dbus.socket
[Service]
Type=oneshot
ExecStart=/bin/bash /try/inside.sh
ExecStopPost=/bin/systemctl poweroff --no-block
StandardOutput=file:/try/out
StandardError=file:/try/out
TimeoutStartSec=120
UNIT
timeout 150 systemd-nspawn --quiet --directory="$root" --machine="weir-try-$$" --private-network --register=no --keep-unit \
    --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self adjtimex" \
    --link-journal=no --console=pipe --boot systemd.unit=try.target >"$place/boot" 2>&1 </dev/null || true
[[ -e $root/try/out ]] || { echo "systemd does not boot in namespaces here: $(tail -n 3 "$place/boot")"; exit 77; }
cat "$root/try/out"
