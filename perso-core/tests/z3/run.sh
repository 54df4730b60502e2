#!/usr/bin/env bash
# Runs `oracle.py` with Z3, which it installs into `target/tools`, where it may.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of the analysis with Z3"
. ../../../scripts/tool.sh
tool z3 5.4.1.0 z3-solver
exec "${tool%z3}python" -B oracle.py "$@"
