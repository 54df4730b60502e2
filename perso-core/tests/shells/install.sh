#!/usr/bin/env bash
# Installs what `tests/shells.rs` and `tests/shell_lines.rs` need, where it may.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of commands in real shells"
. ../../../scripts/need.sh
need bash bash command -v bash
need dash dash command -v dash
need zsh zsh command -v zsh
need mksh mksh command -v mksh
need BusyBox busybox command -v busybox
need "unshare and setpriv" util-linux sh -c 'command -v unshare && command -v setpriv'
need "timeout and stdbuf" coreutils sh -c 'command -v timeout && command -v stdbuf'
need "a C compiler" gcc command -v cc
