# What people do with this repository. `make` alone lists it.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help check demo test hosts clients python node attacks bench bench-peers soak fuzz lint

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Compile the support desk's policy and judge a handful of calls
	@echo "Building perso (the first time takes a minute or two) ..."
	@cargo build --release --locked -p perso-core --features cli --bin perso --example demo
	@cargo run --quiet --release --locked -p perso-core --features cli --example demo

check: ## The quick loop for Rust: formatting, clippy, unit tests, conformance, layers and golden files
	cargo fmt --all --check
	cargo clippy -p perso-core -p perso-tower --all-targets --features perso-core/cli --locked -- -D warnings
	cargo test --locked --profile checked -p perso-core --features cli --lib \
		--test layers --test conformance --test reference --test diagnostics --test reasons --test cli

# Optimised, because the property test judges hundreds of thousands of calls; with the checks that a debug build has.
test: hosts clients python node attacks ## Run every test and every example in the documentation
	cargo test --workspace --locked --profile checked --no-fail-fast

hosts: ## Judge the whole corpus in other engines; installs what it needs where it may
	perso-core/examples/hosts/run.sh

clients: ## Have MCP clients that others wrote use guarded servers; installs what it needs where it may
	perso-tower/tests/clients/run.sh

python: ## Build the Python package, and test it beside each SDK; installs what it needs where it may
	perso-py/run-tests.sh

node: ## Build the Node package, and test it by both engines; installs what it needs where it may
	perso-node/run-tests.sh

attacks: ## Attack the servers that ready policies are for, through the guards that `make python node` has built; needs root
	policies/attacks/run.sh

DESK = target/hosts/support-desk.wasm policies/support-desk.calls.jsonl target/perso-bench.json

bench: ## Measure, beside parsing in the same run; writes target/perso-bench.json
	cargo bench --locked -p perso-core
	cargo bench --locked -p perso-tower --bench guarded
	@mkdir -p target/hosts
	cargo run --quiet --locked --profile checked -p perso-core --features cli --bin perso -- \
		compile policies/support-desk.json -o target/hosts/support-desk.wasm
	node perso-core/benches/portable.mjs $(DESK)
	cargo run --quiet --locked --release --manifest-path perso-core/examples/hosts/wasmtime/Cargo.toml \
		--target-dir target/hosts/wasmtime -- bench $(DESK)
	perso-py/benchmarks/run.sh
	perso-node/benchmarks/run.sh

bench-peers: ## Measure beside other policy engines; writes docs/benchmarks.md and its picture
	cargo run --quiet --locked --release --manifest-path perso-core/benches/peers/Cargo.toml --target-dir target/peers

soak: ## Judge on two threads while policies change, for SOAK_SECONDS, ten minutes if not said otherwise
	SOAK_SECONDS=$${SOAK_SECONDS:-600} cargo test --locked --profile checked -p perso-core --test soak -- --nocapture

fuzz: ## Fuzz each target for FUZZ_SECONDS, a minute if not said otherwise
	perso-core/fuzz/run.sh

lint: ## Formatting, clippy with each set of features, the documentation's links, and spelling
	scripts/words.sh
	cargo fmt --all --check
	cargo fmt --check --manifest-path perso-core/fuzz/Cargo.toml
	cargo fmt --check --manifest-path perso-core/examples/hosts/wasmtime/Cargo.toml
	cargo fmt --check --manifest-path perso-node/benchmarks/echo/Cargo.toml
	cargo fmt --check --manifest-path perso-core/benches/peers/Cargo.toml
	cargo clippy --workspace --exclude perso-node --all-targets --locked -- -D warnings
	cargo clippy -p perso-node --locked -- -D warnings
	cargo clippy -p perso-core --no-default-features --lib --example load --locked -- -D warnings
	cargo clippy -p perso-core --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features rmcp --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features tower-mcp --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features watch --lib --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked \
		--features perso-tower/tower-mcp,perso-tower/watch
	scripts/public-api.sh
	scripts/deny.sh
