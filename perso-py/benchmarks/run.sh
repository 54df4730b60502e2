#!/usr/bin/env bash
# Builds the package as it is released and measures it. Installs missing tools if it may.
set -euo pipefail
cd "$(dirname "$0")/../.."

wants="the Python package's benchmarks"
. perso-py/environments.sh
"$python" -m maturin build --locked --release -i "$python" -m perso-py/Cargo.toml -o "$out/release"
"$out/mcp2/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "$out"/release/perso-*.whl
cd "$out" # Outside the sources, so that the installed package is measured.
"$python" "$root/perso-py/benchmarks/decide.py"
