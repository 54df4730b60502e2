#!/usr/bin/env bash
# Builds the package and runs its tests by both engines, in a browser as well, and as users get it. Installs what is
# missing where it may, and says what is where it may not.
set -euo pipefail
cd "$(dirname "$0")"
export CHROMIUM=${CHROMIUM:-chromium}

wants="the Node package's tests"
. ./packages.sh
need "Python 3.10 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 10)'
need "Chromium (or CHROMIUM=path)" chromium command -v "$CHROMIUM"

# A client in Python.
if ! cmp -s test/requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "$out/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check -r test/requirements.txt
    cp test/requirements.txt "$out/venv/requirements.txt"
fi
export PERSO_PYTHON=$out/venv/bin/python

PERSO_PROFILE=checked node scripts/build.mjs
# The platforms' packages are as they are made: CI looks whether files have changed.
npx napi create-npm-dirs > /dev/null

echo "Node $(node --version), V8 $(node -p process.versions.v8); $("$CHROMIUM" --version 2> /dev/null);" \
    "$(tr '\n' ' ' < test/requirements.txt)"
failed=0
npx prettier --check --log-level warn . || failed=1
# A test says which engine it is run by; warnings about policies are part of what some of them test.
run() {
    node --disable-warning=PolicyWarning "$@" || failed=1
}
run --test test/core test/mcp test/agents test/browser test/documentation test/package
run --conditions=browser --test test/core test/mcp test/agents
exit $failed
