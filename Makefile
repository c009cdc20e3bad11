# What there is to do, each in one word. Everything runs on a fresh Debian or Ubuntu that has a Rust toolchain, git
# and make, as root or with sudo; `setup` installs what else is needed and does nothing where it is all there.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install what the build needs and the machine lacks (libpcap's headers, a C compiler ...).
	@scripts/setup.sh

.PHONY: demo
demo: setup ## Build, read a capture that comes with the source, and show what in it is bad.
	@scripts/demo.sh

.PHONY: test
test: ## Format, lints, documentation and all tests.
	@scripts/setup.sh ethtool prometheus --package --python --syslog --schemas
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	cargo test --locked --workspace --doc
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -x; cargo nextest run --locked --workspace; \
	else \
	  set -x; cargo test --locked --workspace --lib --bins --tests; \
	fi

.PHONY: check
check: ## Licences, advisories and sources of all dependencies (needs cargo-deny: make tools).
	@cargo deny --version >/dev/null 2>&1 || { echo "cargo-deny is missing: run 'make tools' (compiles it, some minutes)" >&2; exit 1; }
	cargo deny --locked check licenses bans sources
	@if git ls-remote --exit-code -q https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then \
	  set -x; cargo deny --locked check advisories; \
	else \
	  echo "ADVISORIES NOT CHECKED: https://github.com/RustSec/advisory-db cannot be reached from here" >&2; \
	fi

.PHONY: tools
tools: setup ## Compile the tools that `check`, `package` and `sbom` need.
	cargo install --locked cargo-deny cargo-deb cargo-cyclonedx

.PHONY: package
package: setup ## Make a Debian package: target/debian/weir_*.deb (needs cargo-deb: make tools).
	scripts/package.sh

.PHONY: sbom
sbom: setup ## Write what the program is made of: target/weir.cdx.json (CycloneDX; needs cargo-cyclonedx: make tools).
	scripts/sbom.sh target/weir.cdx.json

.PHONY: release
release: setup ## Make what is given to others, in target/dist: a program that wants nothing but glibc, package, bill of materials, sums.
	@scripts/setup.sh curl flex bison zstd
	scripts/release.sh

.PHONY: agreement
agreement: setup ## Compare with Arkime, JA4 and Community ID tables; print how much agrees (needs WEIR_CORPORA).
	cargo test --locked --test agreement -- --nocapture

.PHONY: exported-agreement
exported-agreement: setup ## Compare what softflowd exports of a capture with the capture itself, and with nfdump: [CAPTURE=x.pcap].
	@scripts/setup.sh softflowd nfdump zstd
	cargo build --locked --release --package weir
	python3 scripts/exported-agreement.py $(CAPTURE)

.PHONY: planted
planted: setup ## Compare alerts with what tshark finds, with a million indicators (needs WEIR_CORPORA).
	@scripts/setup.sh tshark zstd
	cargo build --locked --release --package weir
	python3 scripts/planted.py

.PHONY: hostile
hostile: setup ## Every capture cut and changed at random, 50 times each (half an hour or so).
	WEIR_HOSTILE_CASES=50 cargo test --locked --release --test hostile -- --nocapture

.PHONY: spool-crash
spool-crash: setup ## Cut the power of the spool of messages at thousands of random moments: [SEEDS=10], 200 cuts each.
	WEIR_CRASH_SEEDS=$(or $(SEEDS),10) cargo test --locked -p weir-alert --lib spool::tests::crash::many_power_cuts -- --exact --ignored --nocapture

.PHONY: spool-rate
spool-rate: ## What it costs to append to the spool of messages and to give them out.
	cargo test --locked --release -p weir-alert --lib spool::tests::rate -- --ignored --nocapture --test-threads=1

.PHONY: soak
soak: setup ## Years in minutes: packets at full speed, reloads, and sources, sinks and interfaces that fail at random (root): CAPTURE=x.pcap [MINUTES=20] [SEED=1].
	@test -n "$(CAPTURE)" || { echo "say which capture: make soak CAPTURE=x.pcap" >&2; exit 2; }
	@scripts/setup.sh tcpreplay
	cargo build --locked --release --package weir
	scripts/soak.py --weir $(RELEASE)/weir --minutes $(or $(MINUTES),20) --seed $(or $(SEED),1) "$(CAPTURE)"

.PHONY: kill-test
kill-test: setup ## Kill a running weir at 200 random moments under load, and look for anything lost or told twice: [KILLS=200] [SEED=1].
	cargo build --locked --package weir
	scripts/kill-test.py --weir $(dir $(RELEASE))debug/weir --kills $(or $(KILLS),200) --seed $(or $(SEED),1)

.PHONY: fuzz
fuzz: setup ## Fuzz one format of strangers (nightly Rust): TARGET=ipfix [SECONDS=60]; cargo fuzz list names them.
	@test -n "$(TARGET)" || { echo "say which: make fuzz TARGET=ipfix; there are:" $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))) >&2; exit 2; }
	fuzz/run.sh $(or $(SECONDS),60) $(TARGET)

.PHONY: fuzz-all
fuzz-all: setup ## Fuzz every format, one after the other, SECONDS=60 each.
	fuzz/run.sh $(or $(SECONDS),60)

.PHONY: workers
workers: setup ## Compare the results of 1, 2 and 4 workers on every capture (needs WEIR_CORPORA).
	WEIR_WORKERS_ALL=1 cargo test --locked --release --test workers -- --nocapture

.PHONY: traces
traces: ## Record capture/traces again (root: makes network namespaces and removes them).
	capture/traces/record.sh

.PHONY: scenarios
scenarios: ## Write the captures of tests/scenarios again.
	python3 tests/scenarios/make.py

# Where cargo puts what it builds.
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release

.PHONY: bench
bench: ## What each hot structure costs, in nanoseconds (BENCH=name: only those).
	cargo run --locked --release -p weir-bench --bin weir-bench -- $(BENCH)

.PHONY: bench-instructions
bench-instructions: ## Count instructions of the same and compare with benches/baseline.tsv (needs valgrind).
	cargo build --locked --release -p weir-bench
	scripts/bench-instructions.py --bench $(RELEASE)/weir-bench $(BENCH)

.PHONY: bench-baseline
bench-baseline: ## Count instructions and write benches/baseline.tsv.
	cargo build --locked --release -p weir-bench
	scripts/bench-instructions.py --write --bench $(RELEASE)/weir-bench $(BENCH)

.PHONY: tap-rate
tap-rate: ## Highest rate without loss on virtual interfaces, beside tcpdump and softflowd (root): CAPTURE=x.pcap [WORKERS=1] [INDICATORS=...].
	@test -n "$(CAPTURE)" || { echo "say which capture: make tap-rate CAPTURE=x.pcap" >&2; exit 2; }
	@scripts/setup.sh tcpreplay
	cargo build --locked --release -p weir
	scripts/tap-rate.py "$(CAPTURE)" --weir $(RELEASE)/weir $(addprefix --indicators ,$(INDICATORS)) \
	  $(if $(RUNS),--runs $(RUNS)) $(if $(WORKERS),--workers $(WORKERS))

.PHONY: swap-while-running
swap-while-running: ## Sets of millions of indicators swapped while packets come: [SIZE=10000000] [SECONDS=60].
	WEIR_SWAP_SIZE=$(or $(SIZE),10000000) WEIR_SWAP_SECONDS=$(or $(SECONDS),60) cargo test --locked --release -p weir --bin weir \
	  run::tests::swap::large -- --ignored --nocapture

.PHONY: alert-storm
alert-storm: ## 100,000 alerts a second while the sink is away: [RATE=100000] [SECONDS=60].
	WEIR_STORM_RATE=$(or $(RATE),100000) WEIR_STORM_SECONDS=$(or $(SECONDS),60) cargo test --locked --release -p weir --bin weir \
	  run::tests::storm::a_minute -- --ignored --nocapture

.PHONY: record-rate
record-rate: ## Highest rate of exported records without loss on the loopback, beside nfcapd: [VERSION=v9] [COLLECTORS=1] [INDICATORS=...].
	@scripts/setup.sh nfdump
	cargo build --locked --release -p weir
	cargo build --locked --release -p weir-capture --example send
	@scripts/record-rate.py --weir $(RELEASE)/weir --send $(RELEASE)/examples/send $(addprefix --indicators ,$(INDICATORS)) \
	  $(if $(RUNS),--runs $(RUNS)) $(if $(COLLECTORS),--collectors $(COLLECTORS)) $(if $(VERSION),--version $(VERSION))

.PHONY: bus-away
bus-away: setup ## Kafka away for ten minutes while alerts are raised: all arrive, in order (takes eleven minutes).
	cargo test --locked -p weir-alert --lib kafka::tests::outages::ten_minutes_away -- --ignored --nocapture

.PHONY: flood
flood: ## 20 million SYNs with 1,000 real flows among them, in 256 MiB: real ones stay whole, alerts are raised.
	cargo build --locked --release -p weir -p weir-bench
	scripts/flood.py --weir $(RELEASE)/weir --traffic $(RELEASE)/weir-traffic

.PHONY: bench-compare
bench-compare: ## One capture through weir and its peers: CAPTURE=x.pcap [INDICATORS="file ..."] [RUNS=5] [SVG=picture].
	@test -n "$(CAPTURE)" || { echo "say which capture: make bench-compare CAPTURE=x.pcap" >&2; exit 2; }
	cargo build --locked --release -p weir
	scripts/bench-compare.py "$(CAPTURE)" --weir $(RELEASE)/weir $(addprefix --indicators ,$(INDICATORS)) \
	  $(if $(RUNS),--runs $(RUNS)) $(if $(SVG),--svg $(SVG))
