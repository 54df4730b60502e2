#!/usr/bin/env bash
# Has a shell run a file of command lines where it can do no harm: `sandbox.sh BIN LOG FILE SHELL [ARGUMENT ...]`.
#
# It runs in an empty directory that it cannot write to, without a network, within a minute, with nothing but BIN in its
# PATH, and as nobody where the caller is root. What is in BIN finds LOG in the variable of that name.
set -euo pipefail
bin=$1 log=$2 file=$3 shell=$(command -v "$4")
shift 4

empty=$(mktemp -d)
trap 'rmdir "$empty"' EXIT
chmod 555 "$empty"
cd "$empty"

# Without root, a namespace of users makes one of the network possible. PATH leads nowhere when these are looked for.
isolated=("$(command -v unshare)" --user --net)
if [ "$(id -u)" = 0 ]; then
    isolated=("$(command -v unshare)" --net "$(command -v setpriv)" --reuid=65534 --regid=65534 --clear-groups
        --no-new-privs --inh-caps=-all --bounding-set=-all)
fi

# No core, files of 64 MiB at most, a minute of computing.
ulimit -c 0 -f 65536 -t 60
env -i PATH="$bin" HOME=/nowhere LOG="$log" "$(command -v timeout)" --kill-after=5 60 "${isolated[@]}" \
    "$shell" "$@" "$file" < /dev/null
