#!/usr/bin/env bash
# Reads events of OCSF from standard input, a line each, and validates them with OCSF's own schema, which it installs from PyPI into
# `target/tools`, where it may.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of events for a SIEM"
. ../../../scripts/need.sh
version=1.2.0
folder=$(cd ../../.. && pwd)/target/tools/ocsf-json-schema-$version
mkdir -p "${folder%/*}"
exec 9> "$folder.lock"
flock 9
if ! "$folder/bin/python" -c 'import jsonschema, ocsf_json_schema' 2> /dev/null; then
    need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv' >&2
    rm -rf "$folder"
    python3 -m venv "$folder" >&2
    if ! "$folder/bin/pip" install -q --disable-pip-version-check "ocsf-json-schema==$version" jsonschema==4.26.0 >&2; then
        echo "$wants need ocsf-json-schema $version, which pip cannot install here" >&2
        exit 1
    fi
fi
exec "$folder/bin/python" -B validate.py
