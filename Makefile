# What people do with this repository. `make` alone lists it.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help check demo test hosts clients python node attacks agents ci ledger journal bench bench-peers bench-agentdojo soak fuzz lint

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Judge twelve calls of the support desk, reach a limit, and approve a call
	@echo "Building perso (the first time takes a minute or two) ..."
	@cargo build --release --locked -p perso-core --features cli --bin perso --example demo
	@cargo run --quiet --release --locked -p perso-core --features cli --example demo

check: ## Run the quick Rust checks: formatting, clippy, unit tests, conformance, layers and golden files
	cargo fmt --all --check
	cargo clippy -p perso-core -p perso-tower --all-targets --features perso-core/cli --locked -- -D warnings
	cargo test --locked --profile checked -p perso-core --features cli --lib \
		--test layers --test conformance --test reference --test diagnostics --test reasons --test cli

# Optimised, because the property test judges hundreds of thousands of calls; with the checks that a debug build has.
test: hosts clients python node attacks agents ci ledger journal ## Run all tests, and all examples in the documentation
	cargo test --workspace --exclude perso-ledger --exclude perso-journal --locked --profile checked --no-fail-fast

hosts: ## Run the conformance corpus in other engines; installs missing tools if it can
	perso-core/examples/hosts/run.sh

clients: ## Test guarded servers with third-party MCP clients, an OpenID provider and a browser; installs missing tools if it can
	perso-tower/tests/clients/run.sh
	perso-tower/gateway/tests/openid/run.sh
	perso-tower/gateway/tests/page/run.sh

python: ## Build the Python package and test it with each SDK; installs missing tools if it can
	perso-py/run-tests.sh

node: ## Build the Node package and test it with both engines; installs missing tools if it can
	perso-node/run-tests.sh

attacks: ## Attack the servers that the ready policies protect, through the guards that `make python node` built; needs root
	policies/attacks/run.sh

agents: ## Test `perso hook` and the gateway with the coding agents themselves, on a played model; installs them; needs root
	perso-core/tests/agents/run.sh

ci: ## Lint the workflow and the hooks of docs/ci.md, and run them; installs missing tools if it can
	perso-core/tests/ci/run.sh

ledger: ## Test the ledger with each of its stores; installs missing servers if it can
	perso-core/ledger/test.sh

journal: ## Test the journal; installs OpenSSH, which verifies its signatures, if it can
	perso-core/journal/test.sh

DESK = target/hosts/support-desk.wasm policies/support-desk.calls.jsonl target/perso-bench.json

bench: ## Run the benchmarks, with parsing in the same run as the baseline; writes target/perso-bench.json
	cargo bench --locked -p perso-core --features cli
	cargo bench --locked -p perso-ledger --bench ledger
	cargo bench --locked -p perso-tower --bench guarded
	perso-tower/gateway/benches/run.sh
	@mkdir -p target/hosts
	cargo run --quiet --locked --profile checked -p perso-core --features cli --bin perso -- \
		compile policies/support-desk.json -o target/hosts/support-desk.wasm
	node perso-core/benches/portable.mjs $(DESK)
	cargo run --quiet --locked --release --manifest-path perso-core/examples/hosts/wasmtime/Cargo.toml \
		--target-dir target/hosts/wasmtime -- bench $(DESK)
	perso-py/benchmarks/run.sh
	perso-node/benchmarks/run.sh

bench-peers: ## Compare the speed with other policy engines; writes docs/benchmarks.md and its chart
	cargo run --quiet --locked --release --manifest-path perso-core/benches/peers/Cargo.toml --target-dir target/peers

bench-agentdojo: ## Replay AgentDojo's tasks against the policies for it, as docs/agentdojo.md says; installs AgentDojo
	policies/agentdojo/record/run.sh

soak: ## Judge calls on two threads while policies change, for SOAK_SECONDS (default: 600)
	SOAK_SECONDS=$${SOAK_SECONDS:-600} cargo test --locked --profile checked -p perso-core --test soak -- --nocapture

fuzz: ## Fuzz each target for FUZZ_SECONDS (default: 60, but a million shell lines, which takes hours)
	perso-core/fuzz/run.sh

lint: ## Check formatting, clippy with each feature set, doc links, public API, dependencies, spelling and wording
	scripts/words.sh
	cargo fmt --all --check
	cargo fmt --check --manifest-path perso-core/fuzz/Cargo.toml
	cargo fmt --check --manifest-path perso-core/examples/hosts/wasmtime/Cargo.toml
	cargo fmt --check --manifest-path perso-node/benchmarks/echo/Cargo.toml
	cargo fmt --check --manifest-path perso-core/benches/peers/Cargo.toml
	@for nested in perso-core/fuzz perso-core/benches/peers; do \
		cargo metadata --locked --format-version 1 --manifest-path $$nested/Cargo.toml > /dev/null || exit 1; \
	done
	cargo clippy --workspace --exclude perso-node --all-targets --locked -- -D warnings
	cargo clippy -p perso-node --locked -- -D warnings
	cargo clippy --locked --manifest-path perso-core/fuzz/Cargo.toml --target-dir target/fuzz -- -D warnings
	cargo clippy -p perso-core --no-default-features --lib --example load --locked -- -D warnings
	cargo clippy -p perso-core --locked -- -D warnings
	cargo clippy -p perso-ledger --lib --locked -- -D warnings
	cargo clippy -p perso-ledger --lib --features file --locked -- -D warnings
	cargo clippy -p perso-ledger --lib --features valkey --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features rmcp --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features tower-mcp --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features watch --lib --locked -- -D warnings
	cargo clippy -p perso-tower --no-default-features --features journal --lib --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked \
		--features perso-core/release,perso-tower/tower-mcp,perso-tower/watch,perso-tower/journal,perso-ledger/file,perso-ledger/valkey
	scripts/public-api.sh
	scripts/deny.sh
