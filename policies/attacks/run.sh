#!/usr/bin/env bash
# Attacks the servers that the ready policies are for, alone and through the guards, in a sandbox. The guards are those that
# perso-py/run-tests.sh and perso-node/run-tests.sh have built.
set -euo pipefail
cd "$(dirname "$0")"

wants="the attacks on ready policies"
. ../../scripts/need.sh
need git git git --version
need unshare util-linux unshare --version
need setpriv util-linux setpriv --version
need ip iproute2 ip -V
need openssl openssl openssl version
need PostgreSQL postgresql sh -c 'ls /usr/lib/postgresql/*/bin/initdb'
. ../../perso-py/environments.sh
. ../../perso-node/packages.sh
python=$root/target/py/mcp1/bin/python

# Servers that no other test needs.
servers=$root/target/attacks/servers
if ! cmp -s servers/package-lock.json "$servers/node_modules/.installed-lock.json"; then
    mkdir -p "$servers"
    cp servers/package.json servers/package-lock.json "$servers"
    (cd "$servers" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp servers/package-lock.json "$servers/node_modules/.installed-lock.json"
fi

"$python" -c 'import perso' 2> /dev/null || "$python" -m pip install -q --disable-pip-version-check --no-deps "$root"/target/py/wheels/perso-*.whl || {
    echo "the Python guard is not built: run make python" >&2
    exit 1
}
[ -e "$root/perso-node/dist/mcp/guarded.js" ] || {
    echo "the Node guard is not built: run make node" >&2
    exit 1
}
PYTHONPATH=../../scripts exec "$python" -B play.py
