#!/usr/bin/env bash
# Has a shell run lines where they can do no harm: `lines.sh ROOT SHELL [ARGUMENT ...]`.
#
# ROOT is a folder with `lines` (each ends with a NUL), `log`, which must be there, `sandbox` (see sandbox.c), and
# `programs`, the names of the programs that log. The lines run with ROOT as the root of the file system, where no other
# program is than those and the shells, without a network, with processes of their own, and as nobody where the caller
# is root.
set -euo pipefail
root=$1 shell=$2
shift 2

# Without root, a namespace of users makes the others possible.
isolated=(unshare --mount --pid --net --ipc --uts --fork --kill-child)
become=(--userspec=65534:65534 --groups=)
if [ "$(id -u)" != 0 ]; then
    isolated=(unshare --user --map-root-user "${isolated[@]:1}")
    become=()
fi

cd "$root"
mkdir -p bin real dev usr work tmp
while read -r name; do
    [ -e "bin/$name" ] || ln sandbox "bin/$name"
done < programs
for name in "$shell" bash dash zsh env nohup nice timeout setsid stdbuf; do
    [ ! -e "real/$name" ] || continue
    found=$(PATH=/usr/local/bin:/usr/bin:/bin command -v "$name") || { echo "$name is not installed" >&2; exit 1; }
    cp -L "$found" "real/$name"
done
cp -L real/dash real/sh
cp -L sandbox real/drive
printf 'path[$(pwned)]\n-t\nGIT_DIR=5\n$(pwned)\n' > input
: > dev/null

# Everything that is read is bound there, and cannot be written.
# shellcheck disable=SC2016
"${isolated[@]}" bash -euc '
    for folder in lib lib32 lib64 usr/lib usr/lib64 usr/libexec; do
        if [ -L "/$folder" ]; then
            [ -L "$folder" ] || cp -P "/$folder" "$folder"
        elif [ -d "/$folder" ]; then
            mkdir -p "$folder"
            mount --bind "/$folder" "$folder"
            mount -o remount,bind,ro "$folder"
        fi
    done
    mount --bind /dev/null dev/null
    mount -t tmpfs -o mode=1777,size=16m tmpfs work
    mount -t tmpfs -o mode=1777,size=16m tmpfs tmp
    chroot=$(command -v chroot) setpriv=$(command -v setpriv)
    become=()
    while [ "$1" != -- ]; do become+=("$1"); shift; done
    shift
    exec -c "$setpriv" --no-new-privs --inh-caps=-all "$chroot" "${become[@]}" . /real/drive "$@"
' bash "${become[@]}" -- "/real/$shell" "$@"
