#!/usr/bin/env bash
# Installs what `tests/sql_oracles.rs` needs into `target/sql`, where it may.
set -euo pipefail
cd "$(dirname "$0")"
out=../../../target/sql

wants="the tests of SQL with other readers"
. ../../../scripts/need.sh
need python3 python3 python3 --version
need venv python3-venv python3 -c 'import ensurepip, venv'
if ! cmp -s requirements.txt "$out/venv/requirements.txt"; then
    mkdir -p "$out"
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
    cp requirements.txt "$out/venv/requirements.txt"
fi
