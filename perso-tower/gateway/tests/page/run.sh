#!/usr/bin/env bash
# Approves and denies calls on the gateway's page, with a browser and its keyboard. Installs the packages of package-lock.json.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../../.. && pwd)
out=$root/target/page
mkdir -p "$out"

wants="the tests of the gateway's page"
. "$root/scripts/need.sh"
export CHROMIUM=${CHROMIUM:-chromium}
need "Node 20.19 or later" nodejs node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
need npm npm command -v npm
need "Chromium (or CHROMIUM=path)" chromium command -v "$CHROMIUM"

if ! cmp -s package-lock.json "$out/node_modules/.installed-lock.json"; then
    cp package.json package-lock.json "$out/"
    (cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp package-lock.json "$out/node_modules/.installed-lock.json"
fi
# Node looks for modules next to the script.
cp page.test.mjs "$out/"

# Build the whole workspace, to share the build with `make test`.
cargo build -q --locked --profile checked --workspace --bins --examples --manifest-path "$root/Cargo.toml"
export GATEWAY=$root/target/checked/perso-gateway UPSTREAM=$root/target/checked/examples/upstream
exec node --test --test-reporter=spec "$out/page.test.mjs"
