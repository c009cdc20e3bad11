#!/usr/bin/env bash
# Makes what is given to others, in target/dist: a program that wants nothing of a system but glibc (libpcap and OpenSSL are inside), with its manual, completions,
# units, rules for monitoring and bill of materials, as a tar archive; the Debian package of the same; and the sums of both.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# libpcap as Debian has it reaches for D-Bus and libnl, which a static one would bring along.
libpcap=1.10.3
libpcap_sum=2a8885c403516cf7b0933ed4b14d6caa30e02052489ebd414dc75ac52e7559e6
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir/libpcap-$libpcap

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=weir-$version-$(uname -m)-linux
dist=target/dist

make_libpcap() {
    [[ -e $cache/libpcap.a ]] && return
    local place
    place=$(mktemp -d)
    mkdir -p "$cache"
    curl --fail --silent --show-error --output "$place/libpcap.tar.gz" \
        "http://deb.debian.org/debian/pool/main/libp/libpcap/libpcap_$libpcap.orig.tar.gz"
    echo "$libpcap_sum  $place/libpcap.tar.gz" | sha256sum --check --quiet
    tar --extract --file "$place/libpcap.tar.gz" --directory "$place" --strip-components 1
    (
        cd "$place"
        ./configure --quiet --disable-dbus --without-libnl --disable-usb --disable-bluetooth --disable-rdma --disable-shared
        make --silent libpcap.a
    ) >&2
    cp "$place/libpcap.a" "$cache/"
    rm -rf "$place"
}

make_libpcap
# What lies in a folder of the system is only linked statically where a folder is named; one with nothing else in it, or its shared
# libraries would come before ours.
system=/usr/lib/$(gcc -print-multiarch)
mkdir -p "$cache/openssl"
ln -sf "$system"/lib{ssl,crypto}.a "$cache/openssl/"
export LIBPCAP_LIBDIR=$cache LIBPCAP_VER=$libpcap LIBZ_SYS_STATIC=1
export OPENSSL_STATIC=1 OPENSSL_INCLUDE_DIR=/usr/include OPENSSL_LIB_DIR=$cache/openssl
# Paths of this machine say nothing to others, and would make each build another.
export RUSTFLAGS="--remap-path-prefix=$root=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
CARGO_TARGET_DIR=target/release-static cargo build --locked --release --package weir
program=target/release-static/release/weir

wanted=$(ldd "$program" | grep -v 'linux-vdso\|ld-linux\|libc\.so\|libm\.so\|libgcc_s\|libdl\|libpthread\|librt' || true)
[[ -z $wanted ]] || { printf 'release: the program wants more of the system than glibc:\n%s\n' "$wanted" >&2; exit 1; }

rm -rf "$dist"
mkdir -p "$dist/$name"
scripts/package.sh "$program" "$dist"
dpkg-deb --fsys-tarfile "$dist"/weir_*.deb | tar --extract --directory "$dist/$name"
scripts/sbom.sh "$dist/$name.cdx.json"
cp LICENSE "$dist/$name/"
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" --directory "$dist" "$name" |
    zstd -q -19 -o "$dist/$name.tar.zst"
rm -rf "${dist:?}/$name"
(cd "$dist" && sha256sum -- * >SHA256SUMS)
ls -l "$dist"
