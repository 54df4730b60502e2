#!/usr/bin/env bash
# Builds the package, checks its format, and runs its tests: with both engines, in a browser, and on the package as users
# install it. Installs missing tools if it may, else lists them.
set -euo pipefail
cd "$(dirname "$0")"
export CHROMIUM=${CHROMIUM:-chromium}

wants="the Node package's tests"
. ./packages.sh
need "Python 3.10 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 10)'
need "Chromium (or CHROMIUM=path)" chromium command -v "$CHROMIUM"

# For the MCP client in Python.
if ! cmp -s test/requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r test/requirements.txt
    cp test/requirements.txt "$out/venv/requirements.txt"
fi
export PERSO_PYTHON=$out/venv/bin/python

PERSO_PROFILE=checked node scripts/build.mjs
# Generate the platform packages again: CI fails if the committed files differ.
npx napi create-npm-dirs > /dev/null

echo "Node $(node --version), V8 $(node -p process.versions.v8); $("$CHROMIUM" --version 2> /dev/null);" \
    "$(tr '\n' ' ' < test/requirements.txt)"
failed=0
npx prettier --check --log-level warn . || failed=1
# Some tests compile policies with warnings on purpose.
run() {
    node --disable-warning=PolicyWarning "$@" || failed=1
}
run --test test/core test/mcp test/agents test/browser test/documentation test/package
run --conditions=browser --test test/core test/mcp test/agents
exit $failed
