#!/usr/bin/env bash
# Tests the journal. `ssh-keygen`, which makes and verifies signatures, is installed where it may be.
set -euo pipefail
cd "$(dirname "$0")"

wants="the tests of the journal"
. ../../scripts/need.sh
need ssh-keygen openssh-client command -v ssh-keygen
cargo test --locked --profile checked -p perso-journal --no-fail-fast "$@"
