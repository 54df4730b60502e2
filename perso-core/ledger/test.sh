#!/usr/bin/env bash
# Tests the ledger with every store: in memory, in files, and in Valkey and Redis servers, which it installs where it may.
set -euo pipefail
cd "$(dirname "$0")"

tests/servers.sh > /dev/null
cargo test --locked --profile checked -p perso-ledger --no-fail-fast "$@"
