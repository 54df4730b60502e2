#!/usr/bin/env bash
# Builds the package in the release profile and measures it with both engines. Installs missing tools if it may.
set -euo pipefail
cd "$(dirname "$0")/.."

wants="the Node package's benchmarks"
. ./packages.sh
PERSO_PROFILE=release node scripts/build.mjs
cargo build -q --locked --release --manifest-path benchmarks/echo/Cargo.toml --target-dir "$out/echo"
for library in libecho.so libecho.dylib echo.dll; do
    [ ! -f "$out/echo/release/$library" ] || cp "$out/echo/release/$library" "$out/echo.node"
done
node bin/perso.mjs compile ../policies/support-desk.json -o "$out/support-desk.wasm"
for conditions in "" --conditions=browser; do
    node $conditions benchmarks/decide.mjs "$out/support-desk.wasm" "$out/echo.node"
done
