#!/usr/bin/env bash
# Writes what the program is made of (CycloneDX 1.5, JSON), by Cargo.lock: names, versions, licences, sums. Argument: the file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo-cyclonedx >/dev/null || {
    echo "sbom: cargo-cyclonedx is missing: make tools" >&2
    exit 1
}
# The tool writes one file into the folder of each crate of the workspace; that of the program has what all of them use.
trap 'find . -path ./target -prune -o -name weir-sbom.json -exec rm {} +' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) cargo cyclonedx --quiet --format json --spec-version 1.5 --override-filename weir-sbom --target "$(rustc -vV | sed -n 's/^host: //p')"
mkdir -p "$(dirname "$1")"
# Where the source lay when it was built says nothing to others.
sed "s|path+file://$PWD|path+file:///weir|g" weir-sbom.json >"$1"
