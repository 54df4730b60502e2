#!/usr/bin/env bash
# Tests `perso hook` and the gateway with the coding agents themselves, each with a model that plays tool calls to it. They run in
# a sandbox, without any network but its loopback. Installs the agents of package-lock.json.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/agents
mkdir -p "$out"

wants="the tests with coding agents"
. "$root/scripts/need.sh"
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "$wants need Linux on x86_64, for which package.json pins OpenCode" >&2; exit 1; }
need "Node 20 or later" nodejs node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
need npm npm command -v npm
need "Python 3.10 or later" python3 python3 -c 'import sys; assert sys.version_info >= (3, 10)'
need git git git --version
need unshare util-linux unshare --version
need setpriv util-linux setpriv --version
need ip iproute2 ip -V

# The agents are binaries, which need none of the scripts of their packages.
if ! cmp -s package-lock.json "$out/node_modules/.installed-lock.json"; then
    cp package.json package-lock.json "$out/"
    (cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp package-lock.json "$out/node_modules/.installed-lock.json"
fi

# Build the whole workspace, to share the build with `make test`.
cargo build -q --locked --profile checked --workspace --bins --examples --manifest-path "$root/Cargo.toml"

node=$(realpath "$(command -v node)")
exec python3 -B "$root/scripts/sandbox.py" 600 "$root" "${node%/bin/node}" -- "$node" --test "$PWD"/*.test.mjs
