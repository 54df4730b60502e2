#!/usr/bin/env bash
# Measures the gateway beside a plain proxy and beside other programs, which it installs. Installs missing tools if it may.
set -euo pipefail
cd "$(dirname "$0")/peers"
root=$(cd ../../../.. && pwd)
out=$root/target/gateway-peers
mkdir -p "$out"

wants="the gateway's benchmarks"
. "$root/scripts/need.sh"
need "Node 20 or later" nodejs node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
need npm npm command -v npm
need "Python 3.10 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 10)'

if ! cmp -s requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
    cp requirements.txt "$out/venv/requirements.txt"
fi
if ! cmp -s package-lock.json "$out/node_modules/.installed-lock.json"; then
    cp package.json package-lock.json "$out/"
    (cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp package-lock.json "$out/node_modules/.installed-lock.json"
fi
cd "$root"
GATEWAY_PEERS=$out exec cargo bench --locked -p perso-gateway --bench gateway --bench service
