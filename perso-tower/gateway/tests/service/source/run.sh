#!/usr/bin/env bash
# Installs a container registry from Debian and an S3 server from PyPI, where it may, and prints the paths of both.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of where policies come from"
. ../../../../../scripts/need.sh
version=5.2.5
folder=$(cd ../../../../.. && pwd)/target/tools/moto-$version

# Tests run at once, and each asks for them.
mkdir -p "${folder%/*}"
exec 9> "$folder.lock"
flock 9
if ! "$folder/bin/moto_server" --help > /dev/null 2>&1; then
    need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv' >&2
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    if ! "$folder/bin/pip" install -q --disable-pip-version-check "moto[s3,server]==$version" >&2; then
        echo "$wants need moto $version, which pip cannot install here" >&2
        exit 1
    fi
fi
need "a container registry" docker-registry command -v docker-registry >&2
command -v docker-registry
echo "$folder/bin/moto_server"
