#!/usr/bin/env bash
# Installs what the build needs and this machine lacks, and nothing else. Where all is there it does nothing, so every
# make target may begin with it. Arguments are further programs to have (each in the package of its name); --python is
# what tests speak with (tests/python/requirements.txt), in a virtual environment of its own; --syslog is rsyslog with TLS; --schemas is
# what lines are held against; --package is what makes the Debian package and tries it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

main() {
    require_cargo
    require_component rustfmt fmt
    require_component clippy clippy

    local missing=() wants_python= wants_schemas= wants_package=
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v c++ >/dev/null || missing+=(g++)
    has_header pcap.h || missing+=(libpcap-dev)
    has_header openssl/ssl.h || missing+=(libssl-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    local program
    for program in "$@"; do
        if [[ $program == --python ]]; then
            wants_python=yes
            python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
        elif [[ $program == --syslog ]]; then
            # Not in the PATH of everybody.
            [[ -x /usr/sbin/rsyslogd ]] || missing+=(rsyslog)
            compgen -G '/usr/lib/*/rsyslog/lmnsd_ossl.so' >/dev/null || missing+=(rsyslog-openssl)
        elif [[ $program == --schemas ]]; then
            wants_schemas=yes
            command -v python3 >/dev/null || missing+=(python3)
        elif [[ $program == --package ]]; then
            wants_package=yes
            command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
        else
            command -v "$program" >/dev/null || missing+=("$program")
        fi
    done
    if ((${#missing[@]} > 0)); then
        install_packages "${missing[@]}"
    fi
    [[ -z $wants_python ]] || install_python
    [[ -z $wants_schemas ]] || install_schemas
    [[ -z $wants_package ]] || install_cargo_deb
}

# A test that finds none is skipped.
install_cargo_deb() {
    command -v cargo-deb >/dev/null && return
    echo "setup: compiling cargo-deb, with which the package is made" >&2
    env -u CARGO_TARGET_DIR cargo install --quiet --locked cargo-deb ||
        echo "setup: that failed; the package will not be tested" >&2
}

# Suricata's licence keeps its schema out of this repository. A test that finds none is skipped.
install_schemas() {
    python3 "$root/scripts/schemas.py" eve || echo "setup: no schema of EVE; tests that need it will be skipped" >&2
}

# Tests that find nothing to speak with are skipped, so that a machine without PyPI is no reason to fail.
install_python() {
    local requirements=$root/tests/python/requirements.txt
    local environment=$HOME/.cache/weir/python
    cmp -s "$requirements" "$environment/installed.txt" && return
    echo "setup: installing what tests speak with into $environment" >&2
    if python3 -m venv "$environment" && "$environment/bin/pip" install -q --disable-pip-version-check -r "$requirements"; then
        cp "$requirements" "$environment/installed.txt"
    else
        echo "setup: that failed; tests that need it will be skipped" >&2
    fi
}

require_cargo() {
    if ! command -v cargo >/dev/null; then
        fail "no cargo in PATH: install a Rust toolchain (https://rustup.rs), then run this again"
    fi
    local found needed
    found=$(cargo --version) || fail "cargo does not run (see above)"
    found=$(cut -d ' ' -f 2 <<<"$found")
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    if [[ $(printf '%s\n' "$needed" "$found" | sort -V | head -n 1) != "$needed" ]]; then
        fail "cargo is version $found, at least $needed is needed: rustup update"
    fi
}

# The minimal profile of rustup has neither rustfmt nor clippy.
require_component() {
    local component=$1 command=$2
    cargo "$command" --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null || fail "cargo $command is missing: install your toolchain's $component"
    rustup component add "$component"
}

has_header() {
    if command -v cc >/dev/null; then
        echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1
    else
        [[ -e /usr/include/$1 ]]
    fi
}

install_packages() {
    command -v apt-get >/dev/null ||
        fail "please install these first (no apt-get here to do it): $*"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            fail "please install these first (neither root nor sudo here): $*"
        as_root=(sudo)
    fi
    echo "setup: installing $*" >&2
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update || echo "setup: 'apt-get update' failed, trying with the lists at hand" >&2
    "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
}

fail() {
    echo "setup: $*" >&2
    exit 1
}

main "$@"
