#!/usr/bin/env bash
# Installs the shells that `tests/shells.rs` compares with, where it may.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of commands in real shells"
. ../../../scripts/need.sh
need bash bash command -v bash
need dash dash command -v dash
need zsh zsh command -v zsh
need mksh mksh command -v mksh
need BusyBox busybox command -v busybox
need "unshare and timeout" util-linux command -v unshare
