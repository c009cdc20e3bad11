#!/usr/bin/env bash
# run.sh SECONDS TARGET...: fuzzes each target for so long, one after the other; without targets, all of them.
# Inputs that were found stay in fuzz/corpus, those that fail in fuzz/artifacts; a failure ends the run.
# First inputs are made from the tests of wire, and from WEIR_CORPORA (else ../shared/corpora) where that is there.
set -eu -o pipefail
cd "$(dirname "$0")"
seconds=$1
shift

rustup toolchain list | grep -q '^nightly' || {
  echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal" >&2
  exit 1
}
cargo fuzz --version >/dev/null 2>&1 || {
  echo "cargo-fuzz is missing; compiling it, which takes some minutes"
  cargo install --locked cargo-fuzz
}

[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ $# -eq 0 ] || targets=("$@")
cargo run --quiet --locked --example seeds -- corpus "${WEIR_CORPORA:-../../shared/corpora}"
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target"
  # Without a sanitizer: the formats are read by safe code only, and are tried several times as often. Overflow checks
  # and assertions are on.
  cargo +nightly fuzz run --sanitizer none "$target" -- \
    -max_total_time="$seconds" -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1
done
