#!/usr/bin/env bash
# Makes a Debian package. Arguments: the program to pack, the folder for the package, and options of cargo-deb; without any, a release build and
# target/debian.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

target=${CARGO_TARGET_DIR:-target}
if (($# > 0)); then
    program=$1
else
    cargo build --locked --release --package weir
    program=$target/release/weir
fi
into=${2:-$target/debian}

command -v cargo-deb >/dev/null || {
    echo "package: cargo-deb is missing: make tools" >&2
    exit 1
}

# cargo-deb takes the program from where a release build puts it, so it is given a folder in which that is the one to pack.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/release" "$stage/release/package/completions" "$into"
cp "$program" "$stage/release/weir"
strip --strip-debug "$stage/release/weir"
weir=$stage/release/weir
"$weir" manual "$stage/release/package/man"
gzip --best --no-name "$stage"/release/package/man/*
"$weir" completions bash >"$stage/release/package/completions/weir.bash"
"$weir" completions zsh >"$stage/release/package/completions/_weir"
"$weir" completions fish >"$stage/release/package/completions/weir.fish"
# The state directory is where the unit (StateDirectory=) makes room for it; all else is the administrator's to say.
"$weir" config example | sed 's|^#\(state = "/var/lib/weir"\)$|\1|' >"$stage/release/package/weir.toml"
grep -q '^state = ' "$stage/release/package/weir.toml"

CARGO_TARGET_DIR=$stage cargo deb --locked --no-build --no-strip --no-dbgsym --package weir --output "$into" "${@:3}"
