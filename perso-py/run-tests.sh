#!/usr/bin/env bash
# Builds the package as users get it, installs it beside each SDK, and runs its tests. Installs what is missing where it
# may, and says what is where it may not.
set -euo pipefail
cd "$(dirname "$0")"

wants="the Python package's tests"
. ./environments.sh
need git git git --version
export PERSO_PYTHON_MCP1=$out/mcp1/bin/python

# The wheel is built from what the source package has in it, so that both are known to be whole. Its lock file names
# packages that only the rest of the workspace needs, and so cannot be kept to the letter.
rm -rf "$out/sdist" "$out/wheels"
"$python" -m maturin sdist -o "$out/sdist"
# Unpacked as of now: cargo goes by the time of files, and archives have none of their own.
tar -xzmf "$out"/sdist/perso-*.tar.gz -C "$out/sdist" --strip-components 1
CARGO_TARGET_DIR=$out/build "$python" -m maturin build --profile checked -i "$python" \
    -m "$out/sdist/perso-py/Cargo.toml" -o "$out/wheels"
for sdk in mcp1 mcp2; do
    "$out/$sdk/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "$out"/wheels/perso-*.whl
done

echo "$("$python" --version), $(grep -hE '^(mcp|fastmcp|langchain-core|openai-agents|pydantic)==' requirements/mcp2.txt | tr '\n' ' ')" \
    "and $(grep -hE '^(mcp|mcp-server-.*)==' requirements/mcp1.txt | tr '\n' ' ')"
failed=0
cd "$out" # Not where the sources are: what is installed is what is tested.
config=$root/perso-py/pyproject.toml
"$python" -m mypy --config-file "$config" -p perso || failed=1
"$python" -m mypy.stubtest perso._perso || failed=1
"$PERSO_PYTHON_MCP1" -m mypy --config-file= --strict --follow-imports=silent -m perso.adapters.mcp1 || failed=1
# ruff reads the sources, and resolves the paths in its configuration from where they are.
(cd "$root/perso-py" && "$python" -m ruff check --no-cache) || failed=1
(cd "$root/perso-py" && "$python" -m ruff format --check --no-cache) || failed=1

tests=$root/perso-py/tests
installed=$("$python" -c 'import perso; print(perso.__path__[0])')
# run [OPTION ...]: every test in this process, by a Python with such options.
run() {
    local failed=0
    "$python" "$@" -m pytest -q -p no:cacheprovider -c "$config" "$tests"/{core,mcp2,fastmcp,agents} || failed=1
    "$PERSO_PYTHON_MCP1" "$@" -m pytest -q -p no:cacheprovider -c "$config" "$tests/mcp1" || failed=1
    return $failed
}

# In development mode as well, meanwhile: much of the time is spent on waiting for servers to start.
run -X dev > "$out/dev.log" 2>&1 &
dev=$!
run || failed=1
# Its servers are processes of their own, which know nothing of that mode.
"$python" -m pytest -q -p no:cacheprovider -c "$config" "$tests/end_to_end" || failed=1
wait $dev || failed=1
echo "In development mode:"
cat "$out/dev.log"
"$python" -m pytest -q -c "$config" --doctest-modules --ignore-glob '*/adapters/mcp1.py' "$installed" || failed=1
exit $failed
