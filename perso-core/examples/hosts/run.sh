#!/usr/bin/env bash
# Has each host judge every case of the corpus. Installs what is missing where it may, and says what is where it may not.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/hosts
export CHROMIUM=${CHROMIUM:-chromium}

# need WHAT PACKAGE CHECK...: the check succeeds, or does so once Debian's package is installed.
need() {
    local what=$1 package=$2
    shift 2
    "$@" > /dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"
        "$@" > /dev/null 2>&1 && return
    fi
    echo "the hosts in other engines need $what: install it (Debian's package is $package)" >&2
    exit 1
}

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
cargo run --locked --profile checked -p perso-core --example corpus -- "$out/corpus"

echo "Node $(node --version), V8 $(node -p process.versions.v8); $("$CHROMIUM" --version 2> /dev/null);" \
    "$(tr '\n' ' ' < requirements.txt)in $(python3 --version)"
failed=0
node node.mjs "$out/corpus" || failed=1
PERSO_CORPUS=$out/corpus node --test "$root/perso-node/host/perso.test.mjs" || failed=1
node browser/run.mjs "$out/corpus" || failed=1
"$out/venv/bin/python" python.py "$out/corpus" || failed=1
cargo run --locked --release --manifest-path wasmtime/Cargo.toml --target-dir "$out/wasmtime" -- "$out/corpus" || failed=1
exit $failed
