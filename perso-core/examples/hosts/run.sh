#!/usr/bin/env bash
# Has each host judge every case of the corpus. Installs what is missing where it may, and says what is where it may not.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/hosts
export CHROMIUM=${CHROMIUM:-chromium}

wants="the hosts in other engines"
. "$root/scripts/need.sh"
need "Node 20 or later" nodejs node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv'
need "Chromium (or CHROMIUM=path)" chromium command -v "$CHROMIUM"

if ! cmp -s requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
    cp requirements.txt "$out/venv/requirements.txt"
fi

rm -rf "$out/corpus"
# The whole workspace, as for the tests: what is built for the one serves the other.
cargo build -q --locked --profile checked --workspace --bins --examples --manifest-path "$root/Cargo.toml"
"$root/target/checked/examples/corpus" "$out/corpus"

echo "Node $(node --version), V8 $(node -p process.versions.v8); $("$CHROMIUM" --version 2> /dev/null);" \
    "$(tr '\n' ' ' < requirements.txt)in $(python3 --version)"
failed=0
node node.mjs "$out/corpus" || failed=1
PERSO_CORPUS=$out/corpus node --test "$root/perso-node/host/perso.test.mjs" || failed=1
node browser/run.mjs "$out/corpus" || failed=1
"$out/venv/bin/python" python.py "$out/corpus" || failed=1
cargo run --locked --release --manifest-path wasmtime/Cargo.toml --target-dir "$out/wasmtime" -- "$out/corpus" || failed=1
exit $failed
