#!/usr/bin/env bash
# Builds the package as users get it, installs it next to each SDK, and runs its tests. Installs missing tools if it may, and
# otherwise says what is missing.
set -euo pipefail
cd "$(dirname "$0")"

wants="the Python package's tests"
. ./environments.sh
need git git git --version
export PERSO_PYTHON_MCP1=$out/mcp1/bin/python

# The wheel is built from the contents of the source package, which proves that both are complete. There is no `--locked`: the
# lock file also names packages that only the rest of the workspace needs.
rm -rf "$out/sdist" "$out/wheels"
"$python" -m maturin sdist -o "$out/sdist"
# `-m` sets the files' times to now. cargo compares times, and those in the archive are fixed.
tar -xzmf "$out"/sdist/perso-*.tar.gz -C "$out/sdist" --strip-components 1
CARGO_TARGET_DIR=$out/build "$python" -m maturin build --profile checked -i "$python" \
    -m "$out/sdist/perso-py/Cargo.toml" -o "$out/wheels"
for sdk in mcp1 mcp2; do
    "$out/$sdk/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "$out"/wheels/perso-*.whl
done

echo "$("$python" --version), $(grep -hE '^(mcp|fastmcp|langchain-core|openai-agents|pydantic)==' requirements/mcp2.txt | tr '\n' ' ')" \
    "and $(grep -hE '^(mcp|mcp-server-.*)==' requirements/mcp1.txt | tr '\n' ' ')"
failed=0
cd "$out" # Outside the sources, so that the tests use the installed package.
config=$root/perso-py/pyproject.toml
"$python" -m mypy --config-file "$config" -p perso || failed=1
"$python" -m mypy.stubtest perso._perso || failed=1
"$PERSO_PYTHON_MCP1" -m mypy --config-file= --strict --follow-imports=silent -m perso.adapters.mcp1 || failed=1
# ruff reads the sources, and resolves the paths in its configuration from where they are.
(cd "$root/perso-py" && "$python" -m ruff check --no-cache) || failed=1
(cd "$root/perso-py" && "$python" -m ruff format --check --no-cache) || failed=1

tests=$root/perso-py/tests
installed=$("$python" -c 'import perso; print(perso.__path__[0])')
# run PYTHON FOLDER...: runs tests in one process, in Python's development mode, which warns of what is not closed or awaited.
run() {
    local python=$1
    shift
    "$python" -X dev -m pytest -q -p no:cacheprovider -c "$config" "${@/#/$tests/}" || return 1
}

# Two halves at the same time, because they mostly wait for servers to start.
{
    failed=0
    run "$python" mcp2 fastmcp || failed=1
    exit $failed
} > "$out/half.log" 2>&1 &
half=$!
run "$python" core agents || failed=1
run "$PERSO_PYTHON_MCP1" mcp1 || failed=1
# These tests start servers in other processes, which development mode does not reach.
"$python" -m pytest -q -p no:cacheprovider -c "$config" "$tests/end_to_end" || failed=1
wait $half || failed=1
cat "$out/half.log"
"$python" -m pytest -q -c "$config" --doctest-modules --ignore-glob '*/adapters/mcp1.py' "$installed" || failed=1
exit $failed
