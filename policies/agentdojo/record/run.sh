#!/usr/bin/env bash
# Records the calls of AgentDojo's tasks again, and replays them against the policies. Installs AgentDojo.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/agentdojo
mkdir -p "$out"

wants="AgentDojo's tasks"
. "$root/scripts/need.sh"
need "Python 3.11 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 11)'

if ! cmp -s requirements.txt "$out/venv/requirements.txt"; then
    rm -rf "${out:?}/venv"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt
    cp requirements.txt "$out/venv/requirements.txt"
fi
"$out/venv/bin/python" -B record.py > "$out/recording.jsonl"
diff ../recording.jsonl "$out/recording.jsonl" > "$out/recording.diff" || {
    echo "the recording has changed: see $out/recording.diff, and copy $out/recording.jsonl here" >&2
}
cd "$root"
exec cargo run --quiet --locked --profile checked -p perso-ledger --example agentdojo -- "$out/recording.jsonl"
