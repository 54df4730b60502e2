#!/usr/bin/env bash
# Builds the package as it is released, and measures it. `make python` makes the environment.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=target/py
[ -x "$out/mcp2/bin/python" ] || perso-py/run-tests.sh
"$out/mcp2/bin/python" -m maturin build --locked --release -i "$out/mcp2/bin/python" -m perso-py/Cargo.toml -o "$out/release"
"$out/mcp2/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "$out"/release/perso-*.whl
(cd "$out" && mcp2/bin/python ../../perso-py/benchmarks/decide.py)
