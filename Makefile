# What people do with this repository. `make` alone lists it.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz lint

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Compile the support desk's policy and judge a handful of calls
	@echo "Building perso (the first time takes a minute or two) ..."
	@cargo build --release --locked -p perso-core --bin perso --example demo
	@cargo run --quiet --release --locked -p perso-core --example demo

# Optimised, because the property test judges hundreds of thousands of calls; with the checks that a debug build has.
test: ## Run every test and every example in the documentation
	cargo test --workspace --locked --profile checked --no-fail-fast

bench: ## Measure, beside serde_json in the same run; writes target/perso-bench.json
	cargo bench --locked -p perso-core

fuzz: ## Fuzz each target for FUZZ_SECONDS, a minute if not said otherwise
	perso-core/fuzz/run.sh

lint: ## Formatting, clippy with each set of features, and the documentation's links
	cargo fmt --all --check
	cargo fmt --manifest-path perso-core/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p perso-core --no-default-features --lib --example load --locked -- -D warnings
	cargo clippy -p perso-core --no-default-features --features compile --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
