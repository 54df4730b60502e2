#!/usr/bin/env bash
# Checks the licences and the sources of all dependencies by deny.toml. Installs cargo-deny into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2
tools=$PWD/target/tools

if [ "$("$tools/bin/cargo-deny" --version 2> /dev/null)" != "cargo-deny $version" ]; then
    cargo install --quiet --debug --locked cargo-deny --version "$version" --root "$tools"
fi
"$tools/bin/cargo-deny" --locked check licenses bans sources
