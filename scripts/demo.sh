#!/usr/bin/env bash
# The main job on a capture that comes with the source: who met something known to be bad, and how far did it get?
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

traces=capture/traces
out=target/demo
mkdir -p "$out"

command=(weir read "$traces/demo.pcap" --indicators "$traces/demo-indicators.txt"
    --home-net 10.20.0.0/24 --home-net 2001:db8:20::/64 --role resolver=10.20.0.53/32
    --flows "$out/flows.jsonl" --names "$out/names.jsonl")

echo "Building weir (the first time takes some minutes) ..."
cargo build --locked --release --package weir

printf '\n$ %s > %s\n\n' "${command[*]}" "$out/alerts.jsonl"
status=0
cargo run --locked --release --quiet --package weir -- "${command[@]:1}" >"$out/alerts.jsonl" || status=$?
# 1 means that alerts were raised, which is what this capture is for.
if ((status != 1)); then
    echo "demo: weir ended with status $status, 1 was expected (alerts raised)" >&2
    exit 1
fi

printf '\nThe %d alerts, in a sentence each:\n\n' "$(wc -l <"$out/alerts.jsonl")"
# The "message" of each line and how severe it is; a string ends at the first quote that is not escaped.
sed -E 's/.*"message":"(([^"\\]|\\.)*)".*"severity":"([a-z]+)".*/  [\3] \1/; s/\\(["\\])/\1/g' "$out/alerts.jsonl" |
    fold -s -w 110 | sed -E '/^  \[/!s/^/    /'

cat <<END

Everything else that is known of them, as ECS JSON lines:  $out/alerts.jsonl
All flows and all names of the capture, likewise:          $out/flows.jsonl  $out/names.jsonl
What the capture is and what was planted in it:            $traces/README.md
END
